"""One number a person: over cuts, absences, and mistakes."""

import cv2
import numpy as np
import pytest
import skimage.data

from models.common.arrays import F32, U8
from models.faces.encoder import FaceEncoder
from models.faces.looks import MOST, Looks
from models.faces.mesh import Mesh
from models.faces.people import MOST_PEOPLE, People
from models.faces.track import Track
from models.faces.tracker import FaceModels, FaceTracker
from tests.models.faces.films import FPS, backdrop, ids, paste

SCENES = (skimage.data.coffee, skimage.data.rocket)


def scene(which: int, *faces: tuple[U8, int, int, int]) -> U8:
    """A photograph, 640x360, with portraits at x, y, of a size."""
    canvas = np.asarray(cv2.resize(SCENES[which](), (640, 360), interpolation=cv2.INTER_AREA), np.uint8)
    for portrait, x, y, size in faces:
        paste(canvas, portrait, x, y, size)
    return canvas


def look(*towards: float) -> F32:
    """A made-up embedding: its first numbers."""
    made = np.zeros(128, np.float32)
    made[: len(towards)] = towards
    return made


def person(id: int, t: float, *looks: F32) -> Track:
    points = np.random.default_rng(id).uniform(0, 100, (468, 3)).astype(np.float32)
    track = Track(Mesh(points, 1.0), t, agreed=t, began=t, id=id)
    for one in looks:
        track.looks.add(one)
    return track


@pytest.fixture
def people(models: FaceModels) -> People:
    return People(models.encoder)


class TestLooks:
    def test_it_keeps_few_and_knows_the_nearest(self) -> None:
        looks = Looks()
        assert looks.distance(look(0)) == np.inf
        for i in range(50):
            looks.add(look(i / 2))
        assert len(looks) == MOST
        assert looks.taken == 50
        assert looks.distance(look(0.3)) == pytest.approx(0.2)

    def test_like_ones_are_blended(self) -> None:
        looks = Looks()
        looks.add(look(0))
        looks.add(look(0.2))
        assert len(looks) == 1
        assert looks.distance(look(0.04)) == pytest.approx(0, abs=1e-6)

    def test_the_median_of_several_decides(self) -> None:
        one, other = Looks(), Looks()
        assert one.apart(other) == np.inf
        one.add(look(0))
        for x in (0.3, 0.6, 2.0):
            other.add(look(x))
        assert one.apart(other) == pytest.approx(0.6)


class TestPeople:
    def test_two_numbers_of_one_person_become_the_older(self, people: People) -> None:
        people.lost = [person(1, 0.0, look(0), look(0.1), look(0.2)), person(2, 0.0, look(3), look(3), look(3))]
        here, beside = person(3, 9.0, look(0.1), look(0.1), look(0.2)), person(4, 9.0)
        here.looked, beside.met = 9.0, {3, 5}
        people.merge([here, beside], 9.0)
        assert people.merged == [(3, 1)]
        assert here.id == 1
        assert beside.met == {1, 5}
        assert [track.id for track in people.lost] == [2]

    def test_who_was_seen_beside_is_somebody_else(self, people: People) -> None:
        people.lost = [person(1, 0.0, look(0), look(0), look(0))]
        here = person(2, 9.0, look(0), look(0), look(0))
        here.looked, here.met = 9.0, {1}
        people.merge([here], 9.0)
        assert (people.merged, here.id) == ([], 2)

    def test_who_was_out_of_sight_for_longest_is_forgotten(self, people: People) -> None:
        people.lost = [person(id, 100.0 - id, look(id)) for id in range(1, 61)]
        people.forget(100.0, 2)
        assert sorted(track.id for track in people.lost) == list(range(1, MOST_PEOPLE - 1))

    def test_who_cannot_be_known_again_is_forgotten(self, people: People) -> None:
        people.lost = [person(1, 0.0), person(2, 0.0, look(1)), person(3, 5.0)]
        people.forget(6.0, 0)
        assert [track.id for track in people.lost] == [2, 3]

    def test_between_two_who_look_alike_nobody_is_chosen_at_first(self, people: People) -> None:
        people.lost = [person(1, 0.0, look(0)), person(2, 0.0, look(0.6))]
        new = person(0, 99.0, look(0.29))
        people.recognise([new], 99.0)
        assert new.id == 0
        new = person(0, 99.0, look(0.2))
        people.recognise([new], 99.0)
        assert new.id == 1


