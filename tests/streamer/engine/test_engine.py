"""The engine with its real models, fed with the demo's portraits."""

import sys
import threading

import cv2
import numpy as np
import pytest
import skimage.data
import torch

from models.active_speaker.networks import load_networks
from models.active_speaker.settled import Settled
from models.faces.tracker import FaceModels
from models.noise.suppressor import WARM
from models.separation.separator import BINS
from streamer.engine.engine import DELAY, TUNING_THREADS, Engine
from streamer.engine.looking import Looking
from streamer.engine.session import Lips
from streamer.engine.survey import Known
from streamer.engine.tuning import Tuning
from streamer.engine.types import BLOCK
from tests.models.separation.test_runtime import recorded

STEP = 0.08
"""Seconds from one picture to the next that are both looked at."""


@pytest.fixture(scope="module")
def engine():
    return Engine()


def noise(blocks, seed):
    return 0.1 * np.random.default_rng(seed).standard_normal((blocks, BLOCK)).astype(np.float32)


def look(engine, sid, picture, count=4, start=0.0):
    for i in range(count):
        faces = engine.see(sid, start + i * 0.04, picture)
    return faces


def test_faces_are_numbered_left_to_right_in_fractions_of_the_picture(engine, picture):
    engine.open("a")
    faces = look(engine, "a", picture)
    assert [face.id for face in faces] == [1, 2]
    assert faces[0].box[0] + faces[0].box[2] < 0.5 < faces[1].box[0]
    assert all(0 <= v <= 1 for face in faces for v in face.box)
    assert all(face.lips_visible and not face.voice_known for face in faces)


def test_voices_and_rest_add_up_to_the_mixture_late_by_the_stated_delay(engine, picture):
    engine.open("a")
    look(engine, "a", picture)
    sound = noise(30, 1)
    heard = [engine.hear({"a": (i * 0.02, block)})["a"] for i, block in enumerate(sound)]
    assert all(voices.ids == [1, 2] for voices in heard)
    total = np.concatenate([voices.pcm.sum(0) + voices.rest for voices in heard])
    np.testing.assert_allclose(total[DELAY:], sound.ravel()[:-DELAY], atol=1e-6)
    assert heard[7].t == pytest.approx(7 * 0.02 - DELAY / 16_000)


def test_noise_is_taken_out_beside_the_voices_and_not_before_them(engine, picture):
    for sid in ("plain", "clean"):
        engine.open(sid)
        look(engine, sid, picture)
    engine.suppress("clean", True)
    engine.suppress("unknown", True)
    sound = noise(WARM + 30, 1)
    heard = [engine.hear({sid: (i * 0.02, block) for sid in ("plain", "clean")}) for i, block in enumerate(sound)]
    assert [one["clean"].clean is None for one in heard] == [True] * WARM + [False] * 30
    assert all(one["plain"].clean is None for one in heard)
    for one in heard:
        np.testing.assert_allclose(one["clean"].pcm, one["plain"].pcm, atol=1e-5)
    left = np.concatenate([one["clean"].clean for one in heard[-20:]])
    assert np.sqrt(np.mean(left**2)) < 0.1 * 0.1  # at least 20 dB of it are gone
    engine.suppress("clean", False)
    assert engine.hear({"clean": (1.0, sound[0])})["clean"].clean is None


def test_a_recording_s_blocks_are_separated_in_one_go_as_one_by_one(engine, picture):
    sound, one, many = recorded("two_cities.wav")[8000 : 8000 + 45 * BLOCK].reshape(45, BLOCK), [], []
    for sid in ("one", "many"):
        engine.open(sid)
        look(engine, sid, picture, 2)
    for i, block in enumerate(sound):
        if i == 20:
            # Whoever comes needs a row; one who has gone gives it back.
            for sid in ("one", "many"):
                look(engine, sid, picture, 2, start=0.4)
        one.append(engine.hear({"one": (i * 0.02, block)})["one"])
        many += engine.separate("many", i * 0.02, block, last=i == len(sound) - 1)
    assert len(many) == len(one)
    for a, b in zip(one, many, strict=True):
        assert (a.t, a.ids, a.faces) == (b.t, b.ids, b.faces)
        np.testing.assert_allclose(a.pcm.sum(0) + a.rest, b.pcm.sum(0) + b.rest, atol=1e-6)
    a, b = (np.concatenate([v.pcm[-1] if len(v.ids) else np.zeros(BLOCK, np.float32) for v in x]) for x in (one, many))
    assert np.abs(a).max() > 0.01 and np.linalg.norm(a - b) < 10 ** (-30 / 20) * np.linalg.norm(a)


def test_without_faces_all_is_rest(engine):
    engine.open("a")
    sound = noise(4, 2)
    heard = [engine.hear({"a": (i * 0.02, block)})["a"] for i, block in enumerate(sound)]
    assert all(voices.pcm.shape == (0, BLOCK) for voices in heard)
    np.testing.assert_array_equal(np.concatenate([v.rest for v in heard])[DELAY:], sound.ravel()[:-DELAY])


