"""The call's side of the model process: starts it, feeds it, restarts it when it dies."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import av

from streamer.engine import wire
from streamer.engine.types import FaceState, Samples

AUDIO_IN_FLIGHT = 10
"""Blocks of 20 ms a session may have sent and not had answered."""

PING_EVERY = 1.0
SILENCE_LIMIT = 8.0
"""Seconds without a sign of life after which the process is killed and started anew."""

START_LIMIT = 120.0
"""Seconds the models may take to load; the first start on a machine exports the separator."""

log = logging.getLogger("earshot.engine")


@dataclass
class EngineStatistics:
    """Counts since the client was made."""

    starts: int = 0
    audio_sent: int = 0
    audio_answered: int = 0
    audio_dropped: int = 0
    video_sent: int = 0
    video_dropped: int = 0
    video_refused: int = 0
    hear_cpu: float = 0.0
    see_cpu: float = 0.0


@dataclass
class _Session:
    on_voices: Callable[[int, dict[int, Samples]], None]
    on_faces: Callable[[float, list[FaceState]], None]
    audio_in_flight: int = 0
    video_in_flight: bool = False
    next_video: tuple[float, av.VideoFrame] | None = None
    worker_dropped: int = 0
    memory: bytes | None = None


@dataclass
class EngineClient:
    """Owns the model process.

    Args:
        device: Torch device the models run on, such as "cpu" or "cuda".
        max_faces: Most faces followed in one session.
        on_ready: Called with True when the models are up and False when they are lost.
    """

    device: str = "cpu"
    max_faces: int = 6
    on_ready: Callable[[bool], None] | None = None
    statistics: EngineStatistics = field(default_factory=EngineStatistics)
    _sessions: dict[str, _Session] = field(default_factory=dict)
    _sending: set[asyncio.Task[None]] = field(default_factory=set)
    _ready: bool = False
    _writer: asyncio.StreamWriter | None = None
    _supervisor: asyncio.Task[None] | None = None
    _process: asyncio.subprocess.Process | None = None

    @property
    def ready(self) -> bool:
        """Whether the models are up."""
        return self._ready

    @property
    def pid(self) -> int | None:
        """Process number of the model process, None while there is none."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start the process; returns at once, `ready` turns true when the models are loaded."""
        self._supervisor = asyncio.create_task(self._supervise(), name="engine supervisor")

    async def close(self) -> None:
        """Stop the process and wait until it is gone."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.gather(self._supervisor, return_exceptions=True)
            self._supervisor = None

    def open(
        self,
        sid: str,
        on_voices: Callable[[int, dict[int, Samples]], None],
        on_faces: Callable[[float, list[FaceState]], None],
    ) -> None:
        """Begin a session; its callbacks run on the event loop.

        Args:
            sid: A name no open session has.
            on_voices: Called with the block's index and the voice of each face, shape (320,).
            on_faces: Called with the picture's time and its faces.
        """
        self._sessions[sid] = _Session(on_voices, on_faces)
        self._send({"type": "open", "sid": sid, "memory": None})

    def close_session(self, sid: str) -> None:
        """End a session; does nothing when there is none."""
        if self._sessions.pop(sid, None) is not None:
            self._send({"type": "close", "sid": sid})

    def send_audio(self, sid: str, index: int, t: float, pcm: Samples) -> bool:
        """Send one 20 ms block of 16 kHz sound; False when it was dropped instead."""
        session = self._sessions[sid]
        if not self._ready or session.audio_in_flight >= AUDIO_IN_FLIGHT:
            self.statistics.audio_dropped += 1
            return False
        session.audio_in_flight += 1
        self.statistics.audio_sent += 1
        self._send({"type": "audio", "sid": sid, "index": index, "t": t, "pcm": pcm.tobytes()})
        return True

    def send_video(self, sid: str, t: float, frame: av.VideoFrame) -> None:
        """Send a picture, or keep it until the one in flight is answered; a newer one replaces it."""
        session = self._sessions[sid]
        if not self._ready or session.video_in_flight:
            self.statistics.video_dropped += session.next_video is not None or not self._ready
            session.next_video = (t, frame) if self._ready else None
            return
        session.video_in_flight = True
        task = asyncio.create_task(self._send_picture(sid, session, t, frame), name=f"picture of {sid}")
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send_picture(self, sid: str, session: _Session, t: float, frame: av.VideoFrame) -> None:
        starts = self.statistics.starts
        try:
            picture = await asyncio.to_thread(wire.pack_picture, frame)
        except (ValueError, av.FFmpegError) as error:
            log.debug("picture of %s refused: %s", sid, error)
            self.statistics.video_refused += 1
            session.video_in_flight = False
            return
        if self._sessions.get(sid) is session and self.statistics.starts == starts:
            self.statistics.video_sent += 1
            self._send({"type": "video", "sid": sid, "t": t} | picture)

    def _send(self, message: wire.Message) -> None:
        if self._ready and self._writer is not None and not self._writer.is_closing():
            self._writer.write(wire.encode(message))

    def _set_ready(self, ready: bool) -> None:
        if ready == self._ready:
            return
        self._ready = ready
        for sid, session in self._sessions.items():
            session.audio_in_flight, session.worker_dropped = 0, 0
            session.video_in_flight, session.next_video = False, None
            self._send({"type": "open", "sid": sid, "memory": session.memory})
        if self.on_ready is not None:
            _guarded(self.on_ready, ready)

    async def _supervise(self) -> None:
        delay = 0.25
        while True:
            self.statistics.starts += 1
            started = asyncio.get_running_loop().time()
            try:
                await self._run_process()
            except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError) as error:
                log.warning("model process lost: %s", error or type(error).__name__)
            except Exception:
                # Whatever it was, a call without voices is better than no supervisor.
                log.exception("model process lost")
            if asyncio.get_running_loop().time() - started > 60:
                delay = 0.25
            await asyncio.sleep(delay)
            delay = min(2 * delay, 10.0)

    async def _run_process(self) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            arguments = [str(theirs.fileno()), self.device, str(self.max_faces)]
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "streamer.engine.worker", *arguments),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
            )
        reader, self._writer = await asyncio.open_connection(sock=ours)
        pinger: asyncio.Task[None] | None = None
        try:
            async with asyncio.timeout(START_LIMIT):
                await wire.read(reader)
            log.info("models are ready (process %d)", self._process.pid)
            self._set_ready(True)
            pinger = asyncio.create_task(self._ping(), name="engine ping")
            while True:
                async with asyncio.timeout(SILENCE_LIMIT):
                    self._dispatch(await wire.read(reader))
        finally:
            if pinger is not None:
                pinger.cancel()
            self._set_ready(False)
            self._writer.close()
            await self._end_process(self._process)
            self._process = None

    async def _ping(self) -> None:
        n = 0
        while True:
            n += 1
            self._send({"type": "ping", "n": n})
            await asyncio.sleep(PING_EVERY)

    @staticmethod
    async def _end_process(process: asyncio.subprocess.Process) -> None:
        """The closed socket tells it to go; one that does not is killed."""
        try:
            async with asyncio.timeout(3):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    def _dispatch(self, message: wire.Message) -> None:
        session = self._sessions.get(message.get("sid", ""))
        if session is None:
            return
        if message["type"] == "voices":
            lost = message["dropped"] - session.worker_dropped
            session.worker_dropped = message["dropped"]
            self.statistics.audio_dropped += lost
            session.audio_in_flight = max(0, session.audio_in_flight - 1 - lost)
            self.statistics.audio_answered += 1
            self.statistics.hear_cpu += message["cpu"]
            _guarded(session.on_voices, message["index"], wire.unpack_voices(message))
        elif message["type"] == "faces":
            session.video_in_flight = False
            session.memory = message.get("memory", session.memory)
            self.statistics.see_cpu += message["cpu"]
            _guarded(session.on_faces, message["t"], wire.unpack_faces(message["faces"]))
            if session.next_video is not None and message["sid"] in self._sessions:
                (t, frame), session.next_video = session.next_video, None
                self.send_video(message["sid"], t, frame)


def _guarded(callback: Callable[..., None], *arguments: object) -> None:
    """Call back; what goes wrong there is a fault of one session and not of the models."""
    try:
        callback(*arguments)
    except Exception:
        log.exception("a callback of the engine failed")
