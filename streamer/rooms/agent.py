"""One participant's pipeline: blocks and frames in, blocks with voices out, in order and in time.

A block goes to the engine and comes back with its voices; one that is not back after `DEADLINE` goes on without: for
everybody as it came, for who hears one face as a gap. When many are late, all sound is plain. Plain blocks wait as long
as voices usually take, so that nothing jumps when one becomes the other.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import av
import numpy as np

from models.active_speaker.alone import Stretch
from models.common.arrays import F32
from models.common.resample import Resampler
from streamer.engine.client import EngineClient
from streamer.engine.types import FaceState, SpeakerState
from streamer.mixing.mixer import VoiceBlock
from streamer.mixing.noise_switch import NoiseSwitch
from streamer.observer.client import ObserverClient
from streamer.observer.feed import Feed
from streamer.rtc.ingest import AudioBlock
from streamer.stages import SEPARATED, STAGES

DEADLINE = 0.08
"""Seconds a block may be away before it goes on as plain sound."""

PLAIN_WAIT = 2
"""Blocks that plain sound is held back."""

CALL_RATE, MODEL_RATE = 48_000, 16_000
"""Hz of the sound of a call, and of what the models hear."""

VOICES_DELAY = 3 * 240
"""Samples at 48 kHz by which the separator's answer lags its input (240 at 16 kHz)."""

PICTURELESS = 1.0
"""Seconds after the last picture from which voices are told without one."""

TELL_EVERY = 0.2
"""Seconds between two such messages."""

JUDGED = 50
"""Blocks (1 s) over which the engine counts as keeping up or not."""


@dataclass
class AgentStatistics:
    """Counts since the agent was made; delays in seconds."""

    blocks: int = 0
    separated: int = 0
    late: int = 0
    delays: deque[float] = field(default_factory=lambda: deque(maxlen=3000))


@dataclass
class _Pending:
    index: int
    t: float
    mix: F32
    behind: F32
    """The mixture at 16 kHz, as late as the voices."""
    arrived: float


