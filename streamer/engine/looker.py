"""Owner of the process that looks and attributes, within the one that separates: feeds it, and starts it anew."""

from __future__ import annotations

import logging
import queue
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable

from models.active_speaker.attribution import Attribution
from models.common.arrays import F32, U8
from models.faces.tracker import Face
from streamer.workers import framing
from streamer.workers.framing import Message

WAITING = 25
"""Pieces of 40 ms a session may have waiting to be sent; more are dropped, and count as silence."""

PING_EVERY = 1.0
"""Seconds, while there is anything to do; a ping makes the process see whether one of its threads hangs."""

PAUSE = 1.0
"""Seconds before it is started anew."""

log = logging.getLogger("earshot.engine")


class Looker:
    """Owns the process. Nothing here waits for it: what is to be sent is sent by a thread of its own.

    When the process dies it is started anew, with what it last knew of each session; meanwhile voices are separated by
    the voice prints that are known.

    Args:
        max_faces: Most faces followed in one session.
        on_message: Gets its messages, `seen` and `attribution`, on a thread of its own. Every picture is answered.
        on_looking: Called on that thread with False when the process is lost, and with True when it is back.

    Attributes:
        dropped: Pieces of 40 ms of sound that were not attributed, since they waited for too long.
    """

    def __init__(
        self, max_faces: int, on_message: Callable[[Message], None], on_looking: Callable[[bool], None]
    ) -> None:
        self._command = [sys.executable, "-m", "streamer.engine.look_worker"], [str(max_faces)]
        self._on_message, self._on_looking = on_message, on_looking
        self._lost = False
        self._lock = threading.Lock()
        self._memories: dict[str, bytes | None] = {}
        self._looked_at: dict[str, float] = {}
        self._sending: Counter[str] = Counter()
        self._outbox: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self.dropped = 0
        threading.Thread(target=self._supervise, name="looker", daemon=True).start()

    def open(self, sid: str, memory: bytes | None) -> None:
        """Begin a session, or begin it anew, with what its process knew of it before."""
        with self._lock:
            self._memories[sid] = memory
            self._outbox.put({"type": "open", "sid": sid, "memory": memory})

    def close(self, sid: str) -> None:
        """End a session."""
        with self._lock:
            self._memories.pop(sid, None)
            self._looked_at.pop(sid, None)
            self._outbox.put({"type": "close", "sid": sid})

    def picture(self, sid: str, message: Message) -> None:
        """Have a picture looked at; the one before it has been answered."""
        with self._lock:
            self._looked_at[sid] = message["t"]
            self._outbox.put(message)

    def tell(self, message: Message) -> None:
        """Pass on who spoke, as somebody said."""
        with self._lock:
            self._outbox.put(message)

    def sound(self, sid: str, t: float, pcm: F32) -> None:
        """Have sound attributed."""
        with self._lock:
            if self._sending[sid] >= WAITING:
                self.dropped += 1
                return
            self._sending[sid] += 1
            self._outbox.put({"type": "sound", "sid": sid, "t": t, "pcm": pcm.tobytes()})

    def _supervise(self) -> None:
        while True:
            ours, theirs = socket.socketpair()
            with theirs:
                number = str(theirs.fileno())
                process = subprocess.Popen(
                    [*self._command[0], number, *self._command[1]],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                )
            with ours, process:
                self._begin()
                sender = threading.Thread(target=self._send, args=(ours,), name="looker-sender", daemon=True)
                sender.start()
                try:
                    while True:
                        self._receive(framing.read_blocking(ours))
                except (OSError, EOFError, ValueError) as error:
                    log.warning("the process that looks is lost: %s", error or type(error).__name__)
                    self._set_lost(True)
                finally:
                    process.kill()
                    self._outbox.put(None)
                    sender.join()
            threading.Event().wait(PAUSE)

    def _begin(self) -> None:
        """Tell a new process of all sessions; what was meant for the one before it is lost."""
        with self._lock:
            while not self._outbox.empty():
                self._outbox.get()
            self._sending.clear()
            for sid, memory in self._memories.items():
                self._outbox.put({"type": "open", "sid": sid, "memory": memory})
            lost, self._looked_at = self._looked_at, {}
        for sid, t in lost.items():
            self._on_message({"type": "seen", "sid": sid, "t": t, "faces": [], "cut": False, "cpu": 0.0})

    def _set_lost(self, lost: bool) -> None:
        if lost != self._lost:
            self._lost = lost
            self._on_looking(not lost)

    def _receive(self, message: Message) -> None:
        if message["type"] == "ready":
            self._set_lost(False)
            return
        if message["type"] == "pong":
            return
        sid = message["sid"]
        with self._lock:
            if sid not in self._memories:
                return
            self.dropped += message.get("dropped", 0)
            if message["type"] == "seen":
                self._looked_at.pop(sid, None)
            self._memories[sid] = message.get("memory", self._memories[sid])
        self._on_message(message)

    def _send(self, sock: socket.socket) -> None:
        """Send what waits until there is nobody to send it to."""
        ping_at = 0.0
        while (message := self._outbox.get()) is not None:
            try:
                if time.monotonic() >= ping_at:
                    ping_at = time.monotonic() + PING_EVERY
                    sock.sendall(framing.encode({"type": "ping", "n": 0}))
                sock.sendall(framing.encode(message))
            except OSError:
                return
            if message["type"] == "sound":
                with self._lock:
                    self._sending[message["sid"]] -= 1


class RemoteSenses:
    """What tells a session of a call who is there and who speaks: the looker's process does.

    Args:
        send: Has sound attributed, from its time in seconds on.
    """

    def __init__(self, send: Callable[[float, F32], None]) -> None:
        self._send = send
        self.latest = Attribution()

    def take(self, t: float, found: list[Face]) -> None:
        """Do nothing: the looker found them itself."""

    def find(self, t: float, rgb: U8) -> tuple[list[Face], bool]:
        """Refuse: pictures go to the looker.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError("the pictures of a call are looked at by another process")

    def hear(self, t: float, pcm: F32) -> None:
        """Have sound attributed; `latest` is replaced when it was."""
        self._send(t, pcm)
