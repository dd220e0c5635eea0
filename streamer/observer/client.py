"""The call's side of the observer: feeds it sound and pictures, takes what it says, and asks it."""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from models.active_speaker.alone import Stretch
from models.common.arrays import F32
from models.speech.languages import AUTO
from streamer.observer.sound_message import pack_sound
from streamer.observer.types import PATIENCE, Caption, Observation, unpack
from streamer.workers.client import Statistics, WorkerClient
from streamer.workers.framing import Message
from streamer.workers.link import guarded
from streamer.workers.remote import Place

WORKER = "streamer.observer.worker"
"""Module that is run as the process; it is told its transcriber and the language."""

MOST_UNREAD = 2 * 1024 * 1024
"""Bytes that may wait for the process; sound beyond that is dropped and counted."""

ANSWER_DEADLINE = 10.0
"""Seconds a question may take."""

MOST_QUESTIONS = 16
"""Questions that may wait at once."""

PICTURES = 13.0
"""Most pictures a second and session: what moves with a sound is told from eight on."""

MOST_UNSEEN = 8
"""Pictures of a session that may wait for the process. Motion is seen between neighbours no more than
`models.localization.motion.LONGEST_GAP` apart: while a scene is put into words, several come, and all are wanted."""

OUTDATED = 10.0
"""Seconds after which a picture is not what there is to be seen any more: the camera is off."""

SIDE = 224
"""Pixels of either side of the pictures it gets."""

log = logging.getLogger("earshot.observer")


class Unavailable(Exception):
    """The observer does not run, or has too much to do; the message says which."""


@dataclass
class ObserverStatistics(Statistics):
    """Counts since the client was made."""

    pictures: int = 0
    pictures_skipped: int = 0
    sounds: int = 0
    sounds_dropped: int = 0
    observations: int = 0
    questions: int = 0
    second_readings_read: int = 0
    second_readings_late: int = 0
    second_readings_dropped: int = 0
    second_readings_failed: int = 0


@dataclass
class _Session:
    on_observation: Callable[[Observation], None]
    packing: bool = False
    unseen: int = 0
    packed_t: float = -math.inf
    pictured: float = -math.inf
    spectrograms: tuple[int | None, ...] = ()
    ending: bool = False
    unfinished: dict[int, Caption] = field(default_factory=dict)
    next_line: int = 0
    """Number that no line of the session has had: where a process that is started anew goes on."""

    def note(self, caption: Caption) -> None:
        """Remember what may have to be finished or numbered without the process."""
        self.next_line = max(self.next_line, caption.id + 1)
        if caption.final:
            self.unfinished.pop(caption.id, None)
        else:
            self.unfinished[caption.id] = caption

    def forsaken(self) -> list[Caption]:
        """Return the lines that nobody will finish, now that the process is gone: final as last understood."""
        lines, self.unfinished = [replace(line, final=True) for line in self.unfinished.values()], {}
        self.unseen = 0
        return lines


