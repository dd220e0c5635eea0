"""A face that the tests of the portrait share."""

import numpy as np
import pytest
import skimage.data

from models.common.arrays import F32, U8
from models.faces.mesh import Mesh
from models.portrait.find import find_portrait
from models.portrait.mouth import Mouth


@pytest.fixture(scope="package")
def mouth() -> Mouth:
    return Mouth()


@pytest.fixture(scope="package")
def found() -> tuple[U8, Mesh]:
    return find_portrait(np.ascontiguousarray(skimage.data.astronaut()))


@pytest.fixture(scope="package")
def speech() -> F32:
    """Three seconds of the recorded voice that moonshine-voice brings along."""
    import soundfile
    from scipy.signal import resample_poly

    from models.common.weights import packaged

    pcm, rate = soundfile.read(packaged("moonshine_voice", "assets", "two_cities.wav"), dtype="float32", always_2d=True)
    return np.asarray(resample_poly(pcm[: 4 * rate].mean(axis=1), 16_000, rate)[16_000:64_000], np.float32)
