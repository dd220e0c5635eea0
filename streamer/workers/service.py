"""The model side of the socket pair: one thread reads, others work, all end when the call closes."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable

from streamer.logs import configure_logging
from streamer.workers import framing
from streamer.workers.link import PING_EVERY
from streamer.workers.memory import give_back

log = logging.getLogger("earshot.workers")


class Service:
    """Base of the workers: serves one socket until its other side closes.

    Subclasses say what they do with a message (`receive`, called with `changed` held) and which loops run beside;
    a loop waits with `wait_for` and ends when that says so. One that hangs takes the process along. What loading the
    models took goes back to the system, and so does what a session took, a heartbeat after the message "close".

    Args:
        sock: Connected.
        hangs_after: Seconds a loop may work without waiting.
    """

    def __init__(self, sock: socket.socket, hangs_after: float) -> None:
        self._sock, self._hangs_after = sock, hangs_after
        self._send_lock = threading.Lock()
        self._at_work: dict[str, object] = {}
        self._looks: dict[str, tuple[object, int]] = {}
        self._session_closed = False
        self.changed = threading.Condition()
        self.closing = False

    def loops(self) -> Iterable[Callable[[], None]]:
        """Return what runs on threads of its own."""
        raise NotImplementedError

    def receive(self, message: framing.Message) -> None:
        """Take in a message."""
        raise NotImplementedError

    def run(self) -> None:
        """Serve; returns when the socket closes."""
        threads = [
            threading.Thread(target=self._guard, args=(loop,), name=loop.__name__, daemon=True) for loop in self.loops()
        ]
        for thread in threads:
            thread.start()
        give_back()
        try:
            self.send({"type": "ready"})
            self._read()
        except (EOFError, ConnectionError):
            pass
        finally:
            with self.changed:
                self.closing = True
                self.changed.notify_all()
            for thread in threads:
                thread.join(timeout=2)

    def wait_for(self, something: Callable[[], object]) -> bool:
        """Wait, with `changed` held, until there is something to do; False when it is time to end."""
        me = threading.current_thread().name
        self._at_work.pop(me, None)
        self.changed.wait_for(lambda: self.closing or something())
        self._at_work[me] = object()
        return not self.closing

    def send(self, message: framing.Message) -> None:
        """Send to the call; from any thread."""
        data = framing.encode(message)
        with self._send_lock:
            self._sock.sendall(data)

    def _read(self) -> None:
        while True:
            message = framing.read_blocking(self._sock)
            if message["type"] == "ping":
                self._look_after_loops()
                if self._session_closed:
                    self._session_closed = False
                    give_back()
                self.send({"type": "pong", "n": message["n"]})
                continue
            with self.changed:
                self.receive(message)
                self.changed.notify_all()
            self._session_closed |= message["type"] == "close"

    def _look_after_loops(self) -> None:
        """End the process if a thread hangs, which cannot be ended alone; the supervisor starts a new one."""
        for name, work in self._at_work.copy().items():
            before, looks = self._looks.get(name, (None, 0))
            looks = looks + 1 if work is before else 1
            self._looks[name] = work, looks
            # Counted in looks: a machine that sleeps is no thread that hangs.
            if looks * PING_EVERY > self._hangs_after:
                log.error("%s hangs: %.0f s at one piece of work", name, looks * PING_EVERY)
                logging.shutdown()
                os._exit(1)

    def _guard(self, loop: Callable[[], None]) -> None:
        """Run a loop; if it dies, end the process, so that the supervisor starts a new one."""
        try:
            loop()
        except ConnectionError:
            # The call has closed the socket: there is nobody left to work for.
            os._exit(0)
        except Exception:
            log.exception("a thread of the models failed")
            logging.shutdown()
            os._exit(1)


def socket_of_parent() -> socket.socket:
    """Prepare a model process, and give the socket whose number is its first argument."""
    configure_logging("info")
    # Ctrl-C and a service manager's stop reach every process; the parent closes the socket when it is time.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return socket.socket(fileno=int(sys.argv[1]))