class ObserverClient(WorkerClient[_Session, ObserverStatistics]):
    """Owns the observer's process.

    Args:
        speech: Transcriber of the captions, see `models.speech.transcriber.open_transcriber`; "none" for no captions.
        language: Code of what is spoken, see there.
        on_ready: Called with True when the models are up and False when they are lost.
        place: Where an observer is that others use too, with a transcriber of its own; None to start one. What such a
            process counts it counts for all of them.
    """

    def __init__(
        self,
        speech: str = "moonshine",
        language: str = AUTO,
        on_ready: Callable[[bool], None] | None = None,
        place: Place | None = None,
    ) -> None:
        super().__init__(WORKER, (speech, language), ObserverStatistics(), on_ready, PATIENCE, place)
        self._questions: dict[int, asyncio.Future[Any]] = {}
        self._numbers = itertools.count()
        self._worker_counts: dict[str, int] = {}

    def open(self, sid: str, on_observation: Callable[[Observation], None], first_line: int = 0) -> None:
        """Begin a session.

        Args:
            sid: A name no open session has.
            on_observation: Called on the event loop with everything that is observed.
            first_line: Number of its first line of captions.
        """
        self._sessions[sid] = _Session(on_observation, next_line=first_line)
        self._process.send({"type": "open", "sid": sid, "first_line": first_line})

    def close_session(self, sid: str) -> None:
        """End a session; does nothing when there is none. The last captions may still come."""
        session = self._sessions.get(sid)
        if session is not None and self.ready:
            session.ending = True
            self._process.send({"type": "close", "sid": sid})
        else:
            self._sessions.pop(sid, None)

    def hear(
        self,
        sid: str,
        t: float,
        mix: F32,
        voices: dict[int, F32],
        speaking: dict[int, float],
        alone: Sequence[Stretch] = (),
    ) -> None:
        """Send sound at 16 kHz: mixture (N,) from `t` seconds on, voices (N,) each, and who is talking.

        `alone` says who spoke alone in stretches before, of which that is new.
        """
        if not self.ready or sid not in self._sessions:
            return
        if self._process.waiting > MOST_UNREAD:
            self._statistics.sounds_dropped += 1
            return
        self._statistics.sounds += 1
        self._process.send(pack_sound(t, mix, voices, speaking, alone) | {"sid": sid})

    def see(self, sid: str, t: float, frame: av.VideoFrame) -> None:
        """Send a picture, unless it comes too soon after one before, or too many are still on their way.

        Pictures never take the room of sound: they fill half of `MOST_UNREAD`.
        """
        session = self._sessions.get(sid)
        if session is None or not self.ready:
            return
        session.pictured = time.monotonic()
        if 0 <= t - session.packed_t < 1 / PICTURES:
            return
        if session.packing or session.unseen >= MOST_UNSEEN or self._process.waiting > MOST_UNREAD // 2:
            self._statistics.pictures_skipped += 1
            return
        # One at a time, so that they arrive in order.
        session.packing, session.packed_t = True, t
        self._send_later(self._send_picture(sid, session, t, frame), f"picture of {sid} to observe")

    def show_spectrograms(self, sid: str, faces: set[int | None]) -> None:
        """Say which spectrograms of a session are wanted: of faces, None for the mixture."""
        session = self._sessions.get(sid)
        if session is not None and set(session.spectrograms) != faces:
            session.spectrograms = tuple(faces)
            self._process.send({"type": "spectrograms", "sid": sid, "faces": [*faces]})

    async def ask(self, sid: str, question: str) -> tuple[list[tuple[str, float]], bool] | None:
        """Ask about the newest picture of a session.

        Returns:
            The most probable answers, and whether they are to be trusted; None while there is no picture.

        Raises:
            Unavailable: the models do not answer.
        """
        session = self._sessions.get(sid)
        if self.ready and (session is None or time.monotonic() - session.pictured > OUTDATED):
            return None
        result = await self._ask({"type": "ask", "sid": sid, "question": question})
        if result is None:
            return None
        return [(str(text), float(p)) for text, p in result["answers"]], bool(result["known"])

    async def embed(self, text: str) -> F32:
        """Return the vectors (2, D) of what is searched for: to be compared with keyframes, and with lines.

        Raises:
            Unavailable: the models do not answer.
        """
        return np.frombuffer(await self._ask({"type": "embed", "text": text}), np.float32).reshape(2, -1)

    async def _ask(self, message: Message) -> Any:
        if not self.ready:
            raise Unavailable("The models that look and listen are not running.")
        if len(self._questions) >= MOST_QUESTIONS:
            raise Unavailable("Too many questions at once; try again.")
        n = next(self._numbers)
        self._statistics.questions += 1
        future = self._questions[n] = asyncio.get_running_loop().create_future()
        self._process.send(message | {"n": n})
        try:
            async with asyncio.timeout(ANSWER_DEADLINE):
                return await future
        except TimeoutError:
            raise Unavailable("The models have too much to do; try again.") from None
        finally:
            del self._questions[n]

    async def _send_picture(self, sid: str, session: _Session, t: float, frame: av.VideoFrame) -> None:
        try:
            rgb = await asyncio.to_thread(_square, frame)
            if self._sessions.get(sid) is session and self.ready:
                self._statistics.pictures += 1
                aspect = frame.width / frame.height
                self._process.send({"type": "picture", "sid": sid, "t": t, "aspect": aspect, "rgb": rgb})
                session.unseen += 1
        except (ValueError, av.FFmpegError) as error:
            log.debug("picture of %s refused: %s", sid, error)
        finally:
            session.packing = False

    def restarted(self, ready: bool) -> None:
        """Begin all sessions anew; finish the lines, and refuse the questions, that the process took with it."""
        self._worker_counts = {}
        for sid, session in list(self._sessions.items()):
            for line in session.forsaken():
                guarded(session.on_observation, line)
            if session.ending:
                del self._sessions[sid]
                continue
            self._process.send({"type": "open", "sid": sid, "first_line": session.next_line})
            if session.spectrograms:
                self._process.send({"type": "spectrograms", "sid": sid, "faces": list(session.spectrograms)})
        for future in self._questions.values():
            if not ready and not future.done():
                future.set_exception(Unavailable("The models that look and listen have stopped; they restart."))

    def receive(self, message: Message) -> None:
        """Hand an answer to who asked, and an observation to the session it belongs to."""
        kind = message["type"]
        if kind in ("result", "failed"):
            future = self._questions.get(message["n"])
            if future is not None and not future.done():
                if kind == "result":
                    future.set_result(message["result"])
                else:
                    future.set_exception(Unavailable("The models can make nothing of that."))
            return
        session = self._sessions.get(message.get("sid", ""))
        if session is None:
            return
        if kind == "seen":
            session.unseen = max(0, session.unseen - 1)
            return
        if kind == "closed":
            if session.ending:
                del self._sessions[message["sid"]]
            return
        self._add_counts(message["counts"])
        self._statistics.observations += 1
        observation = unpack(message)
        if isinstance(observation, Caption):
            session.note(observation)
        if isinstance(observation, Caption) or not session.ending:
            guarded(session.on_observation, observation)

    def _add_counts(self, counts: dict[str, int]) -> None:
        """Add what the process has counted since it was last heard of; it counts from its own beginning."""
        for name, count in counts.items():
            new = count - self._worker_counts.get(name, 0)
            setattr(self._statistics, name, getattr(self._statistics, name) + new)
        self._worker_counts = counts


def _square(frame: av.VideoFrame) -> bytes:
    """Return a picture squashed to 224 x 224, RGB; takes some ms, so not on the loop."""
    # Not by the frame's own reformatter: the engine may be using that on another thread.
    small = VideoReformatter().reformat(frame, width=SIDE, height=SIDE, format="rgb24", interpolation="AREA")
    return small.to_ndarray().tobytes()
