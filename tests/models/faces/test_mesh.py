"""The mesh of a face, and what its lips do."""

import cv2
import numpy as np
import pytest

from models.common.arrays import U8
from models.faces.mesh import Mesh, aligned_lips, lip_numbers
from models.faces.tracker import FaceModels
from tests.models.faces.films import steady_mesh


class TestLips:
    def test_numbers_of_known_contours(self) -> None:
        contours = np.zeros((40, 2), np.float32)
        contours[25, 1], contours[35, 1] = 0.8, 0.7  # inner lower and upper
        contours[5, 1], contours[15, 1] = 0.9, 0.5  # outer lower and upper
        contours[10, 0], contours[0, 0] = 0.4, -0.45
        np.testing.assert_allclose(lip_numbers(contours), [1.2, 4.8, 10.2, 10.8], rtol=1e-5)

    def test_contours_do_not_feel_place_roll_and_size(self, models: FaceModels, eileen: U8) -> None:
        mesh = steady_mesh(models, eileen)
        c, s = np.cos(0.6), np.sin(0.6)
        points = mesh.points.copy()
        points[:, :2] = points[:, :2] @ np.array([[c, s], [-s, c]]).T * 2.5 + (40, -7)
        np.testing.assert_allclose(aligned_lips(Mesh(points, 1.0)), aligned_lips(mesh), atol=1e-4)

    @pytest.mark.parametrize("degrees", [-40, -20, 20, 40])
    def test_a_rolled_head_has_the_same_lips(self, models: FaceModels, grace: U8, degrees: int) -> None:
        upright = lip_numbers(aligned_lips(steady_mesh(models, grace)))
        turn = cv2.getRotationMatrix2D((175, 175), degrees, 1)
        mesh = steady_mesh(models, cv2.warpAffine(grace, turn, (350, 350)))
        assert np.rad2deg(mesh.angle) == pytest.approx(np.rad2deg(steady_mesh(models, grace).angle) - degrees, abs=3)
        np.testing.assert_allclose(lip_numbers(aligned_lips(mesh)), upright, atol=0.8)

    def test_an_opening_mouth_opens(self, models: FaceModels, grace: U8) -> None:
        mesh = steady_mesh(models, grace)
        lip_line = int(mesh.points[[13, 14], 1].mean())
        middle, reach = int(mesh.points[13, 0]), int(mesh.eye_distance * 0.3)
        openings = []
        for gap in (0, 6, 12, 18, 24):
            talking = grace.copy()
            talking[lip_line + gap :] = grace[lip_line : len(grace) - gap]
            talking[lip_line : lip_line + gap] = grace[lip_line]
            if gap:
                cv2.ellipse(talking, (middle, lip_line + gap // 2), (reach, gap // 2), 0, 0, 360, (60, 15, 15), -1)
            openings.append(float(lip_numbers(aligned_lips(steady_mesh(models, talking)))[0]))
        assert np.corrcoef([0, 6, 12, 18, 24], openings)[0, 1] > 0.9
        assert openings[-1] - openings[0] > 1.0
