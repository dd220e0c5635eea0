"""The worker with models replaced: what it says when, and what it survives."""

import socket
import threading

import numpy as np
import pytest

from streamer.observer import worker as module
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

    def embed(self, texts):
        return np.ones((len(texts), 4), np.float32)


class LiveCaptions:
    def open(self, sid, first_line):
        pass

    def hear(self, sid, t, mix, voices, speaking):
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
    assert len(framing.read_blocking(sock)["result"]) == 16


def test_without_its_transcriber_the_rest_goes_on(monkeypatch, caplog):
    def missing(name):
        raise ImportError("faster-whisper is not installed")

    assert open_captions("none") is None
    monkeypatch.setattr(module, "open_transcriber", missing)
    assert open_captions("faster-whisper:tiny") is None
    assert "no captions: faster-whisper is not installed" in caplog.text


def test_many_sessions_are_no_backlog():
    messages = [{"type": "sound", "sid": sid} for sid in "abcdefghijkl"] + [{"type": "close", "sid": "a"}]
    assert most_of_one_session(messages) == 1
    assert most_of_one_session([*messages, *messages]) == 2
    assert most_of_one_session([]) == 0
