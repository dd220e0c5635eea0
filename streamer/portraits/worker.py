"""The portraits' process: one thread moves mouths, which may not wait, and one makes portraits, which may.

It is begun when somebody wants a portrait for the first time. Beside the models nothing is kept in it but what mouths
remember of the last second.
"""

from __future__ import annotations

import logging
import socket
import sys
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import torch

from models.common.arrays import F32
from models.common.audio import SAMPLE_RATE
from models.portrait.mouth import STEP, Mouth, Speaking
from streamer.portraits.maker import Maker, Refused
from streamer.portraits.rows import PATIENCE, packed
from streamer.workers import framing
from streamer.workers.link import SILENCE_LIMIT
from streamer.workers.priority import go_behind
from streamer.workers.service import Service, socket_of_parent

BACKLOG = 50
"""Blocks of 20 ms a voice may have waiting; the oldest goes then. What waits is caught up with at once."""

JUMP, GAP = 160, 8_000
"""Samples by which a block may be off, and that may be missing before the mouth begins anew; fewer count as silence."""

log = logging.getLogger("earshot.portraits")


@dataclass
class _Voice:
    speaking: Speaking
    sound: deque[tuple[float, F32]] = field(default_factory=lambda: deque(maxlen=BACKLOG))
    waiting: list[F32] = field(default_factory=list)
    samples: int = 0
    """Heard since it began."""
    end: float = 0.0
    """Of what was heard, seconds."""

    def follow(self, t: float, pcm: F32) -> F32 | None:
        """Return what follows what was heard, of a block from `t` seconds on; None if it follows on nothing."""
        off = round((t - self.end) * SAMPLE_RATE)
        if not self.samples or not -len(pcm) <= off < GAP:
            return None
        if off > JUMP:
            return np.concatenate([np.zeros(off, np.float32), pcm])
        return pcm[-off:] if off < -JUMP else pcm


class Worker(Service):
    """Serves the call.

    Args:
        sock: Connected to it.
    """

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock, SILENCE_LIMIT * PATIENCE)
        self._mouth = Mouth()
        self._maker = Maker(self._mouth)
        self._voices: dict[str, _Voice] = {}
        self._to_make: deque[framing.Message] = deque()

    def loops(self) -> Iterable[Callable[[], None]]:
        """Move mouths and make portraits at the same time."""
        return self._speak, self._make

    def receive(self, message: framing.Message) -> None:
        """Put a message where its loop finds it."""
        kind = message["type"]
        if kind == "open":
            self._voices[message["sid"]] = _Voice(self._mouth.begin())
        elif kind == "close":
            self._voices.pop(message["sid"], None)
        elif kind == "sound" and (voice := self._voices.get(message["sid"])):
            voice.sound.append((message["t"], np.frombuffer(message["pcm"], np.float32).copy()))
        elif kind in ("photo", "voice"):
            self._to_make.append(message)

    def _speak(self) -> None:
        while True:
            with self.changed:
                if not self.wait_for(lambda: any(voice.sound for voice in self._voices.values())):
                    return
                waiting = {sid: (voice, list(voice.sound)) for sid, voice in self._voices.items() if voice.sound}
                for voice, _ in waiting.values():
                    voice.sound.clear()
            for sid, (voice, blocks) in waiting.items():
                rows = self._heard(voice, blocks)
                if len(rows):
                    since = voice.samples - STEP * (voice.speaking.steps - len(rows))
                    first = voice.end - since / SAMPLE_RATE
                    self.send({"type": "mouth", "sid": sid, "t": first, "rows": packed(rows)})

    def _heard(self, voice: _Voice, blocks: list[tuple[float, F32]]) -> F32:
        """Return the newest rows after some blocks; none until they make a step with those before."""
        for t, pcm in blocks:
            following = voice.follow(t, pcm)
            if following is None:
                voice.speaking, voice.samples, voice.waiting = self._mouth.begin(), 0, []
            voice.waiting.append(pcm if following is None else following)
            voice.samples += len(voice.waiting[-1])
            voice.end = t + len(pcm) / SAMPLE_RATE
        heard, voice.waiting = np.concatenate(voice.waiting), []
        if len(heard) < STEP:
            voice.waiting = [heard]
            return heard[:0]
        return self._mouth.newest(heard, voice.speaking)

    def _make(self) -> None:
        go_behind()
        while True:
            with self.changed:
                if not self.wait_for(lambda: self._to_make):
                    return
                message = self._to_make.popleft()
            self.send(self._made(message) | {"n": message["n"]})

    def _made(self, message: framing.Message) -> framing.Message:
        try:
            if message["type"] == "photo":
                return {"type": "made", "sheet": self._maker.of_photo(message["jpeg"])}
            return {"type": "made", "sheet": self._maker.of_voice(np.frombuffer(message["pcm"], np.float32).copy())}
        except Refused as error:
            return {"type": "refused", "reason": str(error)}
        except Exception:
            # One odd photo must not cost everybody their portraits.
            log.exception("a portrait could not be made")
            return {"type": "refused", "reason": "The portrait could not be made."}


def main() -> None:
    """Entry point of the process: `python -m streamer.portraits.worker FD`."""
    sock = socket_of_parent()
    go_behind()
    torch.set_num_threads(1)
    sys.setswitchinterval(0.0005)
    Worker(sock).run()


if __name__ == "__main__":
    main()