class TestShots:
    def test_after_a_cut_everybody_has_the_old_number_at_once(self, models: FaceModels, eileen: U8, grace: U8) -> None:
        shots = (
            scene(0, (eileen, 60, 80, 200)),
            scene(1, (grace, 380, 60, 220)),
            scene(0, (eileen, 400, 40, 240)),
            scene(1, (grace, 60, 80, 200), (eileen, 380, 80, 200)),
        )
        tracker, seen, cuts = FaceTracker(models), [], []
        for i in range(40):
            seen.append(ids(tracker.step(shots[i // 10], i / FPS)))
            cuts += [i] if tracker.cut else []
        assert cuts == [10, 20, 30]
        assert seen == [[]] + 9 * [[1]] + [[]] + 9 * [[2]] + 10 * [[1]] + 10 * [[1, 2]]

    def test_a_pan_and_a_flash_leave_the_numbers(self, models: FaceModels, eileen: U8, grace: U8) -> None:
        wide = np.asarray(cv2.resize(skimage.data.coffee(), (1100, 400)), np.uint8)
        paste(wide, eileen, 350, 60, 200)
        paste(wide, grace, 600, 80, 200)
        tracker = FaceTracker(models)
        for i in range(30):
            x = 100 + 10 * min(i, 15)
            rgb = wide[20:380, x : x + 640]
            faces = tracker.step(cv2.convertScaleAbs(rgb, alpha=1.4, beta=40) if i == 20 else rgb, i / FPS)
            assert not tracker.cut
            assert i == 0 or ids(faces) == [1, 2]

    def test_somebody_else_in_the_same_place_without_a_cut(self, models: FaceModels, eileen: U8, grace: U8) -> None:
        tracker, seen = FaceTracker(models), []
        for i in range(100):
            seen.append(ids(tracker.step(scene(0, (grace if 30 <= i < 65 else eileen, 260, 130, 110)), i / FPS)))
            assert not tracker.cut
        assert (seen[29], seen[64], seen[-1]) == ([1], [2], [1])


class TestCalls:
    def test_another_tracker_knows_the_people_at_once(self, models: FaceModels, eileen: U8, grace: U8) -> None:
        one, other = FaceTracker(models), FaceTracker(models)
        for i in range(8):
            one.step(scene(0, (eileen, 60, 80, 200), (grace, 380, 80, 200)), i / FPS)
        other.recall(one.remember())
        assert ids(other.step(scene(1, (grace, 100, 60, 240)), 300.0)) == [2]

    def test_people_close_to_each_other_are_learnt_too(self, models: FaceModels, eileen: U8, grace: U8) -> None:
        tracker = FaceTracker(models)
        for i in range(50):
            tracker.step(scene(0, (eileen, 180, 80, 200), (grace, 320, 80, 200)), i / FPS)
        tracks = tracker.remember().tracks
        assert all(track.crowded == 49 / FPS for track in tracks)
        assert all(track.looks.taken >= 5 for track in tracks)

    def test_who_looks_like_somebody_in_the_picture_is_not_that_one(self, models: FaceModels, grace: U8) -> None:
        tracker = FaceTracker(models)
        for i in range(40):
            twins = ((grace, 60, 80, 200), (grace, 380, 80, 200)) if i >= 10 else ((grace, 60, 80, 200),)
            faces = tracker.step(scene(0, *twins), i / FPS)
        assert ids(faces) == [1, 2]

    def test_at_most_two_faces_a_picture_are_embedded(
        self, models: FaceModels, eileen: U8, grace: U8, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        counts = [0]
        embed = FaceEncoder.embed

        def counted(self: FaceEncoder, rgb: U8, mesh: Mesh) -> F32:
            counts[-1] += 1
            return embed(self, rgb, mesh)

        monkeypatch.setattr(FaceEncoder, "embed", counted)
        tracker = FaceTracker(models)
        for i in range(75):
            canvas = backdrop()
            for k in range(6):
                paste(canvas, (eileen, grace)[k % 2], 10 + 210 * (k % 3), 5 + 180 * (k // 3), 170)
            tracker.step(canvas, i / FPS)
            counts.append(0)
        assert max(counts) == 2
        assert sum(counts[50:]) <= 24  # six faces, close to each other: each every 0.3 s; one a picture
