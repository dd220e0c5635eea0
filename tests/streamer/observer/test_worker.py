"""The worker with models replaced: what it says when, and what it survives."""

import socket
import threading

import numpy as np
import pytest

from models.speech.types import Line, Reading
from streamer.observer import worker as module
from streamer.observer.second_reading import SecondReadings
from streamer.observer.sound_message import pack_sound
from streamer.observer.types import Caption
from streamer.observer.worker import Worker, most_of_one_session, open_captions
from streamer.workers import framing


class Observer:
    def open(self, sid):
        pass

    def close(self, sid):
        pass

    def hear(self, sid, t, mix, voices):
        return []

    def step(self):
        return []

    def ask(self, sid, question):
        raise RuntimeError("odd")

    def line(self, text):
        return np.full(4, len(text), np.float32)

    def query(self, text):
        return np.full((2, 4), len(text), np.float32)


class LiveCaptions:
    def open(self, sid, first_line):
        pass

    def hear(self, sid, t, mix, voices, speaking, alone=()):
        pass

    def step(self, partials=True):
        return []

    def close(self, sid):
        return [Caption(0, "Bye.", 1.0, 2.0, True, None)]


@pytest.fixture(params=[True, False])
def talk(request):
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    worker = Worker(theirs, Observer(), LiveCaptions() if request.param else None)
    thread = threading.Thread(target=worker.run)
    thread.start()
    assert framing.read_blocking(ours)["type"] == "ready"
    yield ours, request.param
    ours.close()
    thread.join(10)
    theirs.close()
    assert not thread.is_alive()


def test_last_words_come_before_the_end_of_a_session(talk):
    sock, writes = talk
    for message in (
        {"type": "open", "sid": "p", "first_line": 0},
        pack_sound(1.0, np.zeros(1600, np.float32), {}, {}) | {"sid": "p"},
        {"type": "close", "sid": "p"},
    ):
        sock.sendall(framing.encode(message))
    said = [framing.read_blocking(sock) for _ in range(1 + writes)]
    assert said[-1] == {"type": "closed", "sid": "p"}
    if writes:
        assert said[0]["fields"]["text"] == "Bye." and len(said[0]["fields"]["vector"]) == 16


def test_an_odd_question_costs_nobody_the_models(talk):
    sock, _ = talk
    sock.sendall(framing.encode({"type": "ask", "sid": "p", "question": "?", "n": 3}))
    assert framing.read_blocking(sock) == {"type": "failed", "n": 3}
    sock.sendall(framing.encode({"type": "embed", "text": "a dog", "n": 4}))
    assert len(framing.read_blocking(sock)["result"]) == 2 * 16


def test_without_its_transcriber_the_rest_goes_on(monkeypatch, caplog):
    def missing(name, language):
        raise ImportError("faster-whisper is not installed")

    assert open_captions("none") is None
    monkeypatch.setattr(module, "open_transcriber", missing)
    assert open_captions("faster-whisper:tiny") is None
    assert "no captions: faster-whisper is not installed" in caplog.text


class Reader:
    """A second reader that reads what it is told to, or raises."""

    def __init__(self, text):
        self.text = text

    def read(self, pcm, draft=()):
        if self.text is None:
            raise RuntimeError("odd sound")
        return Reading(self.text, -0.1, ())


class Talk:
    """A transcriber to which the first sound of a voice is a whole sentence."""

    def open(self, numbers, finish, known):
        self.numbers, self.finish, self.heard, self.said = numbers, finish, [], False
        return self

    def hear(self, t, pcm):
        self.heard.append((t, pcm))

    def lines(self, partials=True):
        if self.said or not self.heard:
            return []
        (t, pcm), self.said = self.heard[0], True
        line = self.finish(Line(next(self.numbers), "a bucket", t, t + 1.0, True), False, pcm)
        return [] if line is None else [line]

    def close(self):
        return []


@pytest.mark.parametrize("second", ["A budget.", "", None])
def test_a_sentence_is_read_again_on_another_thread(monkeypatch, caplog, second):
    monkeypatch.setattr(module, "open_second_reader", lambda: Reader(second))
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    readings = SecondReadings()
    captions = module.LiveCaptions(Talk(), readings)
    worker = Worker(theirs, Observer(), captions, readings)
    thread = threading.Thread(target=worker.run)
    thread.start()
    assert framing.read_blocking(ours)["type"] == "ready"
    for message in (
        {"type": "open", "sid": "p", "first_line": 4},
        *(pack_sound(1.0 + i / 10, np.full(1600, 0.1, np.float32), {}, {}) | {"sid": "p"} for i in range(5)),
    ):
        ours.sendall(framing.encode(message))
    # The session hears nothing more: it is the reading that brings the final line.
    first, last = framing.read_blocking(ours), framing.read_blocking(ours)
    ours.close()
    thread.join(10)
    theirs.close()
    assert not thread.is_alive()
    said = [
        (m["fields"]["id"], m["fields"]["text"], m["fields"]["final"], len(m["fields"]["vector"]))
        for m in (first, last)
    ]
    assert said == [(4, "a bucket", False, 0), (4, second or "a bucket", True, 16)]
    read = {"read": 1, "failed": 0} if second is not None else {"read": 0, "failed": 1}
    assert last["counts"] == {"sounds_dropped": 0} | {
        f"second_readings_{name}": count for name, count in ({"late": 0, "dropped": 0} | read).items()
    }
    assert ("odd sound" in caplog.text) == (second is None)


def test_without_its_second_reader_sentences_are_final_at_once(monkeypatch, caplog):
    def missing():
        raise OSError("the parts\nare broken")

    monkeypatch.setattr(module, "open_second_reader", missing)
    assert module.open_reader() is None
    assert "sentences are not read again: the parts are broken" in caplog.text


def test_many_sessions_are_no_backlog():
    messages = [{"type": "sound", "sid": sid} for sid in "abcdefghijkl"] + [{"type": "close", "sid": "a"}]
    assert most_of_one_session(messages) == 1
    assert most_of_one_session([*messages, *messages]) == 2
    assert most_of_one_session([]) == 0
