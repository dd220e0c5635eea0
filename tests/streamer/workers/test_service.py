"""What the model processes have in common, on threads of the test."""

import os
import socket
import threading
import time

import pytest

from streamer.workers import framing, service
from streamer.workers.service import Service


class Gone(Exception):
    """In place of the process's end: ends the thread that reads."""


class Worker(Service):
    """Works on each job until it may end."""

    def __init__(self, sock, hangs_after):
        super().__init__(sock, hangs_after)
        self.jobs, self.begun, self.may_end = [], threading.Event(), threading.Event()

    def loops(self):
        return (self.work,)

    def receive(self, message):
        self.jobs.append(message)

    def work(self):
        while True:
            with self.changed:
                if not self.wait_for(lambda: self.jobs):
                    return
                self.jobs.pop()
            self.begun.set()
            self.may_end.wait(10)
            self.send({"type": "done"})


@pytest.fixture
def serve(monkeypatch):
    """Serves a worker: gives it, its socket, and what ended its process."""
    ends, threads, socks = [], [], []

    def leave(code):
        if threading.current_thread().name == "reader":
            ends.append(code)
            raise Gone

    monkeypatch.setattr(os, "_exit", leave)

    def begin(hangs_after):
        ours, theirs = socket.socketpair()
        ours.settimeout(10)
        worker = Worker(theirs, hangs_after)

        def run():
            try:
                worker.run()
            except Gone:
                theirs.shutdown(socket.SHUT_RDWR)

        thread = threading.Thread(target=run, name="reader")
        thread.start()
        threads.append((worker, thread))
        socks.extend((ours, theirs))
        assert framing.read_blocking(ours)["type"] == "ready"
        return worker, ours, ends

    yield begin
    for worker, _ in threads:
        worker.may_end.set()
    for sock in socks[::2]:
        sock.close()
    # A loop whose worker has given it up ends by itself, and must do so while it cannot end the tests with it.
    for loop in [thread for thread in threading.enumerate() if thread.name == "work"]:
        loop.join(10)
        assert not loop.is_alive()
    for _, thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    for sock in socks:
        sock.close()


def ping(sock):
    sock.sendall(framing.encode({"type": "ping", "n": 1}))


def test_a_hung_loop_takes_its_process_along(serve, caplog):
    worker, sock, ends = serve(hangs_after=0.0)
    ping(sock)
    assert framing.read_blocking(sock)["type"] == "pong"
    sock.sendall(framing.encode({"type": "job"}))
    assert worker.begun.wait(10)
    ping(sock)
    with pytest.raises(EOFError):
        framing.read_blocking(sock)
    assert ends == [1]
    assert "work hangs" in caplog.text


def test_work_within_its_time_and_waiting_are_no_hang(serve):
    worker, sock, ends = serve(hangs_after=60.0)
    for _ in range(2):
        worker.may_end.clear()
        sock.sendall(framing.encode({"type": "job"}))
        assert worker.begun.wait(10)
        ping(sock)
        assert framing.read_blocking(sock)["type"] == "pong"
        worker.may_end.set()
        assert framing.read_blocking(sock)["type"] == "done"
        worker.begun.clear()
    ping(sock)
    assert framing.read_blocking(sock)["type"] == "pong"
    assert ends == []


def test_a_machine_that_sleeps_is_no_loop_that_hangs(serve, monkeypatch):
    worker, sock, ends = serve(hangs_after=2.0)
    sock.sendall(framing.encode({"type": "job"}))
    assert worker.begun.wait(10)
    real = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + 3600)
    for _ in range(2):
        ping(sock)
        assert framing.read_blocking(sock)["type"] == "pong"
    assert ends == []
    # Three looks at the same work, a second apart each, are over two seconds.
    ping(sock)
    with pytest.raises(EOFError):
        framing.read_blocking(sock)
    assert ends == [1]


def test_what_models_and_sessions_took_is_given_back_when_they_are_loaded_and_have_ended(serve, monkeypatch):
    given = []
    monkeypatch.setattr(service, "give_back", lambda: given.append(1))
    _, sock, _ = serve(hangs_after=60.0)
    assert len(given) == 1, "before it says that it is ready"
    for message, times in (({"type": "job"}, 1), ({"type": "close", "sid": "a"}, 2), ({"type": "job"}, 2)):
        sock.sendall(framing.encode(message))
        ping(sock)
        while framing.read_blocking(sock)["type"] != "pong":
            pass
        assert len(given) == times
