"""Faces followed through made-up films."""

import cv2
import numpy as np
import pytest

from models.common.arrays import U8
from models.faces.tracker import FaceModels, FaceTracker
from tests.models.faces.films import FPS, backdrop, film, id_near, ids, paste, steady_mesh


class TestTracker:
    def test_two_people_keep_their_numbers(self, models: FaceModels, eileen: U8, grace: U8) -> None:
        def draw(canvas: U8, i: int) -> None:
            paste(canvas, eileen, 60 + int(30 * np.sin(i / 9)), 60, 200)
            paste(canvas, grace, 380, 70 + int(15 * np.sin(i / 7)), 220)

        seen = film(models, 75, draw)
        assert all(len(faces) == 2 for faces in seen[1:])
        assert {tuple(ids(faces)) for faces in seen[1:]} == {(1, 2)}
        assert {id_near(faces, 0.78) for faces in seen[1:]} == {id_near(seen[-1], 0.78)}
        assert all(face.lips_visible and face.score > 0.9 for faces in seen[1:] for face in faces)

    @pytest.mark.parametrize("in_front", ["eileen", "grace"])
    def test_crossing(self, models: FaceModels, eileen: U8, grace: U8, in_front: str) -> None:
        def draw(canvas: U8, i: int) -> None:
            people = [(eileen, 20 + 4 * i, 80), (grace, 420 - 4 * i, 70)]
            for portrait, x, y in people if in_front == "grace" else people[::-1]:
                paste(canvas, portrait, x, y, 200)

        seen = film(models, 100, draw)
        before, after = seen[10], seen[-1]
        assert len(before) == len(after) == 2
        assert id_near(before, 160 / 640) == id_near(after, 516 / 640)  # eileen
        assert id_near(before, 480 / 640) == id_near(after, 124 / 640)  # grace
        assert max(max(ids(faces), default=0) for faces in seen) == 2
        assert all(len(set(ids(faces))) == len(faces) for faces in seen)

    @pytest.mark.parametrize("away", [4.5, 60.0])
    def test_whoever_comes_back_has_the_old_number(self, models: FaceModels, grace: U8, away: float) -> None:
        tracker, clean = FaceTracker(models), backdrop()
        there = clean.copy()
        paste(there, grace, 100, 80, 200)
        elsewhere = clean.copy()
        paste(elsewhere, grace, 380, 60, 230)
        for i in range(10):
            faces = tracker.step(there, i / FPS)
        assert ids(faces) == [1]
        for i in range(3):
            assert tracker.step(clean, 10 / FPS + i * away / 3) == []
        assert [track.id for track in tracker.remember().tracks] == [1]
        for i in range(5):
            faces = tracker.step(elsewhere, 10 / FPS + away + i / FPS)
        assert ids(faces) == [1]
        assert [track.id for track in tracker.remember().tracks] == [1]

    def test_somebody_else_in_the_same_place(self, models: FaceModels, eileen: U8, grace: U8) -> None:
        def draw(canvas: U8, i: int) -> None:
            paste(canvas, grace if 40 <= i < 80 else eileen, 200, 80, 200)

        seen = film(models, 110, draw)
        assert (ids(seen[35]), ids(seen[75]), ids(seen[-1])) == ([1], [2], [1])

    def test_a_hand_over_the_face(self, models: FaceModels, grace: U8) -> None:
        def draw(canvas: U8, i: int) -> None:
            paste(canvas, grace, 200, 80, 200)
            if 30 <= i < 50:
                canvas[100:300, 200:400] = (120, 90, 70)

        seen = film(models, 65, draw)
        assert ids(seen[40]) == []
        assert ids(seen[-1]) == [1]

    def test_out_of_the_side_and_back(self, models: FaceModels, eileen: U8) -> None:
        seen = film(models, 121, lambda canvas, i: paste(canvas, eileen, 200 + 8 * min(i, 120 - i), 80, 200))
        assert ids(seen[60]) == []
        assert ids(seen[-1]) == [1]
        cut = [face for faces in seen for face in faces if face.box[0] + face.box[2] > 0.999]
        assert cut
        assert not any(face.lips_visible for face in cut if face.box[0] > 0.9)

    def test_no_more_than_asked_for_and_none_twice(self, models: FaceModels, eileen: U8, grace: U8) -> None:
        def draw(canvas: U8, i: int) -> None:
            for k in range(7):
                paste(canvas, (eileen, grace)[k % 2], 10 + 155 * (k % 4), 10 + 170 * (k // 4), 150)

        seen = film(models, 25, draw)
        assert [len(faces) for faces in seen[3:]] == [6] * 22
        assert max(max(ids(faces), default=0) for faces in seen) == 6
        few = film(models, 25, draw, max_faces=2)
        assert [len(faces) for faces in few[3:]] == [2] * 22

    def test_the_mouth_below_the_edge(self, models: FaceModels, grace: U8) -> None:
        mouth = int(steady_mesh(models, grace).points[13, 1] * 300 / 350)
        seen = film(models, 10, lambda canvas, i: paste(canvas, grace, 170, 362 - mouth, 300))
        assert ids(seen[-1]) == [1]
        assert not seen[-1][0].lips_visible
        assert seen[-1][0].box[1] + seen[-1][0].box[3] <= 1

    def test_lips_of_a_far_face_cannot_be_read(self, models: FaceModels, grace: U8) -> None:
        seen = film(models, 40, lambda canvas, i: paste(canvas, grace, 300, 120, 44))
        assert ids(seen[-1]) == [1]
        assert not seen[-1][0].lips_visible

    def test_the_picture_changes_its_size(self, models: FaceModels, grace: U8) -> None:
        tracker = FaceTracker(models)
        large = backdrop()
        paste(large, grace, 300, 60, 240)
        small = cv2.resize(large, (320, 180), interpolation=cv2.INTER_AREA)
        boxes = []
        for i in range(12):
            faces = tracker.step(small if i >= 6 else large, i / FPS)
            assert i == 0 or ids(faces) == [1]
            boxes.append(faces[0].box if faces else (0.0,) * 4)
        np.testing.assert_allclose(boxes[5], boxes[6], atol=0.02)

    def test_portrait_and_grey(self, models: FaceModels, eileen: U8) -> None:
        def draw(canvas: U8, i: int) -> None:
            paste(canvas, eileen, 60, 200, 240)
            canvas[:] = cv2.cvtColor(canvas, cv2.COLOR_RGB2GRAY)[..., None]

        seen = film(models, 10, draw, width=360, height=640)
        assert [ids(faces) for faces in seen[2:]] == [[1]] * 8

    def test_box_and_landmarks_are_fractions(self, models: FaceModels, grace: U8) -> None:
        face = film(models, 4, lambda canvas, i: paste(canvas, grace, 200, 80, 200))[-1][0]
        assert face.landmarks is not None
        assert face.landmarks.shape == (468, 2)
        x, y, w, h = face.box
        np.testing.assert_allclose(face.landmarks.min(axis=0), (x, y), atol=1e-5)
        np.testing.assert_allclose(face.landmarks.max(axis=0), (x + w, y + h), atol=1e-5)
        assert face.lips.shape == (4,)
        assert face.lips.dtype == np.float32

    def test_nothing_to_see(self, models: FaceModels) -> None:
        tracker = FaceTracker(models)
        rng = np.random.default_rng(5)
        for i in range(6):
            assert tracker.step(rng.integers(0, 255, (200, 300, 3)).astype(np.uint8), i / FPS) == []
        for shape in ((16, 20, 3), (31, 500, 3), (1, 1, 3), (0, 0, 3)):
            assert tracker.step(np.zeros(shape, np.uint8), 1.0) == []

    def test_wrong_pictures_are_refused(self, models: FaceModels) -> None:
        tracker = FaceTracker(models)
        for wrong in (np.zeros((64, 64), np.uint8), np.zeros((64, 64, 4), np.uint8), np.zeros((64, 64, 3))):
            with pytest.raises(ValueError, match="uint8"):
                tracker.step(wrong, 0.0)  # type: ignore[arg-type]

    def test_a_clock_that_jumps_back(self, models: FaceModels, grace: U8) -> None:
        tracker, canvas = FaceTracker(models), backdrop()
        paste(canvas, grace, 200, 80, 200)
        for t in (10.0, 10.04, 10.08, 9.5, 9.5, 9.54, 9.58):
            faces = tracker.step(canvas, t)
        assert ids(faces) == [1]

    def test_two_people_exchange_places_at_once(self, models: FaceModels, eileen: U8, grace: U8) -> None:
        def draw(canvas: U8, i: int) -> None:
            paste(canvas, eileen, 60 if i < 20 else 380, 80, 200)
            paste(canvas, grace, 380 if i < 20 else 60, 80, 200)

        seen = film(models, 60, draw)
        assert id_near(seen[10], 0.25) == id_near(seen[-1], 0.75)
        assert id_near(seen[10], 0.75) == id_near(seen[-1], 0.25)

    def test_a_fast_head_is_never_lost(self, models: FaceModels, eileen: U8) -> None:
        seen = film(models, 60, lambda canvas, i: paste(canvas, eileen, round(220 + 190 * np.sin(i / 6)), 80, 200))
        assert {tuple(ids(faces)) for faces in seen[1:]} == {(1,)}

    def test_a_head_that_lies_down_is_kept(self, models: FaceModels, eileen: U8) -> None:
        def draw(canvas: U8, i: int) -> None:
            paste(canvas, eileen, 220, 80, 200)
            turn = cv2.getRotationMatrix2D((320, 180), min(2 * i, 60), 1)
            canvas[:] = cv2.warpAffine(canvas, turn, (640, 360), borderMode=cv2.BORDER_REFLECT)

        seen = film(models, 120, draw)
        assert {tuple(ids(faces)) for faces in seen[1:]} == {(1,)}

    def test_back_elsewhere_and_smaller_beside_another(self, models: FaceModels, eileen: U8, grace: U8) -> None:
        def draw(canvas: U8, i: int) -> None:
            paste(canvas, grace, 430, 80, 200)
            if i < 20:
                paste(canvas, eileen, 40, 80, 200)
            elif i > 120:
                paste(canvas, eileen, 230, 60, 120)

        seen = film(models, 145, draw)
        assert max(max(ids(faces), default=0) for faces in seen) == 2
        assert id_near(seen[10], 0.22) == id_near(seen[-1], 0.45)

    def test_trackers_share_networks_and_nothing_else(self, models: FaceModels, eileen: U8, grace: U8) -> None:
        trackers = FaceTracker(models), FaceTracker(models)
        canvases = backdrop(), backdrop()
        paste(canvases[0], eileen, 60, 80, 200)
        paste(canvases[1], grace, 380, 80, 200)
        for i in range(6):
            left, right = (k.step(canvas, i / FPS) for k, canvas in zip(trackers, canvases, strict=True))
        assert id_near(left, 0.25) == id_near(right, 0.75) == 1
        assert len(left) == len(right) == 1
