import cv2
import matplotlib.cbook
import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from models.faces.detect import FaceDetector
from models.faces.embedding import MEAN, SIDE, load_face_embedding
from models.faces.encoder import LANDMARKS, FaceEncoder, aligned, distance
from models.faces.mesh import FaceMesher, Mesh, roi_of_detection

SAME = 0.6
"""Distance below which dlib's author takes two faces for one person."""


@pytest.fixture(scope="module")
def encoder():
    return FaceEncoder()


@pytest.fixture(scope="module")
def portraits():
    """Two people."""
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        return skimage.data.astronaut(), np.asarray(Image.open(file).convert("RGB"))


def mesh_of(rgb):
    face = FaceDetector().whole(rgb)[0]
    return FaceMesher().mesh(rgb, roi_of_detection(face.box, face.keypoints))


def placed(points):
    """A mesh of which only the landmarks for alignment are given."""
    mesh = np.zeros((468, 3), np.float32)
    mesh[list(LANDMARKS), :2] = points
    return Mesh(mesh, 1.0)


def test_it_equals_the_original(encoder, portraits):
    # What the package's own code in JavaScript gives for this chip; it divides by 255 where dlib divides by 256.
    original = [-0.0622, -0.0543, -0.0089, 0.0261, 0.3090, -0.1742, -0.1854, 0.1801, 0.2046, -0.0277, 0.0033, -0.0559]
    got = encoder.embed(portraits[0], mesh_of(portraits[0]))
    assert got.shape == (128,) and got.dtype == np.float32
    np.testing.assert_allclose(got[::11], original, atol=0.005)


def test_onnx_equals_torch(encoder):
    chips = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
    x = (torch.from_numpy(chips).float() - torch.tensor(MEAN)).permute(0, 3, 1, 2) / 256
    with torch.inference_mode():
        expected = load_face_embedding()(x).numpy()
    np.testing.assert_allclose(encoder.embed_aligned(chips), expected, atol=1e-5)


def test_one_person_stays_and_another_is_far(encoder, portraits):
    one, other = (encoder.embed(rgb, mesh_of(rgb)) for rgb in portraits)
    height, width = portraits[0].shape[:2]
    turned = cv2.warpAffine(
        cv2.convertScaleAbs(portraits[0], alpha=0.7, beta=10),
        cv2.getRotationMatrix2D((width / 2, height / 2), 20, 0.5),
        (width, height),
        borderMode=cv2.BORDER_REPLICATE,
    )
    again = encoder.embed(turned, mesh_of(turned))
    assert distance(one, again) < SAME / 2
    assert distance(one, other) > SAME and distance(again, other) > SAME


@pytest.mark.parametrize("scale", [0.4, 1.0, 5.0])
def test_eyes_and_nose_come_to_their_places(scale):
    where = np.array([(0.1217, 0.2164), (0.3346, 0.2317), (0.6456, 0.2317), (0.8585, 0.2164), (0.4901, 0.6281)])
    chip_points = (where + 0.25) * 100
    turn = scale * np.array([[0.8, -0.6], [0.6, 0.8]])
    picture_points = chip_points @ turn.T + (300 * scale, 100 * scale)
    rgb = np.zeros((round(400 * scale), round(500 * scale), 3), np.uint8)
    for x, y in picture_points:
        cv2.circle(rgb, (round(x), round(y)), max(2, round(3 * scale)), (255, 255, 255), -1)
    chip = aligned(rgb, placed(picture_points)).mean(2)
    for x, y in chip_points:
        near = chip[round(y) - 8 : round(y) + 9, round(x) - 8 : round(x) + 9]
        rows, columns = np.mgrid[-8:9, -8:9]
        assert abs((near * columns).sum() / near.sum()) < 1.5
        assert abs((near * rows).sum() / near.sum()) < 1.5


def test_what_lies_outside_of_the_picture_is_filled_with_its_edge():
    points = np.array([(-5, 20), (10, 20), (30, 20), (45, 20), (20, 45)])
    chip = aligned(np.full((60, 50, 3), 255, np.uint8), placed(points))
    assert chip.shape == (SIDE, SIDE, 3) and chip.min() == 255
