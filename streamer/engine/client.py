"""The call's side of the process that finds faces and separates voices: feeds it, and takes what it says."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass

import av

from models.active_speaker.alone import Stretch
from models.common.arrays import F32
from streamer.engine.packing import pack_picture, unpack_clean, unpack_faces, unpack_others, unpack_voices
from streamer.engine.types import FaceState, SpeakerState
from streamer.workers.client import Statistics, WorkerClient
from streamer.workers.framing import Message
from streamer.workers.link import guarded
from streamer.workers.remote import Place

WORKER = "streamer.engine.worker"
"""Module that is run as the process; it is told its device and most faces."""

AUDIO_IN_FLIGHT = 10
"""Blocks of 20 ms a session may have sent and not had answered."""

LOOKS = 13.0
"""Most pictures a second that are looked at: lips tell who speaks from eight on, and each costs ten milliseconds."""

OnAttributed = Callable[[list[Stretch], list[tuple[int, int]]], None]
OnVoices = Callable[[int, dict[int, F32], list[SpeakerState], F32 | None], None]

log = logging.getLogger("earshot.engine")


@dataclass
class EngineStatistics(Statistics):
    """Counts since the client was made; `*_cpu` in seconds of processor time, `see` with attribution."""

    audio_sent: int = 0
    audio_answered: int = 0
    audio_dropped: int = 0
    video_sent: int = 0
    video_dropped: int = 0
    video_refused: int = 0
    attribution_dropped: int = 0
    hear_cpu: float = 0.0
    see_cpu: float = 0.0


@dataclass
class _Session:
    on_voices: OnVoices
    on_faces: Callable[[float, list[FaceState]], None]
    on_attributed: OnAttributed
    audio_in_flight: int = 0
    video_in_flight: bool = False
    next_video: tuple[float, av.VideoFrame] | None = None
    looked: float = -math.inf
    worker_dropped: int = 0
    suppressed: bool = False
    memory: bytes | None = None


class EngineClient(WorkerClient[_Session, EngineStatistics]):
    """Owns the engine's process.

    Args:
        device: Torch device the models run on, such as "cpu" or "cuda".
        max_faces: Most faces followed in one session.
        on_ready: Called with True when the models are up and False when they are lost.
        place: Where an engine is that others use too, with a device and `max_faces` of its own; None to start one.

    Attributes:
        on_looking: Called with False when faces are not followed any more, and with True when they are, perhaps again.
    """

    def __init__(
        self,
        device: str = "cpu",
        max_faces: int = 6,
        on_ready: Callable[[bool], None] | None = None,
        place: Place | None = None,
    ) -> None:
        super().__init__(WORKER, (device, str(max_faces)), EngineStatistics(), on_ready, place=place)
        self.on_looking: Callable[[bool], None] | None = None

    def open(
        self,
        sid: str,
        on_voices: OnVoices,
        on_faces: Callable[[float, list[FaceState]], None],
        on_attributed: OnAttributed,
        memory: bytes | None = None,
    ) -> None:
        """Begin a session; its callbacks run on the event loop.

        Args:
            sid: A name no open session has.
            on_voices: Called with the block's index, the voice of each speaker, shape (320,), every voice that
                belongs to no face, and the sound without its noise, shape (320,), if that is wanted.
            on_faces: Called with the picture's time and its faces.
            on_attributed: Called every 0.2 s of sound with who spoke alone in the newest stretches, and with the
                speakers that turned out to be somebody else known, (gone, stays) each.
            memory: Of a session before this one, whose faces and voices are known again.
        """
        self._sessions[sid] = _Session(on_voices, on_faces, on_attributed, memory=memory)
        self._process.send({"type": "open", "sid": sid, "memory": memory})

    def memory(self, sid: str) -> bytes | None:
        """Return what is known of a session's faces and voices, not older than some seconds; None for nothing yet."""
        session = self._sessions.get(sid)
        return session.memory if session is not None else None

    def close_session(self, sid: str) -> None:
        """End a session; does nothing when there is none."""
        if self._sessions.pop(sid, None) is not None:
            self._process.send({"type": "close", "sid": sid})

    def suppress(self, sid: str, on: bool) -> None:
        """Take the noise out of a session's sound, too, or no longer."""
        self._sessions[sid].suppressed = on
        self._process.send({"type": "suppress", "sid": sid, "on": on})

    def send_audio(self, sid: str, index: int, t: float, pcm: F32) -> bool:
        """Send one 20 ms block of 16 kHz sound; False when it was dropped instead."""
        session = self._sessions[sid]
        if not self.ready or session.audio_in_flight >= AUDIO_IN_FLIGHT:
            self._statistics.audio_dropped += 1
            return False
        session.audio_in_flight += 1
        self._statistics.audio_sent += 1
        self._process.send({"type": "audio", "sid": sid, "index": index, "t": t, "pcm": pcm.tobytes()})
        return True

    def send_video(self, sid: str, t: float, frame: av.VideoFrame) -> None:
        """Send a picture, or keep it until the one in flight is answered; a newer one replaces it.

        Of more than `LOOKS` a second some are left out.
        """
        session = self._sessions[sid]
        if 0 <= t - session.looked < 1 / LOOKS:
            return
        if not self.ready or session.video_in_flight:
            self._statistics.video_dropped += session.next_video is not None or not self.ready
            session.next_video = (t, frame) if self.ready else None
            return
        session.video_in_flight, session.looked = True, t
        self._send_later(self._send_picture(sid, session, t, frame), f"picture of {sid}")

    def tell(self, sid: str, begin: float, end: float, speaker: int | None) -> None:
        """Say who spoke between two times, seconds; None for none of the faces. The engine learns of it."""
        if self.ready and sid in self._sessions:
            self._process.send({"type": "told", "sid": sid, "begin": begin, "end": end, "id": speaker})

    async def _send_picture(self, sid: str, session: _Session, t: float, frame: av.VideoFrame) -> None:
        starts = self._process.starts
        try:
            picture = await asyncio.to_thread(pack_picture, frame)
        except (ValueError, av.FFmpegError) as error:
            log.debug("picture of %s refused: %s", sid, error)
            self._statistics.video_refused += 1
            session.video_in_flight = False
            return
        if self._sessions.get(sid) is session and self._process.starts == starts:
            self._statistics.video_sent += 1
            self._process.send({"type": "video", "sid": sid, "t": t} | picture)

    def restarted(self, ready: bool) -> None:
        """Begin all sessions anew, with the faces and voices that the process before them knew."""
        for sid, session in self._sessions.items():
            session.audio_in_flight, session.worker_dropped = 0, 0
            session.video_in_flight, session.next_video = False, None
            self._process.send({"type": "open", "sid": sid, "memory": session.memory})
            self._process.send({"type": "suppress", "sid": sid, "on": session.suppressed})
        if ready:
            # With a process that looks of its own.
            self._set_looking(True)

    def _set_looking(self, looking: bool) -> None:
        if self.on_looking is not None:
            self.on_looking(looking)

    def receive(self, message: Message) -> None:
        """Hand voices and faces to the session that they belong to."""
        if message["type"] == "looking":
            self._set_looking(message["up"])
            return
        session = self._sessions.get(message.get("sid", ""))
        if session is None:
            return
        session.memory = message.get("memory", session.memory)
        if message["type"] in ("voices", "unheard"):
            lost = message["dropped"] - session.worker_dropped
            session.worker_dropped = message["dropped"]
            self._statistics.audio_dropped += lost
            session.audio_in_flight = max(0, session.audio_in_flight - lost)
        if message["type"] == "voices":
            session.audio_in_flight = max(0, session.audio_in_flight - 1)
            self._statistics.audio_answered += 1
            self._statistics.hear_cpu += message["cpu"]
            voices, others, clean = unpack_voices(message), unpack_others(message), unpack_clean(message)
            guarded(session.on_voices, message["index"], voices, others, clean)
        elif message["type"] == "attributed":
            alone = [Stretch(*stretch) for stretch in message["alone"]]
            guarded(session.on_attributed, alone, [(gone, stays) for gone, stays in message["joined"]])
        elif message["type"] == "faces":
            session.video_in_flight = False
            self._statistics.see_cpu += message["cpu"]
            self._statistics.attribution_dropped += message["unattributed"]
            guarded(session.on_faces, message["t"], unpack_faces(message["faces"]))
            if session.next_video is not None and message["sid"] in self._sessions:
                (t, frame), session.next_video = session.next_video, None
                self.send_video(message["sid"], t, frame)
