"""A room's sound: everybody's blocks in, one mix for all who hear the same, packets out, paced at real time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from aiortc import RTCRtpCodecParameters

from models.common.arrays import F32
from streamer.mixing.faders import Faders
from streamer.mixing.mix import Ears, Mix
from streamer.mixing.mixer import MIX_BLOCK, VoiceBlock
from streamer.mixing.pace import Pace
from streamer.mixing.source import BLOCK_SECONDS, Due, Source
from streamer.stages import MIXED, SENT, STAGES

log = logging.getLogger("earshot.sound")

MOST_LATE = 0.1
"""Later than this the desk gives up catching up and skips, in seconds."""

ALIKE = 10
"""Blocks that two mixes must share, sample by sample, before their listeners share an encoder (0.2 s)."""

DELAYS = 3000
"""Latest delays kept for the metrics: a minute of one source."""

_FAULTS_TOLD = 3


@dataclass(frozen=True, slots=True)
class DeskStatistics:
    """A desk since it was made.

    Attributes:
        played: frames of 20 ms given out, once for each listener.
        skipped: frames left out because the loop was late.
        underruns: blocks that were missing when their turn came.
        dropped: blocks with sound in them thrown away to keep the delay small.
        waiting: samples at 48 kHz that wait in the fullest buffer: the delay added here.
        mixes: different ones there are now: each is encoded once.
    """

    played: int
    skipped: int
    underruns: int
    dropped: int
    waiting: int
    mixes: int


class Listener(Protocol):
    """Who hears a mix: a `ListenTrack`."""

    own: str | None
    faders: Faders
    mix: Mix | None

    @property
    def saying(self) -> bool:
        """Whether something is said to this listener alone."""

    @property
    def codec(self) -> RTCRtpCodecParameters | None:
        """What they are sent; None while nothing can be sent."""

    def extra(self) -> F32:
        """Take the next block, or what is left, of what is being said."""

    def send(self, place: int, lost: int) -> None:
        """Send the mix's last block: its number, and how many were left out so far."""


