import cv2
import matplotlib
import numpy as np
import pytest
import skimage.data


@pytest.fixture(scope="module")
def picture():
    """Two faces side by side, 640x320."""
    left = cv2.resize(skimage.data.astronaut()[:256, 96:352], (320, 320))
    path = matplotlib.get_data_path() + "/sample_data/grace_hopper.jpg"
    right = cv2.resize(cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)[:400, 60:460], (320, 320))
    return np.ascontiguousarray(np.concatenate([left, right], axis=1))
