"""The process that looks at the faces of all sessions and finds out who speaks, beside the one that separates.

It is a process of its own because both are Python: a thread that works beside another one's tensors makes it wait for
the interpreter at every one of them. Of a session's pictures the newest alone waits. Sound that has waited for long is
caught up with, which costs little and tells less.
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
import torch

from models.active_speaker.networks import load_networks
from models.common.arrays import F32
from models.faces.tracker import FaceModels
from streamer.engine.looking import Looking
from streamer.engine.packing import pack_attribution, pack_found, unpack_picture
from streamer.workers.framing import Message
from streamer.workers.link import SILENCE_LIMIT
from streamer.workers.priority import go_behind
from streamer.workers.service import Service, socket_of_parent

HURRY, WAITING = 12, 50
"""Pieces of 40 ms from which a session's sound is caught up with, and that wait at most; the oldest goes then, and
counts as silence."""

MEMORY_EVERY, VOICES_EVERY = 25, 50
"""Pictures, and pieces of 40 ms, after which the call is handed what a session knows, in case this process dies."""

log = logging.getLogger("earshot.engine")


@dataclass
class _Inbox:
    """One session and what it has waiting."""

    looking: Looking
    sound: deque[tuple[float, F32]] = field(default_factory=lambda: deque(maxlen=WAITING))
    picture: Message | None = None
    pictures: int = 0
    heard: int = 0
    dropped: int = 0


class LookWorker(Service):
    """Serves the process that separates.

    Args:
        sock: Connected to it.
        max_faces: Most faces followed in one session.
    """

    def __init__(self, sock: socket.socket, max_faces: int) -> None:
        super().__init__(sock, SILENCE_LIMIT)
        # Many threads are no faster for models this small, and hold up those of the call.
        torch.set_num_threads(1)
        self._max_faces = max_faces
        self._models, self._networks = FaceModels(), load_networks()
        self._inboxes: dict[str, _Inbox] = {}

    def loops(self) -> Iterable[Callable[[], None]]:
        """See and attribute at the same time."""
        return self._see, self._attribute

    def receive(self, message: Message) -> None:
        """Put a message where its loop finds it."""
        kind, sid = message["type"], message["sid"]
        if kind == "open":
            looking = Looking(self._models, self._networks, self._max_faces)
            if message["memory"] is not None:
                try:
                    looking.recall(message["memory"])
                except ValueError as error:
                    log.warning("what was known of %s is lost: %s", sid, error)
            self._inboxes[sid] = _Inbox(looking)
        elif kind == "close":
            self._inboxes.pop(sid, None)
        elif kind == "sound" and (inbox := self._inboxes.get(sid)):
            inbox.dropped += len(inbox.sound) == WAITING
            inbox.sound.append((message["t"], np.frombuffer(message["pcm"], np.float32)))
        elif kind == "video" and (inbox := self._inboxes.get(sid)):
            inbox.picture = message
        elif kind == "told" and (inbox := self._inboxes.get(sid)):
            inbox.looking.tell(message["begin"], message["end"], message["id"])

    def _see(self) -> None:
        while True:
            with self.changed:
                if not self.wait_for(lambda: any(i.picture for i in self._inboxes.values())):
                    return
                waiting = {sid: i for sid, i in self._inboxes.items() if i.picture is not None}
                pictures = {sid: inbox.picture for sid, inbox in waiting.items() if inbox.picture is not None}
                for inbox in waiting.values():
                    inbox.picture = None
            for sid, message in pictures.items():
                self._see_one(sid, waiting[sid], message)

    def _see_one(self, sid: str, inbox: _Inbox, message: Message) -> None:
        started = time.thread_time()
        looking = inbox.looking
        try:
            found, cut = looking.see(message["t"], unpack_picture(message))
        except Exception:
            # One odd picture of one participant must not cost everybody the models.
            log.exception("a picture of %s could not be read", sid)
            found, cut = [], False
        inbox.pictures += 1
        reply = {"type": "seen", "sid": sid, "t": message["t"], "faces": pack_found(found), "cut": cut}
        if inbox.pictures % MEMORY_EVERY == 0:
            looking.remember()
            reply["memory"] = looking.memory()
        self.send(reply | {"cpu": time.thread_time() - started})

    def _attribute(self) -> None:
        while True:
            with self.changed:
                if not self.wait_for(lambda: any(i.sound for i in self._inboxes.values())):
                    return
                waiting = {sid: (i, len(i.sound), *i.sound.popleft()) for sid, i in self._inboxes.items() if i.sound}
            for sid, (inbox, count, t, pcm) in waiting.items():
                started = time.thread_time()
                inbox.heard += 1
                if inbox.looking.hear(t, pcm, count > HURRY):
                    dropped, inbox.dropped = inbox.dropped, 0
                    known = pack_attribution(inbox.looking.latest) | {"dropped": dropped}
                    if inbox.heard >= VOICES_EVERY:
                        inbox.heard = 0
                        known["memory"] = inbox.looking.memory()
                    self.send({"type": "attribution", "sid": sid, "cpu": time.thread_time() - started} | known)


def main() -> None:
    """Entry point of the process: `python -m streamer.engine.look_worker FD MAX_FACES`."""
    go_behind()
    LookWorker(socket_of_parent(), int(sys.argv[2])).run()


if __name__ == "__main__":
    main()
