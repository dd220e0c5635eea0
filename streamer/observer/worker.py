"""The observer's process: one thread watches and answers, one writes captions, one reads what was said again.

Each session may have `SOUND_BACKLOG` pieces of sound waiting; with more, the oldest is dropped and counted. Captions of
sentences that are not over are left out first.
"""

from __future__ import annotations

import logging
import socket
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import torch

from models.active_speaker.alone import Stretch
from models.common.arrays import F32
from models.common.audio import SAMPLE_RATE
from models.speech.languages import AUTO, ENGLISH
from models.speech.transcriber import has_second_reader, open_second_reader, open_transcriber
from models.speech.types import Polyglot, Reading
from streamer.observer.live_captions import LiveCaptions
from streamer.observer.observer import Observer
from streamer.observer.second_reading import Request, SecondReadings
from streamer.observer.sound_message import unpack_sound
from streamer.observer.types import PATIENCE, Caption, Observation, pack
from streamer.workers import framing
from streamer.workers.link import SILENCE_LIMIT
from streamer.workers.memory import give_back_large
from streamer.workers.priority import go_last
from streamer.workers.service import Service, socket_of_parent

SOUND_BACKLOG = 50
"""Pieces of sound, 0.1 s each, a session may have waiting."""

NO_TIME_FOR_PARTIALS = 8
"""Waiting pieces of one session from which on only what is final is written."""

log = logging.getLogger("earshot.observer")


class Backlog:
    """Messages waiting for one loop, in order; of a session's sound only the newest `SOUND_BACKLOG`."""

    def __init__(self) -> None:
        self._waiting: deque[framing.Message] = deque()
        self._sounds: Counter[str] = Counter()
        self.dropped = 0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put(self, message: framing.Message) -> None:
        """Append a message."""
        if message["type"] == "sound":
            sid = message["sid"]
            if self._sounds[sid] >= SOUND_BACKLOG:
                oldest = next(m for m in self._waiting if m["type"] == "sound" and m["sid"] == sid)
                self._waiting.remove(oldest)
                self._sounds[sid] -= 1
                self.dropped += 1
            self._sounds[sid] += 1
        self._waiting.append(message)

    def take(self) -> list[framing.Message]:
        """Take everything."""
        messages, self._waiting = list(self._waiting), deque()
        self._sounds.clear()
        return messages


