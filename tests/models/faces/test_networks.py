"""The face networks and the segmentation give what LiteRT made of the files they were converted from."""

from pathlib import Path

import cv2
import matplotlib
import numpy as np
import numpy.typing as npt
import pytest
import skimage.data

from models.common.stored_graph import StoredGraph
from models.common.weights import FOLDER
from models.faces.detect import FaceDetector
from models.faces.mesh import FaceMesher, roi_of_detection, roi_of_mesh

U8 = npt.NDArray[np.uint8]


def portrait(name: str) -> U8:
    if name == "eileen":
        return np.ascontiguousarray(skimage.data.astronaut())
    bgr = cv2.imread(str(Path(matplotlib.get_data_path()) / "sample_data/grace_hopper.jpg"))
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


@pytest.fixture(scope="module")
def expected() -> dict[str, npt.NDArray[np.float32]]:
    with np.load(Path(__file__).with_name("litert.npz")) as stored:
        return dict(stored)


@pytest.mark.parametrize("name", ["eileen", "grace"])
def test_faces_lie_where_litert_found_them(name: str, expected: dict[str, npt.NDArray[np.float32]]) -> None:
    rgb, mesher = portrait(name), FaceMesher()
    (found,) = FaceDetector().whole(rgb)
    numbers = np.array([*found.box, *found.keypoints.ravel(), found.score])
    np.testing.assert_allclose(numbers[:-1], expected[f"{name}_detection"][:-1], atol=0.5)
    assert numbers[-1] == pytest.approx(expected[f"{name}_detection"][-1], abs=0.01)
    mesh = mesher.mesh(rgb, roi_of_detection(found.box, found.keypoints))
    mesh = mesher.mesh(rgb, roi_of_mesh(mesh))
    np.testing.assert_allclose(mesh.points, expected[f"{name}_mesh"], atol=0.5)


def test_the_person_is_cut_out_as_by_litert(expected: dict[str, npt.NDArray[np.float32]]) -> None:
    model = StoredGraph(FOLDER / "selfie_segmentation.safetensors")
    halved = portrait("eileen")[:288].reshape(144, 2, 256, 2, 3).mean((1, 3)) / 255
    (mask,) = model.run(halved.astype(np.float32)[None])
    assert mask.shape == (1, 144, 256, 1)
    np.testing.assert_allclose(mask[0, ::4, ::4, 0], expected["segmentation"], atol=1e-3)


def test_missing_weights_are_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.safetensors"):
        StoredGraph(FOLDER / "nothing.safetensors")
