"""Who speaks in each chunk, on made-up voices and lips of which it is known."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.active_speaker.chunk import CHUNK, Chunk
from models.active_speaker.inference import APART, SpeakerInference
from models.active_speaker.likelihoods import (
    LEAST_RISE,
    OTHER,
    OWN,
    Prior,
    likelihood_ratio,
    lip_features,
    lip_ratio,
    smoothed,
)
from models.active_speaker.past import Past
from models.active_speaker.speaker import Speaker
from models.common.arrays import F32

SIZE = 192
SILENT, MOVES = (-3.1, -1.6), (-2.5, -0.5)
"""Lip features of somebody who listens, and of somebody who talks."""

LATE = 4
"""Chunks until the sound around a chunk is there."""


class Scene:
    """Chunks as they come in a call; a voice is known `LATE` chunks after its chunk."""

    def __init__(self, seed: int = 0, window: int = 150) -> None:
        self.rng = np.random.default_rng(seed)
        self.inference = SpeakerInference(window=window)
        self.voices = {name: self._unit(self.rng.standard_normal(SIZE)) for name in "abc"}
        self._waiting: list[F32 | None] = []

    def _unit(self, x: np.ndarray) -> F32:
        return (x / np.linalg.norm(x)).astype(np.float32)

    def voice(self, name: str) -> F32:
        """An embedding whose cosine with others of the same voice is about 0.7."""
        return self._unit(self.voices[name] + 0.65 * self._unit(self.rng.standard_normal(SIZE)))

    def lips(self, moves: bool) -> F32:
        mean = MOVES if moves else SILENT
        return (np.array(mean) + self.rng.normal(0, 0.15, 2)).astype(np.float32)

    def add(self, speaks: str | None, lips: dict[int, bool], count: int = 1, overlap: float = 0.0) -> None:
        for _ in range(count):
            seen = {id: self.lips(moves) for id, moves in lips.items()}
            self.inference.add(Chunk(0.0 if speaks is None else 0.95, overlap, seen))
            self._waiting.append(None if speaks is None else self.voice(speaks))
            due = self.inference.count - 1 - LATE
            if due >= self.inference.first:
                self.inference.chunk(due).voice = self._waiting[due]
            self.inference.infer()

    def who(self, numbers: Iterable[int]) -> list[int | None]:
        """Most probable known speaker of chunks, None where a stranger is more probable than all of them."""
        found = []
        for number in numbers:
            posterior = self.inference.posterior(number)
            id = max(posterior, key=lambda other: posterior[other])
            found.append(id if posterior[id] > 1 - sum(posterior.values()) else None)
        return found


def turns(scene: Scene) -> None:
    """Two faces, 2 s each, twice."""
    for speaks, id in (("a", 1), ("b", 2), ("a", 1), ("b", 2)):
        scene.add(speaks, {1: id == 1, 2: id == 2}, 10)


def test_two_faces_in_turns_are_told_apart() -> None:
    scene = Scene()
    turns(scene)
    assert scene.who(range(40)) == [1] * 10 + [2] * 10 + [1] * 10 + [2] * 10
    assert scene.inference.speakers == (1, 2)
    assert scene.inference.seconds(1) == pytest.approx(4.0, abs=0.4)
    assert scene.inference.own_speech(0.85)[1][0] == 0 and set(scene.inference.own_speech(0.85)[2]) <= {
        *range(10, 20),
        *range(30, 40),
    }


def test_a_third_voice_is_nobodys_face() -> None:
    scene = Scene()
    turns(scene)
    scene.add("c", {1: False, 2: False}, 15)
    assert set(scene.who(range(40, 55))) == {-1}
    assert scene.inference.speakers == (1, 2, -1)
    assert scene.who(range(40)) == [1] * 10 + [2] * 10 + [1] * 10 + [2] * 10


def test_a_voice_is_known_again_without_lips() -> None:
    scene = Scene()
    turns(scene)
    scene.add("a", {2: False}, 10)
    # The last chunks have no voice yet.
    assert scene.who(range(40, 46)) == [1] * 6


def test_a_listener_whose_lips_always_move_is_not_the_talker() -> None:
    scene = Scene()
    for speaks in ("a", None, "a", None, "a"):
        scene.add(speaks, {1: speaks == "a", 2: True}, 10)
    spoken = [*range(10), *range(20, 30), *range(40, 50)]
    assert scene.who(spoken) == [1] * 30


def test_a_still_picture_beside_a_talker_never_speaks() -> None:
    scene, still = Scene(), np.array([np.log(0.02), np.log(0.05)], np.float32)
    for i in range(60):
        scene.inference.add(Chunk(0.95, 0.0, {1: still, 2: scene.lips(True)}))
        if i >= LATE:
            scene.inference.chunk(i - LATE).voice = scene.voice("a")
        scene.inference.infer()
    assert max(scene.inference.posterior(i)[1] for i in range(60)) < 0.05
    assert scene.who(range(60)) == [2] * 60


def test_a_still_picture_alone_never_speaks() -> None:
    scene, still = Scene(), np.array([np.log(0.02), np.log(0.05)], np.float32)
    for i in range(60):
        scene.inference.add(Chunk(0.95, 0.0, {1: still}))
        if i >= LATE:
            scene.inference.chunk(i - LATE).voice = scene.voice("a")
        scene.inference.infer()
    assert max(scene.inference.posterior(i)[1] for i in range(10, 60)) < 0.5


def heard_before_seen(chunks: int) -> Scene:
    """Somebody talks out of sight for some chunks, then comes into the picture and talks on."""
    scene = Scene()
    scene.add("a", {}, chunks)
    assert scene.inference.speakers == (-1,)
    scene.add("a", {1: True}, 12)
    for _ in range(4):
        scene.add(None, {1: False}, 3)
        scene.add("a", {1: True}, 8)
    return scene


def test_a_voice_without_face_dies_when_it_is_a_faces() -> None:
    scene = heard_before_seen(7)
    assert scene.inference.speakers == (1,)
    assert set(scene.who(range(scene.inference.count))) == {1}


def test_a_voice_that_was_there_for_longer_becomes_the_faces_too() -> None:
    scene = heard_before_seen(12)
    assert scene.inference.speakers == (1,)
    assert set(scene.who(range(scene.inference.count))) == {1}


def test_what_left_the_window_counts_on() -> None:
    short, long = Scene(3, window=40), Scene(3, window=1000)
    for scene in (short, long):
        for _ in range(3):
            turns(scene)
    assert (short.inference.first, long.inference.first) == (80, 0)
    for number in range(85, 120):
        a, b = short.inference.posterior(number), long.inference.posterior(number)
        assert a == pytest.approx(b, abs=0.05)
    for id in (1, 2):
        assert short.inference.seconds(id) == pytest.approx(long.inference.seconds(id), abs=0.2)
        np.testing.assert_allclose(short.inference.lip_means(id), long.inference.lip_means(id), atol=0.05)


def test_posteriors_and_a_stranger_make_one() -> None:
    scene = Scene(1)
    turns(scene)
    scene.add("c", {1: False, 2: False}, 12)
    for number in range(scene.inference.count):
        posterior = scene.inference.posterior(number)
        assert all(0 <= p <= 1 for p in posterior.values()) and sum(posterior.values()) <= 1 + 1e-9
    row = scene.inference._gamma
    np.testing.assert_allclose(row.sum(axis=1), 1.0, atol=1e-9)


def test_overlap_and_silence_tell_nothing() -> None:
    assert Chunk(0.9, 0.1, {}).tells and not Chunk(0.9, 0.6, {}).tells and not Chunk(0.3, 0.0, {}).tells
    scene = Scene()
    scene.add("a", {1: True}, 20, overlap=0.9)
    assert scene.inference.seconds(1) == 0.0 and scene.inference.own_speech(0.5)[1] == []


def test_chunks_that_are_gone_or_not_there_are_refused() -> None:
    left: list[int] = []
    inference = SpeakerInference(window=5, retired=lambda number, chunk, posterior: left.append(number))
    for _ in range(8):
        inference.add(Chunk(0.0, 0.0, {}))
    assert left == [0, 1, 2] and (inference.first, inference.count) == (3, 8)
    for number in (2, 8):
        with pytest.raises(IndexError):
            inference.posterior(number)
    inference.retire()
    assert left == list(range(8)) and inference.count == 8
    inference.infer()
    assert inference.seconds(9) == 0.0


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 5), st.floats(0.5, 0.999))
def test_smoothed_is_the_posterior_over_all_paths(seed: int, count: int, states: int, stay: float) -> None:
    scores = np.random.default_rng(seed).normal(0, 3, (count, states))
    found = smoothed(scores, stay)
    assert found.shape == scores.shape and (found >= 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-9)
    # A constant for all states of a step changes nothing; time may run backwards.
    np.testing.assert_allclose(smoothed(scores + 5.0, stay), found, atol=1e-9)
    np.testing.assert_allclose(smoothed(scores[::-1], stay)[::-1], found, atol=1e-6)
    if states**count <= 4096 and states > 1:
        np.testing.assert_allclose(found, _by_all_paths(scores, stay), atol=1e-6)


def _by_all_paths(scores: np.ndarray, stay: float) -> np.ndarray:
    count, states = scores.shape
    change = (1 - stay) / (states - 1)
    total = np.zeros((count, states))
    for path in np.ndindex(*(states,) * count):
        p = np.exp(sum(scores[i, k] - scores[i].max() for i, k in enumerate(path)))
        p *= np.prod([stay if a == b else change for a, b in pairwise(path)])
        for i, k in enumerate(path):
            total[i, k] += p
    return np.asarray(total / total.sum(axis=1, keepdims=True))


def test_lip_features_need_pictures_and_know_a_jump() -> None:
    still = np.tile(np.array([0.3, 4, 10, 9], np.float32), (10, 1))
    assert lip_features(still[:2]) is None
    calm = lip_features(still)
    assert calm is not None and calm == pytest.approx([np.log(0.02), np.log(0.05)])
    jumps = still.copy()
    jumps[5:] += 50
    jump = lip_features(jumps)
    assert jump is not None and jump[0] == pytest.approx(np.log(2 / 9 + 0.02))


def test_likelihood_ratios_say_yes_no_and_nothing_more() -> None:
    ratio = likelihood_ratio(np.linspace(-1, 1, 201))
    # Nearer is never less the same; beyond what is usual it says nothing more.
    assert (np.diff(ratio) >= 0).all() and np.abs(ratio).max() <= 8
    own, other = likelihood_ratio(np.array([OWN[0], OTHER[0]]))
    assert own > 3 and other < -3
    means = np.array([[-3.0, 0.5], [-1.0, LEAST_RISE]])
    lips = np.array([[-3.0, -1.0], [-2.5, -0.75], [3.0, 3.0]])
    said = lip_ratio(lips, means, Prior())
    # As often silent as not at half the rise; more than usual is no more than half over.
    assert said[0] == pytest.approx(-said[1]) and said[2] <= 8 and said[2] > said[1] > 0


def test_sound_shared_by_neighbours_is_no_evidence() -> None:
    inference = SpeakerInference()
    voice = np.eye(SIZE, dtype=np.float32)[0]
    for _ in range(APART):
        inference.add(Chunk(0.95, 0.0, {1: np.array(MOVES, np.float32)}, voice))
    tells = np.ones(APART, bool)
    with_voice = inference._scores(tells, tells, np.tile(voice.astype(np.float64), (APART, 1)))
    without = inference._scores(tells, ~tells, np.zeros((APART, SIZE)))
    np.testing.assert_allclose(with_voice, without)
    assert APART * CHUNK >= 1.4


@pytest.mark.parametrize("window", [150, 25])
def test_whose_a_voice_is_can_be_told_and_holds(window: int) -> None:
    scene = Scene(window=window)
    # While "a" speaks the other one's lips move, and nobody else's are to be seen: the voice is taken for theirs.
    scene.add("a", {1: False, 2: True}, 40)
    scene.add("b", {1: False, 2: False}, 10)
    assert scene.who(range(scene.inference.first, 40)) == [2] * (40 - scene.inference.first)
    scene.inference.tell(0, 39, 1)
    scene.add(None, {}, 10)
    assert scene.who(range(scene.inference.first, 40)) == [1] * max(0, 40 - scene.inference.first)
    # It holds for the voice where nobody's lips are to be seen, and though the other one's move again.
    scene.add("a", {}, 12)
    scene.add("a", {1: False, 2: True}, 12)
    assert scene.who(range(60, 79)) == [1] * 19


def test_a_voice_that_is_told_to_be_nobodys_becomes_a_speaker() -> None:
    scene = Scene()
    scene.add("a", {1: True}, 30)
    scene.inference.tell(0, 29, None)
    scene.add("a", {}, 10)
    assert scene.inference.speakers == (1, -1) and set(scene.who(range(36))) == {-1}


def test_what_is_told_of_a_voice_that_became_a_faces_is_told_of_the_face() -> None:
    past, speakers = Past(), {1: Speaker(), 2: Speaker()}
    voice = np.ones(4, np.float32)
    for number in range(4):
        past.add(number, voice, {-1: 0.75, 2: 0.25})
        speakers[2].add_voice(0.25 * voice, 0.25)
    speakers[1].add_voice(3 * voice, 3.0)  # by the merging of -1
    past.rename(-1, 1)
    past.give(1, 2, 2, speakers)
    assert (speakers[1].mass, speakers[2].mass) == (1.5, 2.5)
    np.testing.assert_allclose(speakers[2].voice, 2.5 * voice)
    past.give(1, 2, 2, speakers)
    past.give(0, 0, None, speakers)
    assert (speakers[1].mass, speakers[2].mass) == (0.75, 2.25)