class Worker(Service):
    """Serves one observer and, if they are wanted, live captions.

    Args:
        sock: Connected.
        observer: Watches and answers.
        captions: Writes captions; None for none.
        readings: Of those captions, to be read again here; None for none.
    """

    def __init__(
        self,
        sock: socket.socket,
        observer: Observer,
        captions: LiveCaptions | None,
        readings: SecondReadings | None = None,
    ) -> None:
        super().__init__(sock, SILENCE_LIMIT * PATIENCE)
        self._observer, self._captions, self._readings = observer, captions, readings
        self._to_observe, self._to_caption = Backlog(), Backlog()
        self._embedding = threading.Lock()

    def loops(self) -> Iterable[Callable[[], None]]:
        """Observe, write captions and read again at the same time."""
        yield self._observe
        if self._captions is not None:
            yield self._caption
        if self._readings is not None:
            yield self._read_again

    def receive(self, message: framing.Message) -> None:
        """Put a message where its loop finds it."""
        self._to_observe.put(message)
        if self._captions is not None and message["type"] in ("open", "close", "sound"):
            self._to_caption.put(message)

    def _take(self, backlog: Backlog, or_if: Callable[[], bool]) -> list[framing.Message] | None:
        """Wait for messages, or until `or_if`, and take all; None when it is time to end."""
        with self.changed:
            return backlog.take() if self.wait_for(lambda: backlog or or_if()) else None

    def _send_observation(self, sid: str, observation: Observation) -> None:
        counts = {"sounds_dropped": self._to_observe.dropped + self._to_caption.dropped}
        if self._readings is not None:
            counts |= {f"second_readings_{name}": value for name, value in self._readings.counts.items()}
        self.send(pack(observation) | {"sid": sid, "counts": counts})

    def _observe(self) -> None:
        while (messages := self._take(self._to_observe, lambda: False)) is not None:
            for message in messages:
                self._handle(message)
            for sid, observation in self._observer.step():
                self._send_observation(sid, observation)

    def _handle(self, message: framing.Message) -> None:
        kind, sid = message["type"], message.get("sid", "")
        if kind == "open":
            self._observer.open(sid)
        elif kind == "close":
            self._observer.close(sid)
            if self._captions is None:
                self.send({"type": "closed", "sid": sid})
        elif kind == "picture":
            rgb = np.frombuffer(message["rgb"], np.uint8).reshape(224, 224, 3)
            self._observer.see(sid, message["t"], rgb, message["aspect"])
            self.send({"type": "seen", "sid": sid})
        elif kind == "sound":
            mix, voices = unpack_sound(message)
            for columns in self._observer.hear(sid, message["t"], mix, voices):
                self._send_observation(sid, columns)
        elif kind == "spectrograms":
            self._observer.show_spectrograms(sid, set(message["faces"]))
        elif kind in ("ask", "embed"):
            self.send(self._reply(message) | {"n": message["n"]})

    def _reply(self, message: framing.Message) -> framing.Message:
        try:
            if message["type"] == "embed":
                return {"type": "result", "result": self._vector(self._observer.query, message["text"])}
            answer = self._observer.ask(message["sid"], message["question"])
        except Exception:
            # One odd question must not cost everybody the models.
            log.exception("a question failed")
            return {"type": "failed"}
        result = None if answer is None else {"answers": [*answer.answers], "known": answer.known}
        return {"type": "result", "result": result}

    def _vector(self, embed: Callable[[str], F32], text: str) -> bytes:
        with self._embedding:
            vector: bytes = embed(text).astype(np.float32).tobytes()
            return vector

    def _caption(self) -> None:
        assert self._captions is not None
        while (messages := self._take(self._to_caption, self._has_read_again)) is not None:
            for message in messages:
                sid = message["sid"]
                if message["type"] == "open":
                    self._captions.open(sid, message["first_line"])
                elif message["type"] == "close":
                    for caption in self._captions.close(sid):
                        self._send_caption(sid, caption)
                    self.send({"type": "closed", "sid": sid})
                else:
                    mix, voices = unpack_sound(message)
                    speaking = dict(zip(message["faces"], message["speaking"], strict=True))
                    alone = [Stretch(*stretch) for stretch in message["alone"]]
                    self._captions.hear(sid, message["t"], mix, voices, speaking, alone)
            for sid, caption in self._captions.step(partials=most_of_one_session(messages) < NO_TIME_FOR_PARTIALS):
                self._send_caption(sid, caption)
            if self._readings is not None and self._readings.waiting:
                with self.changed:
                    self.changed.notify_all()

    def _has_read_again(self) -> bool:
        return self._readings is not None and self._readings.news

    def _read_again(self) -> None:
        readings = self._readings
        assert readings is not None
        reader = open_reader()
        if reader is None:
            readings.close()
        while True:
            with self.changed:
                # The captions may wait for what was read just now.
                self.changed.notify_all()
                if not self.wait_for(lambda: readings.waiting):
                    return
            taken = readings.take()
            if taken is not None and reader is not None:
                readings.answer(taken[0], _read(reader, *taken))

    def _send_caption(self, sid: str, caption: Caption) -> None:
        if caption.final and caption.text:
            caption = replace(caption, vector=self._vector(self._observer.line, caption.text))
        self._send_observation(sid, caption)


def most_of_one_session(messages: list[framing.Message]) -> int:
    """Return how many pieces of sound waited for the session that had most of them."""
    return max(Counter(m["sid"] for m in messages if m["type"] == "sound").values(), default=0)


def _read(reader: Polyglot, request: Request, sound: F32) -> Reading | None:
    try:
        return request.read(reader, sound)
    except Exception:
        # One odd sentence must not cost everybody the models.
        log.exception("a second reading of %.1f s failed", len(sound) / SAMPLE_RATE)
        return None


def open_reader() -> Polyglot | None:
    """Return the second reader; None if it cannot be had, and then all goes on without."""
    try:
        return open_second_reader()
    except (ValueError, OSError, ImportError) as error:
        log.error("sentences are not read again: %s", " ".join(str(error).split()))
        return None


def open_captions(speech: str, readings: SecondReadings | None = None, language: str = AUTO) -> LiveCaptions | None:
    """Return what writes captions; None if none are wanted, or there is no such transcriber here: the rest goes on."""
    if speech == "none":
        return None
    try:
        # Who reads first speaks English alone: where there is a second reading, that of another language is the second.
        first = language if readings is None or language == ENGLISH else AUTO
        return LiveCaptions(open_transcriber(speech, language=first), readings, language)
    except (ValueError, OSError, ImportError) as error:
        log.error("there are no captions: %s", " ".join(str(error).split()))
        return None


def main() -> None:
    """Entry point of the process: `python -m streamer.observer.worker FD SPEECH LANGUAGE`, see `open_captions`."""
    sock = socket_of_parent()
    go_last()
    # Sentences are of all lengths, and the longest would be what is kept.
    give_back_large()
    torch.set_num_threads(1)
    speech, language = sys.argv[2:4]
    readings = SecondReadings() if has_second_reader(speech) else None
    captions = open_captions(speech, readings, language)
    Worker(sock, Observer(), captions, None if captions is None else readings).run()


if __name__ == "__main__":
    main()
