"""The feed, and what travels to and from the observer."""

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.active_speaker.alone import Stretch
from streamer.engine.types import FaceState, SpeakerState
from streamer.observer import types
from streamer.observer.feed import Feed
from streamer.observer.sound_message import pack_sound, unpack_sound
from streamer.observer.worker import SOUND_BACKLOG, Backlog


class Taken:
    def __init__(self):
        self.heard = []

    def hear(self, sid, t, mix, voices, speaking, alone):
        self.alone = [*getattr(self, "alone", []), alone]
        self.heard.append((sid, t, mix.copy(), {face: pcm.copy() for face, pcm in voices.items()}, speaking))

    def see(self, sid, t, frame):
        pass


def face(id: int, speaking: float) -> FaceState:
    return FaceState(id, (0, 0, 1, 1), 1.0, True, speaking, "unknown", 0.0, None)


def block(value: float) -> np.ndarray:
    return np.full(320, value, np.float32)


def test_the_feed_joins_five_blocks_and_a_face_that_comes_late_is_silent_before():
    taken = Taken()
    feed = Feed("p", taken)
    feed.faces(9.5, [face(1, 0.9), face(2, 0.1)])
    for i in range(5):
        voices = {1: block(0.1)} | ({2: block(0.2)} if i >= 3 else {})
        feed.block(10 + i * 0.02, block(1 + i), voices)
    ((sid, t, mix, voices, speaking),) = taken.heard
    assert (sid, t, mix.shape) == ("p", 10, (1600,))
    assert mix[::320].tolist() == [1, 2, 3, 4, 5]
    assert voices[1].tolist() == [np.float32(0.1)] * 1600
    assert not voices[2][:960].any() and (voices[2][960:] == np.float32(0.2)).all()
    assert speaking == {1: 0.9, 2: 0.1}


def test_a_camera_that_is_off_says_nothing_about_who_is_talking():
    taken = Taken()
    feed = Feed("p", taken)
    feed.faces(9.0, [face(1, 0.9)])
    for i in range(10):
        feed.block(9.95 + i * 0.02, block(1), {1: block(0.1)})
    assert [speaking for *_, speaking in taken.heard] == [{1: 0.9}, {}]


def test_a_voice_without_a_face_is_known_to_talk_without_pictures():
    taken = Taken()
    feed = Feed("p", taken)
    for i in range(10):
        feed.others([SpeakerState(-1, 0.75, "known", 0.5)] if i < 5 else [])
        feed.block(10 + i * 0.02, block(1), {-1: block(0.1)})
    assert [speaking for *_, speaking in taken.heard] == [{-1: 0.75}, {}]


def test_who_spoke_alone_is_passed_on_once():
    taken = Taken()
    feed = Feed("p", taken)
    for i in range(15):
        if i == 7:
            feed.alone([Stretch(9.8, 10.0, 2), Stretch(10.0, 10.2, None)])
        feed.block(10 + i * 0.02, block(1), {})
    assert taken.alone == [[], [(9.8, 10.0, 2), (10.0, 10.2, None)], []]


def test_the_feed_ends_a_piece_at_a_gap():
    taken = Taken()
    feed = Feed("p", taken)
    feed.block(10.0, block(1), {})
    feed.block(10.5, block(2), {})
    assert [(t, mix.shape) for _, t, mix, _, _ in taken.heard] == [(10.0, (320,))]


@given(st.integers(0, 3), st.integers(1, 50))
def test_sound_travels_unchanged(faces, size):
    rng = np.random.default_rng(size)
    mix = rng.standard_normal(size).astype(np.float32)
    voices = {id * 7: rng.standard_normal(size).astype(np.float32) for id in range(faces)}
    alone = [Stretch(1.0, 1.2, -1), Stretch(1.2, 1.4, None)]
    packed = msgpack.packb(pack_sound(1.5, mix, voices, {0: 0.5}, alone), use_bin_type=True)
    message = msgpack.unpackb(packed, raw=False)
    got, rows = unpack_sound(message)
    np.testing.assert_array_equal(got, mix)
    assert list(rows) == list(voices)
    for id, pcm in voices.items():
        np.testing.assert_array_equal(rows[id], pcm)
    assert message["alone"] == [[1.0, 1.2, -1], [1.2, 1.4, None]]
    assert message["speaking"] == [0.5 if id == 0 else 0.0 for id in voices]


@pytest.mark.parametrize(
    "observation",
    [
        types.Localization(1.5, 0.7, (0.25, 0.5), (0.1, 0.2, 0.3, 0.4), bytes(range(196))),
        types.Localization(1.5, 0.1, None, None, bytes(196)),
        types.Sounds(2.0, [("dog bark", 0.8), ("speech", 0.4)]),
        types.Description(2.0, "a dog runs", [("a", bytes(196)), ("dog", b"\xff" * 196)]),
        types.Keyframe(3.0, b"1234", b"jpeg"),
        types.Caption(4, "hello", 1.0, 1.5, True, None, b"v"),
        types.Columns(2, 1.0, 0.02, 64, 0.0, 8000.0, bytes(64)),
    ],
)
def test_observations_travel_unchanged(observation):
    message = msgpack.unpackb(msgpack.packb(types.pack(observation), use_bin_type=True), raw=False)
    assert types.unpack(message) == observation


def test_a_backlog_drops_the_oldest_sound_of_the_session_that_has_too_much():
    backlog = Backlog()
    backlog.put({"type": "open", "sid": "a"})
    for n in range(SOUND_BACKLOG + 3):
        backlog.put({"type": "sound", "sid": "a", "n": n})
    backlog.put({"type": "sound", "sid": "b", "n": 0})
    assert backlog.dropped == 3
    waiting = backlog.take()
    assert waiting[0] == {"type": "open", "sid": "a"}
    assert [m["n"] for m in waiting[1:-1]] == list(range(3, SOUND_BACKLOG + 3))
    assert waiting[-1]["sid"] == "b"
    assert not backlog
    backlog.put({"type": "sound", "sid": "a", "n": 9})
    assert backlog.dropped == 3 and len(backlog.take()) == 1