class Desk:
    """Mixes for the listeners of one room. For use on the event loop.

    Attributes:
        delays: of the last blocks played, seconds from receiving a block to sending its sound.
    """

    def __init__(self) -> None:
        self.delays: deque[float] = deque(maxlen=DELAYS)
        self._sources: dict[str, Source] = {}
        self._listeners: list[Listener] = []
        self._mixes: list[Mix] = []
        self._alike: dict[Mix, tuple[Mix, int]] = {}
        self._due: dict[str, Due] = {}
        self._shifts: dict[str, float] = {}
        """How much later by the mix's clock than by the participant's own their sound is heard, seconds."""
        self._task: asyncio.Task[None] | None = None
        self._pace = Pace()
        self._place = 0
        self._played = self._skipped = self._missed = self._faults = 0
        self._gone_underruns = self._gone_dropped = 0

    def feed(self, participant: str, block: VoiceBlock) -> None:
        """Take 20 ms of a participant; the first one makes them heard by everybody else."""
        if not self._listeners:
            return
        source = self._sources.get(participant)
        if source is None or source.leaving:
            source = self._sources[participant] = Source()
        source.feed(block, time.monotonic())

    def remove(self, participant: str) -> None:
        """Let a participant fade out and go. Unknown ones are ignored."""
        source = self._sources.get(participant)
        if source is not None:
            source.leaving = True

    def join(self, listener: Listener) -> None:
        """Begin to mix for a listener."""
        self._listeners.append(listener)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="desk")

    def leave(self, listener: Listener) -> None:
        """Mix for a listener no more; without any the desk rests. Unknown ones are ignored."""
        if listener not in self._listeners:
            return
        self._listeners.remove(listener)
        listener.mix = None
        self._tidy()
        if not self._listeners:
            self._sources.clear()
            self._shifts.clear()
            if self._task is not None:
                self._task.cancel()
                self._task = None

    def step(self) -> None:
        """Take one block from every source into every mix."""
        gone = [participant for participant, source in self._sources.items() if source.leaving]
        for participant in gone:
            source = self._sources.pop(participant)
            self._gone_underruns += source.underruns
            self._gone_dropped += source.dropped
            self._shifts.pop(participant, None)
        due = {participant: source.step() for participant, source in self._sources.items()}
        for participant, one in due.items():
            if one.block is not None:
                self._shifts[participant] = self._place * BLOCK_SECONDS - one.block.t
        self._seat()
        extras = {id(listener.mix): listener.extra() for listener in self._listeners if listener.saying}
        for mix in self._mixes:
            mix.step(due, gone, extras.get(id(mix)))
        self._merge()
        self._due = due

    def heard_at(self, participant: str, t: float) -> float | None:
        """Say when a participant's sound of `t` seconds is heard, by the mix's clock; None while they are not.

        That clock counts seconds from the room's beginning, for every listener alike; it is what RTP timestamps go by.
        """
        shift = self._shifts.get(participant)
        return None if shift is None else t + shift

    def statistics(self) -> DeskStatistics:
        """Return the counts since the desk was made."""
        sources = self._sources.values()
        return DeskStatistics(
            self._played,
            self._skipped,
            self._gone_underruns + sum(source.underruns for source in sources),
            self._dropped(),
            max((len(source.blocks) for source in sources), default=0) * MIX_BLOCK,
            len(self._mixes),
        )

    def _dropped(self) -> int:
        return self._gone_dropped + sum(source.dropped for source in self._sources.values())

    def _seat(self) -> None:
        """Give every listener a mix for what their ears are now."""
        for listener in self._listeners:
            own = listener.own if listener.own in self._sources else None
            ears = Ears(own, listener.faders.setting, id(listener) if listener.saying else None)
            mix = listener.mix
            if mix is not None and mix.ears == ears:
                continue
            if mix is None:
                mix = next((mix for mix in self._mixes if mix.ears == ears), None)
                if mix is None:
                    mix = Mix(ears, listener.faders.copy())
                    self._mixes.append(mix)
            elif any(other.mix is mix for other in self._listeners if other is not listener):
                mix = mix.fork(ears, listener.faders.copy())
                self._mixes.append(mix)
            else:
                mix.turn(ears, listener.faders.copy())
            listener.mix = mix

    def _merge(self) -> None:
        """Make one of mixes that have become the same: whose listeners have changed and what they heard has settled."""
        elders: dict[Ears, Mix] = {}
        for mix in self._mixes:
            elder = elders.setdefault(mix.ears, mix)
            if elder is mix:
                self._alike.pop(mix, None)
                continue
            before, count = self._alike.get(mix, (elder, 0))
            count = count + 1 if before is elder and mix.same(elder) else 0
            self._alike[mix] = elder, count
            if count >= ALIKE:
                for listener in self._listeners:
                    if listener.mix is mix:
                        listener.mix = elder
        self._tidy()

    def _tidy(self) -> None:
        """Let go of mixes that nobody hears."""
        heard = {id(listener.mix) for listener in self._listeners}
        self._mixes = [mix for mix in self._mixes if id(mix) in heard]
        self._alike = {mix: alike for mix, alike in self._alike.items() if id(mix) in heard}

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            wait = due - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            elif wait < -MOST_LATE:
                late = int(-wait / BLOCK_SECONDS)
                self._skipped += late
                # Where nobody can be heard nothing is lost.
                self._missed += late if self._sources else 0
                self._place += late
                due += late * BLOCK_SECONDS
            try:
                await self._frame()
            except Exception:
                # One frame that fails must not be the last one of a room.
                self._faults += 1
                if self._faults <= _FAULTS_TOLD:
                    log.exception("mixing failed")
            self._place += 1
            due += BLOCK_SECONDS + self._slide(due)

    def _slide(self, due: float) -> float:
        """Return by how many seconds more than a block the next frame follows on the one that was due then."""
        for one in self._due.values():
            if one.loud:
                # Blocks are told apart by the monotonic clock, which event loops go by.
                self._pace.played(due - one.came)
            elif one.missed:
                self._pace.missed()
        return self._pace.step()

    async def _frame(self) -> None:
        """Mix, encode and send one frame."""
        self.step()
        received = [one.block.received for one in self._due.values() if one.block and one.block.received]
        loop = asyncio.get_running_loop()
        for moment in received:
            STAGES.passed(MIXED, loop.time() - moment)
        wanted: dict[Mix, dict[str, RTCRtpCodecParameters]] = {}
        for listener in self._listeners:
            if listener.mix is not None and (codec := listener.codec) is not None:
                wanted.setdefault(listener.mix, {})[codec.name] = codec
        if len(wanted) == 1:
            # To wake a thread and be woken by it costs more than it takes, 0.2 ms.
            _encode({mix: list(codecs.values()) for mix, codecs in wanted.items()})
        elif wanted:
            # The loop has packets to hand on meanwhile.
            await loop.run_in_executor(None, _encode, {mix: list(codecs.values()) for mix, codecs in wanted.items()})
        now, lost = loop.time(), self._missed + self._dropped()
        self.delays.extend(now - moment for moment in received)
        for listener in list(self._listeners):
            self._played += 1
            if listener.mix in wanted:
                listener.send(self._place, lost)
        for moment in received:
            STAGES.passed(SENT, loop.time() - moment)


def _encode(wanted: dict[Mix, list[RTCRtpCodecParameters]]) -> None:
    for mix, codecs in wanted.items():
        mix.encode(codecs)
