"""Faces in made-up films: two public-domain portraits moved about."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st

from models.common.arrays import F32, U8
from models.faces.detect import Detection, overlap, tiles, without_duplicates
from models.faces.mesh import (
    Mesh,
    aligned_lips,
    lip_numbers,
    roi_of_detection,
    roi_of_mesh,
)
from models.faces.signature import Gallery, signature
from models.faces.tracker import Face, FaceModels, FaceTracker

Draw = Callable[[U8, int], None]
FPS = 25


@pytest.fixture(scope="module")
def models() -> FaceModels:
    return FaceModels()


@pytest.fixture(scope="module")
def eileen() -> U8:
    return np.ascontiguousarray(skimage.data.astronaut()[0:220, 110:330])


@pytest.fixture(scope="module")
def grace() -> U8:
    bgr = cv2.imread(str(Path(matplotlib.get_data_path()) / "sample_data/grace_hopper.jpg"))
    return np.ascontiguousarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)[20:370, 80:430])


def backdrop(width: int = 640, height: int = 360) -> U8:
    noise = np.random.default_rng(0).integers(0, 255, (height, width, 3)).astype(np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 9)


def paste(canvas: U8, portrait: U8, x: int, y: int, size: int) -> None:
    """Put the oval middle of a portrait at (x, y); what falls outside of the canvas is cut off."""
    small = cv2.resize(portrait, (size, size), interpolation=cv2.INTER_AREA)
    rows, columns = np.mgrid[0:size, 0:size]
    oval = ((columns - size / 2) / (size * 0.42)) ** 2 + ((rows - size / 2) / (size * 0.5)) ** 2 < 1
    height, width = canvas.shape[:2]
    left, top, right, bottom = max(0, x), max(0, y), min(width, x + size), min(height, y + size)
    if right > left and bottom > top:
        part = np.s_[top - y : bottom - y, left - x : right - x]
        canvas[top:bottom, left:right][oval[part]] = small[part][oval[part]]


def film(
    models: FaceModels, frames: int, draw: Draw, width: int = 640, height: int = 360, max_faces: int = 6
) -> list[list[Face]]:
    tracker, clean = FaceTracker(models, max_faces), backdrop(width, height)
    seen = []
    for i in range(frames):
        canvas = clean.copy()
        draw(canvas, i)
        seen.append(tracker.step(canvas, i / FPS))
    return seen


def ids(faces: list[Face]) -> list[int]:
    return [face.id for face in faces]


def id_near(faces: list[Face], x: float) -> int:
    nearest = min(faces, key=lambda face: abs(face.box[0] + face.box[2] / 2 - x))
    assert abs(nearest.box[0] + nearest.box[2] / 2 - x) < 0.06
    return nearest.id


def steady_mesh(models: FaceModels, rgb: U8) -> Mesh:
    found = models.detector.whole(rgb)[0]
    mesh = models.mesher.mesh(rgb, roi_of_detection(found.box, found.keypoints))
    for _ in range(3):
        mesh = models.mesher.mesh(rgb, roi_of_mesh(mesh))
    return mesh


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


class TestSignature:
    def test_people_differ_more_than_pictures_of_one(self, models: FaceModels, eileen: U8, grace: U8) -> None:
        rng = np.random.default_rng(2)

        def looks(portrait: U8) -> list[F32]:
            made = []
            side = len(portrait)
            for _ in range(6):
                turn = cv2.getRotationMatrix2D((side / 2, side / 2), rng.uniform(-15, 15), rng.uniform(0.6, 1))
                rgb = cv2.warpAffine(portrait, turn, (side, side)).astype(np.float32) * rng.uniform(0.8, 1.2)
                rgb = np.clip(rgb + rng.normal(0, 5, rgb.shape), 0, 255).astype(np.uint8)
                made.append(signature(rgb, steady_mesh(models, rgb)))
            return made

        one, two = looks(eileen), looks(grace)
        gallery = Gallery()
        for look in one[:2]:
            gallery.add(look)
        assert min(gallery.likeness(look) for look in one[2:]) > max(gallery.likeness(look) for look in two) + 0.1

    def test_a_gallery_stays_small(self) -> None:
        gallery = Gallery()
        rng = np.random.default_rng(3)
        for _ in range(50):
            gallery.add(rng.normal(size=560).astype(np.float32))
        assert len(gallery) <= 8


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

    @pytest.mark.parametrize(("away", "same"), [(4.5, True), (6.0, False)])
    def test_memory_is_five_seconds(self, models: FaceModels, grace: U8, away: float, same: bool) -> None:
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
        assert ids(faces) == ([1] if same else [2])
        assert [track.id for track in tracker.remember().tracks] == ids(faces)

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
