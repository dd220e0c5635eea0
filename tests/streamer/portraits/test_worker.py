"""The portraits' process in this one: sound in, rows of mouths out."""

import socket

import numpy as np

from models.portrait.mouth import COMPONENTS, Mouth
from streamer.portraits.rows import packed, unpacked
from streamer.portraits.worker import Worker
from streamer.workers import framing


def test_rows_travel_as_eleven_bytes_each():
    rows = np.array([[0.5, -1.25, 9, *[0] * 7, 1], [*[-0.1] * 10, 0.4]], np.float32)
    data = packed(rows)
    assert len(data) == 22
    expected = np.clip(rows, -127 / 31, 127 / 31)
    np.testing.assert_allclose(unpacked(data), expected, atol=0.5 / 31)


def test_mouths_follow_sound_and_begin_anew_where_much_is_missing():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        worker = Worker(theirs)
        random = np.random.default_rng(0)
        pcm = (0.1 * random.normal(size=16 * 320)).astype(np.float32)
        worker.wait_for = lambda something: bool(something())
        worker.receive({"type": "open", "sid": "a"})
        for block in range(16):
            t = 7 + block * 0.02 + 5 * (block >= 12)
            sound = pcm[block * 320 : (block + 1) * 320]
            worker.receive({"type": "sound", "sid": "a", "t": t, "pcm": sound.tobytes()})
            worker._speak()
        ours.settimeout(5)
        sent = [framing.read_blocking(ours) for _ in range(8)]
    assert [round(one["t"] - 7, 3) for one in sent] == [0, 0, 0, 0, 0, 0.04, 5.24, 5.24]
    rows = [unpacked(one["rows"]) for one in sent]
    assert [len(row) for row in rows] == [1, 2, 3, 4, 5, 5, 1, 2]
    mouth = Mouth()
    voice = mouth.begin()
    wanted = [mouth.newest(pcm[at : at + 640], voice) for at in range(0, 6 * 640, 640)]
    np.testing.assert_allclose(rows[5], np.clip(wanted[5], -127 / 31, 127 / 31), atol=0.51 / 31)
    assert rows[5].shape[1] == COMPONENTS + 1


def test_a_little_that_is_missing_counts_as_silence_and_what_comes_twice_is_left_out():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        worker = Worker(theirs)
        worker.wait_for = lambda something: bool(something())
        worker.receive({"type": "open", "sid": "a"})
        pcm = (0.1 * np.random.default_rng(1).normal(size=30 * 320)).astype(np.float32)
        whole = np.concatenate([pcm[: 10 * 320], np.zeros(1_600, np.float32), pcm[10 * 320 :]])
        for block in range(30):
            t = 7 + block * 0.02 + (0.1 if block >= 10 else 0) + 0.004 * (block in (1, 3, 5))
            for _ in range(1 + (block == 20)):
                worker.receive(
                    {"type": "sound", "sid": "a", "t": t, "pcm": pcm[block * 320 : (block + 1) * 320].tobytes()}
                )
        # All that waited is caught up with at once.
        worker._speak()
        sent = framing.read_blocking(ours)
    mouth = Mouth()
    rows = mouth.newest(whole, mouth.begin())
    np.testing.assert_allclose(unpacked(sent["rows"]), np.clip(rows, -127 / 31, 127 / 31), atol=0.51 / 31)
    assert abs(sent["t"] - (7 + (len(whole) // 640 - 5) * 0.04)) < 1e-6
