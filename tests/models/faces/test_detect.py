"""Where faces are found in one picture."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.common.arrays import U8
from models.faces.detect import Detection, overlap, tiles, without_duplicates
from models.faces.tracker import FaceModels
from tests.models.faces.films import backdrop, paste, steady_mesh


class TestBoxes:
    def test_overlap_of_known_boxes(self) -> None:
        assert overlap((0, 0, 2, 2), (1, 1, 2, 2)) == pytest.approx((1 / 7, 1 / 4))
        assert overlap((0, 0, 4, 4), (1, 1, 1, 1)) == pytest.approx((1 / 16, 1))
        assert overlap((0, 0, 1, 1), (1, 0, 1, 1)) == (0, 0)

    def test_the_best_of_duplicates_stays(self) -> None:
        points = np.zeros((6, 2), np.float32)
        boxes = [((0, 0, 10, 10), 0.6), ((1, 0, 10, 10), 0.9), ((30, 0, 10, 10), 0.7), ((1, 1, 3, 3), 0.8)]
        kept = without_duplicates([Detection(box, points, score) for box, score in boxes])
        assert [k.score for k in kept] == [0.9, 0.7]

    @given(st.integers(32, 2000), st.integers(32, 2000))
    def test_tiles_cover_the_picture_and_stay_few(self, width: int, height: int) -> None:
        squares = tiles(width, height)
        assert len(squares) <= 64
        if not squares:
            assert max(width, height) <= 360
            return
        xs = sorted({(x, x + side) for x, _, side in squares})
        ys = sorted({(y, y + side) for _, y, side in squares})
        for spans, length in ((xs, width), (ys, height)):
            assert spans[0][0] == 0
            assert spans[-1][1] == max(length, squares[0][2])
            assert all(later[0] <= earlier[1] for earlier, later in pairwise(spans))


class TestDetector:
    @pytest.mark.parametrize("size", [400, 240, 120, 80])
    def test_place_and_size(self, models: FaceModels, eileen: U8, size: int) -> None:
        canvas = backdrop(640, 480)
        paste(canvas, eileen, 150, 40, size)
        found = models.detector.whole(canvas)
        assert len(found) == 1
        mesh = steady_mesh(models, eileen)
        expected = np.array([150, 40]) + mesh.eyes[:, :2] * size / 220
        np.testing.assert_allclose(found[0].keypoints[:2], expected, atol=0.08 * size)

    def test_a_tile_finds_what_the_whole_picture_hides(self, models: FaceModels, grace: U8) -> None:
        canvas = backdrop(1280, 720)
        paste(canvas, grace, 900, 300, 44)
        assert models.detector.whole(canvas) == []
        assert len(models.detector.area(canvas, 840, 240, 240)) == 1

    def test_noise_has_no_face(self, models: FaceModels) -> None:
        rng = np.random.default_rng(1)
        for _ in range(5):
            assert models.detector.whole(rng.integers(0, 255, (360, 640, 3)).astype(np.uint8)) == []

    def test_squares_over_the_edge(self, models: FaceModels, grace: U8) -> None:
        canvas = backdrop()
        paste(canvas, grace, 220, 80, 200)
        box = models.detector.whole(canvas)[0].box
        for x, y, side in ((150.3, 20.7, 330), (200.0, -80.4, 500), (-300, -300, 1200)):
            found = models.detector.area(canvas, x, y, side)
            assert len(found) == 1
            assert overlap(found[0].box, box)[0] > 0.6
        assert models.detector.area(canvas, 5000, 5000, 100) == []
