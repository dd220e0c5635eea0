"""Networks and portraits that the tests of faces share."""

from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest
import skimage.data

from models.common.arrays import U8
from models.faces.tracker import FaceModels


@pytest.fixture(scope="package")
def models() -> FaceModels:
    return FaceModels()


@pytest.fixture(scope="package")
def eileen() -> U8:
    return np.ascontiguousarray(skimage.data.astronaut()[0:220, 110:330])


@pytest.fixture(scope="package")
def grace() -> U8:
    bgr = cv2.imread(str(Path(matplotlib.get_data_path()) / "sample_data/grace_hopper.jpg"))
    return np.ascontiguousarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)[20:370, 80:430])
