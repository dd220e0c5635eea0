"""The process that separates voices; pictures it passes on to a process of its own that looks (`look_worker`).

Started by `workers/process.py`, which passes a connected socket. Sound of all sessions that is waiting is separated in
one batch. Sound that would be late anyway is dropped and counted: worked off, it would make late what comes after it.
"""

from __future__ import annotations

import logging
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from models.common.arrays import F32
from streamer.engine.engine import Engine
from streamer.engine.looker import Looker
from streamer.engine.memory_limit import MemoryLimit, is_out_of_memory
from streamer.engine.packing import pack_faces, pack_voices, unpack_attribution, unpack_found
from streamer.engine.types import Voices
from streamer.workers.framing import Message
from streamer.workers.link import SILENCE_LIMIT
from streamer.workers.priority import go_first, go_real_time
from streamer.workers.service import Service, socket_of_parent

log = logging.getLogger("earshot.engine")

AUDIO_BACKLOG = 10
"""Blocks of 20 ms a session may have waiting."""

STALE = 0.04
"""Seconds a block may have waited while a newer one is there: with the way here and back, and being separated, it would
miss the call's deadline (80 ms)."""

SWITCH_EVERY = 0.0005
"""Seconds for which another thread may hold the interpreter while the hearing one waits; Python's own are 5 ms."""


@dataclass(frozen=True)
class Block:
    """20 ms of sound as it came in: its number, its time in seconds, (320,) at 16 kHz, and when it arrived."""

    index: int
    t: float
    pcm: F32
    arrived: float


@dataclass
class Inbox:
    """What one session has waiting."""

    audio: deque[Block] = field(default_factory=lambda: deque(maxlen=AUDIO_BACKLOG))
    dropped: int = 0

    def put(self, block: Block) -> None:
        """Add a block of sound; the oldest is dropped when there are `AUDIO_BACKLOG`."""
        self.dropped += len(self.audio) == self.audio.maxlen
        self.audio.append(block)

    def take(self, now: float) -> Block:
        """Take the oldest block that can still be in time at `now`, or else the newest; older ones are dropped."""
        while len(self.audio) > 1 and now - self.audio[0].arrived > STALE:
            self.audio.popleft()
            self.dropped += 1
        return self.audio.popleft()


class Worker(Service):
    """Serves the call.

    Args:
        sock: Connected to it.
        device: Torch device of the separator.
        max_faces: Most faces followed in one session.
    """

    def __init__(self, sock: socket.socket, device: str, max_faces: int) -> None:
        super().__init__(sock, SILENCE_LIMIT)
        self._looker = Looker(max_faces, self._looked, self._looking)
        self._engine = Engine(device, max_faces, self._looker)
        self._limit = MemoryLimit(time.monotonic)
        self._inboxes: dict[str, Inbox] = {}
        self._looking_cpu, self._unattributed = 0.0, 0

    def loops(self) -> Iterable[Callable[[], None]]:
        """Hear."""
        return (self._hear,)

    def receive(self, message: Message) -> None:
        """Put a message where its loop finds it."""
        kind, sid = message["type"], message.get("sid", "")
        if kind == "open":
            self._engine.open(sid, message["memory"])
            self._inboxes[sid] = Inbox()
        elif kind == "close":
            self._inboxes.pop(sid, None)
            self._engine.close(sid)
        elif kind == "audio" and (inbox := self._inboxes.get(sid)):
            pcm = np.frombuffer(message["pcm"], np.float32)
            inbox.put(Block(message["index"], message["t"], pcm, time.monotonic()))
        elif kind == "video" and sid in self._inboxes:
            self._looker.picture(sid, message)
        elif kind == "suppress":
            self._engine.suppress(sid, message["on"])
        elif kind == "told" and sid in self._inboxes:
            self._looker.tell(message)

    def _looked(self, message: Message) -> None:
        """Take in what the looker found out; called on its thread."""
        sid = message["sid"]
        self._looking_cpu += message["cpu"]
        memory = {"memory": message["memory"]} if "memory" in message else {}
        if message["type"] == "attribution":
            joined = self._engine.attributed(sid, unpack_attribution(message))
            self.send({"type": "attributed", "sid": sid, "alone": message["alone"], "joined": joined} | memory)
            return
        faces = self._engine.seen(sid, message["t"], unpack_found(message["faces"]), message["cut"])
        reply = {"type": "faces", "sid": sid, "t": message["t"], "faces": pack_faces(faces)}
        cpu, self._looking_cpu = self._looking_cpu, 0.0
        dropped = self._looker.dropped
        lost, self._unattributed = dropped - self._unattributed, dropped
        self.send(reply | memory | {"cpu": cpu, "unattributed": lost})

    def _looking(self, up: bool) -> None:
        """Say that the looker's process is lost, or back; called on its thread."""
        self.send({"type": "looking", "up": up})

    def _hear(self) -> None:
        go_real_time()
        while True:
            with self.changed:
                if not self.wait_for(lambda: any(i.audio for i in self._inboxes.values())):
                    return
                now = time.monotonic()
                blocks = {sid: inbox.take(now) for sid, inbox in self._inboxes.items() if inbox.audio}
                dropped = {sid: self._inboxes[sid].dropped for sid in blocks}
            started = time.thread_time()
            voices = self._heard(blocks)
            cpu = time.thread_time() - started
            for sid in blocks.keys() - voices.keys():
                self.send({"type": "unheard", "sid": sid, "dropped": self._unheard(sid, dropped[sid])})
            for sid, result in voices.items():
                reply = pack_voices(result) | {"type": "voices", "sid": sid, "index": blocks[sid].index}
                self.send(reply | {"dropped": dropped[sid], "cpu": cpu / len(voices)})

    def _heard(self, blocks: dict[str, Block]) -> dict[str, Voices]:
        """Separate a block of each session that there is memory for."""
        counts = {sid: self._engine.voices(sid) for sid in blocks}
        chosen = self._limit.fitting(counts)
        try:
            return self._engine.hear({sid: (blocks[sid].t, blocks[sid].pcm) for sid in chosen})
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            self._limit.failed(sum(counts[sid] for sid in chosen))
            log.error("out of memory: at most %d voices are separated for a while (%s)", self._limit.most, error)
            self._engine.start_over(chosen)
            return {}

    def _unheard(self, sid: str, dropped: int) -> int:
        """Count a block that goes without its voices."""
        with self.changed:
            if (inbox := self._inboxes.get(sid)) is not None:
                inbox.dropped += 1
                return inbox.dropped
        return dropped


def main() -> None:
    """Entry point of the process: `python -m streamer.engine.worker FD DEVICE MAX_FACES`."""
    go_first()
    sys.setswitchinterval(SWITCH_EVERY)
    Worker(socket_of_parent(), sys.argv[2], int(sys.argv[3])).run()


if __name__ == "__main__":
    main()