def test_who_is_not_there_after_a_cut_goes_at_once(engine, picture):
    engine.open("a")
    look(engine, "a", picture)
    elsewhere = cv2.resize(skimage.data.coffee(), (640, 320))
    elsewhere[100:300, 400:600] = cv2.resize(picture[:, 320:], (200, 200))
    assert [face.id for face in engine.see("a", 0.16, elsewhere)] == [2]
    assert engine.hear({"a": (0.16, noise(1, 5)[0])})["a"].ids == [2]
    engine.close("a")


def test_sessions_in_one_batch_are_as_if_alone(engine, picture):
    one, two = noise(20, 3), noise(20, 4)
    alone = {}
    for sid, sound in (("a", one), ("b", two)):
        engine.open(sid)
        look(engine, sid, picture)
        alone[sid] = [engine.hear({sid: (i * 0.02, x)})[sid].pcm for i, x in enumerate(sound)]
    for sid in "ab":
        engine.open(sid)
        look(engine, sid, picture)
    for i in range(20):
        both = engine.hear({"a": (i * 0.02, one[i]), "b": (i * 0.02, two[i])})
        for sid in "ab":
            np.testing.assert_allclose(both[sid].pcm, alone[sid][i], atol=1e-4)


@pytest.mark.parametrize("kept", [True, False])
def test_what_is_kept_of_tuning_separates_until_the_session_ends(engine, picture, kept, monkeypatch):
    threads = []

    def tuned(net, known, tell):
        threads.append(torch.get_num_threads())
        tell(1.0)
        net.out.weight.zero_()
        net.out.bias[:-BINS] = 10.0
        return Tuning([1, 2], 1.0, kept, "so"), net if kept else None

    monkeypatch.setattr("streamer.engine.engine.tuned", tuned)
    engine.close("a")
    before = engine._separator
    told = []
    assert engine.tune(Known(Settled(0.0, [], {}, {})), told.append).kept is kept and told == [1.0]
    assert threads == [TUNING_THREADS] and torch.get_num_threads() == 1
    assert (engine._separator is before) is not kept
    engine.open("a")
    look(engine, "a", picture)
    heard = [engine.hear({"a": (i * 0.02, block)})["a"] for i, block in enumerate(noise(20, 9))]
    # The network of this test takes twice the mixture for every voice, the shipped one next to nothing of noise.
    assert (np.abs([voices.pcm for voices in heard]).max() > 0.05) == kept
    engine.close("a")
    assert engine._separator is before, "the next recording of a batch has other voices"


def test_a_face_that_is_gone_for_good_gives_its_row_back(engine, picture):
    engine.open("a")
    look(engine, "a", picture)
    engine.hear({"a": (0.0, noise(1, 5)[0])})
    empty = np.full_like(picture, 90)
    for i in range(60):
        engine.see("a", 0.2 + i * 0.1, empty)
    assert engine.hear({"a": (7.0, noise(1, 6)[0])})["a"].ids == []


def test_lost_connection_does_not_age_faces(engine, picture):
    engine.open("a")
    look(engine, "a", picture)
    assert [face.id for face in look(engine, "a", picture, start=25.0)] == [1, 2]


def test_unknown_sessions_are_ignored(engine, picture):
    engine.close("nobody")
    assert engine.see("nobody", 0.0, picture) == []
    assert engine.hear({"nobody": (0.0, noise(1, 0)[0])}) == {}


def test_memory_gives_the_same_people_the_same_numbers_in_another_process(picture):
    models, networks = FaceModels(), load_networks()

    def looked(looking, picture, count, start=0.0):
        for i in range(count):
            found, _ = looking.see(start + i * 0.04, picture)
        return [face.id for face in found]

    before, after = Looking(models, networks, 6), Looking(models, networks, 6)
    assert looked(before, picture, 4) == [1, 2]
    before.remember()
    after.recall(before.memory())
    alone = picture.copy()
    alone[:, :320] = 90
    assert looked(after, alone, 8) == [2]
    assert looked(after, picture, 8, start=1.0) == [1, 2]


def test_lips_are_read_while_they_are_added() -> None:
    lips, wrong, now = Lips(), [], [0.0]

    def read() -> None:
        try:
            while not done.is_set():
                lips.at(now[0] - 0.02)
        except Exception as error:
            wrong.append(error)

    before, done = sys.getswitchinterval(), threading.Event()
    sys.setswitchinterval(1e-6)
    reader = threading.Thread(target=read)
    reader.start()
    try:
        for i in range(20_000):
            now[0] = i / 25
            lips.add(now[0], np.zeros(4, np.float32), True)
    finally:
        done.set()
        reader.join()
        sys.setswitchinterval(before)
    assert wrong == []