class Agent:
    """Wires one participant's sound and picture to the engine and its results to the room.

    Args:
        participant_id: Name of the engine session; must be unique among open agents.
        engine: The model process.
        observer: Gets everything that was heard and seen, and who was heard in it.
        on_voice: Called with every block, in order, voices or none.
        on_faces: Called with a picture's time, its faces, and the voices that belong to no face; while no picture
            comes, with the time of the sound and no faces.
        on_status: Called with (separated, reason) when separation begins or ends.
        on_joined: Called with (gone, stays) when two faces or voices turn out to be one person's.
        on_heard: Called at once with each block's time, its sound (320,) at 16 kHz, and whether a picture comes.
        memory: What was known of the faces and voices before.
    """

    def __init__(
        self,
        participant_id: str,
        engine: EngineClient,
        observer: ObserverClient,
        on_voice: Callable[[VoiceBlock], None],
        on_faces: Callable[[float, list[FaceState], list[SpeakerState]], None],
        on_status: Callable[[bool, str], None],
        on_joined: Callable[[int, int], None],
        on_heard: Callable[[float, F32, bool], None] = lambda t, pcm, seen: None,
        memory: bytes | None = None,
    ) -> None:
        self._sid = participant_id
        self._engine = engine
        self._on_voice, self._on_faces, self._on_status, self._on_joined = on_voice, on_faces, on_status, on_joined
        self._on_heard, self._pictured = on_heard, float("-inf")
        self._feed = Feed(participant_id, observer)
        self._loop = asyncio.get_running_loop()
        self._down = Resampler(CALL_RATE, MODEL_RATE)
        up_delay = Resampler(MODEL_RATE, CALL_RATE).delay_seconds
        # What the engine answers to a block is late by the separator and by both resamplers; the mixture
        # is cut as late, so that voices and mixture line up sample for sample.
        self._shift = round((self._down.delay_seconds + up_delay) * CALL_RATE) + VOICES_DELAY
        self._tail = np.zeros(self._shift, np.float32)
        self._tail16 = np.zeros(VOICES_DELAY // 3, np.float32)
        self._pending: deque[_Pending] = deque()
        self._recent: deque[bool] = deque(maxlen=JUDGED)
        self._separated = False
        self._others: list[SpeakerState] = []
        self.on_separated: Callable[[float, F32, dict[int, F32]], None] | None = None
        """Gets each block at 16 kHz: its time, the mixture as late as the voices, and the voices; set by recordings."""
        self._noise = NoiseSwitch()
        self._tell_at = self._loop.time() + PICTURELESS
        self.statistics = AgentStatistics()
        engine.open(participant_id, self._voices, self._faces, self._attributed, memory)

    @property
    def separated(self) -> bool:
        """Whether voices are being separated just now."""
        return self._separated

    @property
    def memory(self) -> bytes | None:
        """What is known of the faces and voices, for another process."""
        return self._engine.memory(self._sid)

    def audio(self, block: AudioBlock) -> None:
        """Take one 20 ms block of 48 kHz sound."""
        self.statistics.blocks += 1
        joined = np.concatenate([self._tail, block.pcm])
        self._tail = joined[block.pcm.size :]
        now = self._loop.time()
        t = block.t - self._shift / CALL_RATE
        index = self.statistics.blocks
        pcm16 = self._down.step(block.pcm)
        joined16 = np.concatenate([self._tail16, pcm16])
        self._tail16 = joined16[pcm16.size :]
        self._pending.append(_Pending(index, t, joined[: block.pcm.size], joined16[: pcm16.size], now))
        self._engine.send_audio(self._sid, index, block.t, pcm16)
        self._on_heard(block.t - self._down.delay_seconds, pcm16, now - self._pictured < PICTURELESS)
        self._release_overdue(now)

    def video(self, t: float, frame: av.VideoFrame) -> None:
        """Take one decoded picture."""
        self._pictured = self._loop.time()
        self._engine.send_video(self._sid, t, frame)
        self._feed.picture(t, frame)

    def told(self, begin: float, end: float, speaker: int | None) -> None:
        """Have the engine learn who spoke between two times, seconds, as somebody said."""
        self._engine.tell(self._sid, begin, end, speaker)

    def suppress(self, on: bool) -> None:
        """Take the noise out of what the others hear, or no longer."""
        if on != self._noise.on:
            self._noise.on = on
            self._engine.suppress(self._sid, on)

    def close(self) -> None:
        """End the session."""
        self._engine.close_session(self._sid)
        self._pending.clear()

    def _release_overdue(self, now: float) -> None:
        if self._engine.ready:
            while self._pending and now - self._pending[0].arrived > DEADLINE:
                self.statistics.late += 1
                self._emit(self._pending.popleft(), None)
        else:
            while len(self._pending) > PLAIN_WAIT:
                self._emit(self._pending.popleft(), None)

    def _voices(self, index: int, voices: dict[int, F32], others: list[SpeakerState], clean: F32 | None = None) -> None:
        self._others = others
        self._feed.others(others)
        while self._pending and self._pending[0].index < index:
            self.statistics.late += 1
            self._emit(self._pending.popleft(), None)
        if self._pending and self._pending[0].index == index:
            block = self._pending.popleft()
            took = self._loop.time() - block.arrived
            self.statistics.delays.append(took)
            STAGES.passed(SEPARATED, took)
            self._emit(block, voices, clean)
            if others and self._loop.time() >= self._tell_at:
                self._tell_at = self._loop.time() + TELL_EVERY
                self._on_faces(block.t, [], others)

    def _faces(self, t: float, faces: list[FaceState]) -> None:
        self._tell_at = self._loop.time() + PICTURELESS
        self._feed.faces(t, faces)
        self._on_faces(t, faces, self._others)

    def _attributed(self, alone: list[Stretch], joined: list[tuple[int, int]]) -> None:
        self._feed.alone(alone)
        for gone, stays in joined:
            self._on_joined(gone, stays)

    def _emit(self, block: _Pending, voices: dict[int, F32] | None, clean: F32 | None = None) -> None:
        in_time = voices is not None
        # Who hears one face gets a gap of 20 ms where a block is late now and then, not a burst of everybody.
        separated = in_time or (self._separated and self._engine.ready)
        mix, faces, late = self._noise.step(block.mix, voices or {}, clean)
        self._on_voice(VoiceBlock(block.t - late, mix, faces, separated, received=block.arrived))
        self._feed.block(block.t, block.behind, voices or {})
        if self.on_separated is not None:
            self.on_separated(block.t, block.behind, voices or {})
        self.statistics.separated += in_time
        STAGES.went_on(late=not in_time and self._engine.ready)
        self._judge(in_time)

    def _judge(self, in_time: bool) -> None:
        """Say so when separation begins or ends, with hysteresis against flicker."""
        self._recent.append(in_time)
        share = sum(self._recent) / len(self._recent)
        if self._separated and (share < 0.8 or not self._engine.ready):
            self._separated = False
            self._on_status(False, "the machine is too busy" if self._engine.ready else "models restarting")
        elif not self._separated and len(self._recent) >= JUDGED // 2 and share > 0.95:
            self._separated = True
            self._on_status(True, "")
