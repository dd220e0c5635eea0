"""All sessions in one batch: the engine as a plain object, used in its own process and by `earshot process`."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
import torch

from models.active_speaker.attribution import Attribution
from models.active_speaker.networks import load_networks
from models.common.arrays import F32, U8
from models.common.audio import SAMPLE_RATE
from models.faces.tracker import Face, FaceModels
from models.noise.suppressor import Stream, Suppressor
from models.separation.level import VoiceLevel
from models.separation.runtime import SeparatorRuntime, load_separator
from models.voiceprint.state import Change
from streamer.engine.ahead import Block, Wanted
from streamer.engine.looker import Looker, RemoteSenses
from streamer.engine.looking import Looking
from streamer.engine.session import BLOCK_SECONDS, EngineSession, Senses
from streamer.engine.survey import Known, KnownSenses, Survey
from streamer.engine.tuning import Tuning, tuned
from streamer.engine.types import BLOCK, FaceState, Voices

TUNING_THREADS = max(1, min(4, (os.cpu_count() or 1) // 2))
"""Two take 0.63 of the time of one where they have a core each, and far longer where something else wants one."""

DELAY = SeparatorRuntime.DELAY
"""Samples at 16 kHz by which voices lag what was heard."""


class Engine:
    """Finds faces and pulls their voices apart, for any number of sessions.

    `see` (which is `find`, then `seen`) may run on one thread and `hear` on another; `open` and `close` on any.

    Args:
        device: Torch device of the separator.
        max_faces: Most faces followed in one session.
        looker: Looks and attributes (live); None does both in place (recordings).
    """

    def __init__(self, device: str = "cpu", max_faces: int = 6, looker: Looker | None = None) -> None:
        # With more threads a step of 1 ms takes up to 250 ms when cores are contended.
        torch.set_num_threads(1)
        self._device, self._untuned = device, SeparatorRuntime(device)
        self._separator = self._untuned
        self._level = VoiceLevel()
        self._suppressor: Suppressor | None = None
        self._max_faces, self._looker = max_faces, looker
        if looker is None:
            self._faces, self._networks = FaceModels(), load_networks()
        self._sessions: dict[str, EngineSession] = {}
        self._delayed: dict[str, F32] = {}
        self._free_rows: list[int] = []
        self._next_row = 0
        self._lock = threading.Lock()

    def survey(self) -> Survey:
        """Begin a first pass over a recording; what it finds can be given to `open`."""
        return Survey(self._faces, self._networks, self._max_faces)

    def tune(self, known: Known, tell: Callable[[float], None] = lambda done: None) -> Tuning:
        """Tune the separator to the voices of a recording, before its session begins and until that ends.

        For engines of one session at a time.

        Args:
            known: What the first pass found.
            tell: Hears what share is done.
        """
        torch.set_num_threads(TUNING_THREADS)
        try:
            result, net = tuned(load_separator(), known, tell)
        finally:
            torch.set_num_threads(1)
        if net is not None:
            self._separator = SeparatorRuntime(self._device, net=net)
        return result

    def open(self, sid: str, memory: bytes | None = None, known: Known | None = None) -> None:
        """Begin a session, or begin it anew.

        Args:
            sid: Its name.
            memory: What the looker's process of before knew of it; faces keep their numbers and voices.
            known: What a first pass over the recording found.
        """
        self.close(sid)
        senses: Senses
        if known is not None:
            senses = KnownSenses(known)
        elif self._looker is not None:
            self._looker.open(sid, memory)
            senses = RemoteSenses(partial(self._looker.sound, sid))
        else:
            senses = Looking(self._faces, self._networks, self._max_faces)
        with self._lock:
            self._sessions[sid] = EngineSession(senses, known)
            self._delayed[sid] = np.zeros(DELAY, np.float32)

    def close(self, sid: str) -> None:
        """End a session; does nothing when there is none."""
        with self._lock:
            session = self._sessions.pop(sid, None)
            self._delayed.pop(sid, None)
            if session is not None:
                self._free_rows += session.rows.values()
                self._separator = self._untuned
        if session is not None and self._looker is not None:
            self._looker.close(sid)

    def suppress(self, sid: str, on: bool) -> None:
        """Take the noise out of a session's sound, too, or no longer; unknown ones are ignored."""
        if on and self._suppressor is None:
            self._suppressor = Suppressor()
        session = self._sessions.get(sid)
        if session is not None and on != (session.noisy is not None):
            session.noisy = Stream() if on else None

    def voices(self, sid: str) -> int:
        """Return how many voices a session has; 0 for an unknown one."""
        session = self._sessions.get(sid)
        return len(session.present()) if session else 0

    def start_over(self, sids: Iterable[str]) -> None:
        """Have sessions forget what the separator has of them, after a block was left half done."""
        with self._lock:
            for sid in sids:
                if (session := self._sessions.get(sid)) is not None:
                    self._free_rows += session.rows.values()
                    session.rows = {}
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def voice_changes(self, sid: str) -> list[Change]:
        """Return what happened to the voice prints of a session since the last call, oldest first."""
        session = self._sessions.get(sid)
        return session.voice_changes() if session else []

    def joined(self, sid: str) -> list[tuple[int, int]]:
        """Return the speakers of a session that turned out to be somebody else known, (gone, stays) each, in order."""
        session = self._sessions.get(sid)
        return list(session.senses.latest.joined) if session else []

    def see(self, sid: str, t: float, rgb: U8) -> list[FaceState]:
        """Return the faces in a picture.

        Args:
            sid: The session; unknown ones have no faces.
            t: When it was taken, seconds.
            rgb: Shape (height, width, 3), uint8.
        """
        return self.seen(sid, t, *self.find(sid, t, rgb))

    def find(self, sid: str, t: float, rgb: U8) -> tuple[list[Face], bool]:
        """Find the faces of the next picture, for `seen`; this is nearly all the work of `see`, and may run ahead."""
        session = self._sessions.get(sid)
        return session.senses.find(t, rgb) if session else ([], False)

    def seen(self, sid: str, t: float, found: list[Face], cut: bool) -> list[FaceState]:
        """Take in the faces that were found in a picture, which begins a new shot if `cut`; returns them."""
        session = self._sessions.get(sid)
        return session.seen(t, found, cut) if session else []

    def attributed(self, sid: str, known: Attribution) -> list[tuple[int, int]]:
        """Take in who speaks, as the looker has found out.

        Returns:
            Speakers that turned out to be somebody else known since the last time, (gone, stays) each.
        """
        session = self._sessions.get(sid)
        if session is None or not isinstance(session.senses, RemoteSenses):
            return []
        before, session.senses.latest = session.senses.latest.joined, known
        return [pair for pair in known.joined if pair not in before]

    def hear(self, blocks: dict[str, tuple[float, F32]]) -> dict[str, Voices]:
        """Separate one block of each session.

        Args:
            blocks: Per session the time of the first sample in seconds, and shape (320,) float32 at 16 kHz.

        Returns:
            Per session its voices, `DELAY` samples behind what was given.
        """
        with self._lock:
            sessions = {sid: self._sessions[sid] for sid in blocks if sid in self._sessions}
            for session in sessions.values():
                self._assign_rows(session)
            delayed = {sid: np.concatenate([self._delayed[sid], blocks[sid][1]]) for sid in sessions}
            self._delayed.update({sid: joined[BLOCK:] for sid, joined in delayed.items()})
        self._move_lips({sid: blocks[sid][0] for sid in sessions}, sessions)
        mixes = {sid: blocks[sid][1] for sid in sessions}
        late = {sid: joined[:BLOCK] for sid, joined in delayed.items()}
        voices = self._separate(mixes, late, sessions)
        clean = self._clean(mixes, sessions)
        results = {}
        for sid, session in sessions.items():
            t = blocks[sid][0] - DELAY / SAMPLE_RATE
            session.heard(t, late[sid], voices[sid])
            session.blocks += 1
            parts = session.solo.step(late[sid], voices[sid], list(session.rows), session.alone(t))
            rest = late[sid] - parts.sum(axis=0)
            states, others = session.states(), session.others()
            results[sid] = Voices(t, list(session.rows), parts, rest, states, others, clean=clean.get(sid))
        return results

    def _clean(self, mixes: dict[str, F32], sessions: dict[str, EngineSession]) -> dict[str, F32]:
        """Return the sound without its noise of each session that wants it.

        The separator hears it as it came: cleaned before, it loses decibels (`bench.noise`).
        """
        # What receives messages may end a stream meanwhile.
        streams = {sid: stream for sid, session in sessions.items() if (stream := session.noisy) is not None}
        if self._suppressor is None or not streams:
            return {}
        clean = self._suppressor.step(list(streams.values()), np.stack([mixes[sid] for sid in streams]))
        return {sid: row for (sid, stream), row in zip(streams.items(), clean, strict=True) if stream.warm}

    def _assign_rows(self, session: EngineSession) -> None:
        """Give every speaker present a row of the separator; take it from those gone."""
        present = session.present()
        rows = {id: row for id, row in session.rows.items() if id in present}
        self._free_rows += [row for id, row in session.rows.items() if id not in present]
        fresh = []
        for id in present:
            if id not in rows:
                if not self._free_rows:
                    self._free_rows.append(self._next_row)
                    self._next_row += 1
                rows[id] = self._free_rows.pop()
                fresh.append(rows[id])
        session.rows = rows
        if fresh:
            self._separator.reset(np.array(fresh))
            self._level.reset(np.array(fresh))

    def _move_lips(self, times: dict[str, float], sessions: dict[str, EngineSession]) -> None:
        """Show the separator each face's lips, every second block (40 ms)."""
        rows, lips, visible = [], [], []
        for sid, session in sessions.items():
            if session.blocks % 2 == 0:
                for id, row in session.rows.items():
                    values, seen = session.lips_at(id, times[sid] + BLOCK_SECONDS)
                    rows.append(row)
                    lips.append(values)
                    visible.append(seen)
                    session.cued[id] = seen
        if rows:
            self._separator.lips(np.array(rows), np.stack(lips), np.array(visible))

    def _separate(
        self, mixes: dict[str, F32], late: dict[str, F32], sessions: dict[str, EngineSession]
    ) -> dict[str, F32]:
        """Return the voices of each session, shape (faces, 320). A face with neither lips nor voice print is silent."""
        wanted = {sid: session.wanted() for sid, session in sessions.items()}
        voices = np.zeros((0, BLOCK), np.float32)
        if any(one.ids for one in wanted.values()):
            rows, other, prints, audible = (
                np.concatenate([getattr(one, part) for one in wanted.values()])
                for part in ("rows", "other", "prints", "audible")
            )
            mix, behind = (
                np.concatenate([_repeated(pcm[sid], one) for sid, one in wanted.items()]) for pcm in (mixes, late)
            )
            voices = self._separator.step(rows, mix, other, prints)
            voices = self._level.step(rows, behind, voices) * audible[:, None]
        ends = np.cumsum([len(one.ids) for one in wanted.values()])[:-1]
        return dict(zip(sessions, np.split(voices, ends) if sessions else [], strict=True))

    def separate(self, sid: str, t: float, pcm: F32, last: bool = False) -> list[Voices]:
        """Separate a block of a recording: as `hear`, but several of them in one go, so that they come later.

        Args:
            sid: The session.
            t: Time of the first sample in seconds.
            pcm: (320,) float32 at 16 kHz.
            last: Whether nothing comes after it, so that all must come now.

        Returns:
            Voices of this block and of those before that have not come yet, or none.
        """
        session = self._sessions[sid]
        joined = np.concatenate([self._delayed[sid], pcm])
        self._delayed[sid], late, begin = joined[BLOCK:], joined[:BLOCK], t - DELAY / SAMPLE_RATE
        ready: list[Voices] = []
        if set(session.present()) != set(session.rows):
            # Rows that are given to somebody else forget.
            ready += self._run(session)
        self._assign_rows(session)
        self._move_lips({sid: t}, {sid: session})
        wanted = session.wanted()
        if not session.ahead.fits(wanted):
            ready += self._run(session)
        # Lips move every second block; a set of one block is as good for the next.
        cues = session.ahead.cues if session.blocks % 2 else None
        if cues is None:
            cues = self._separator.cues(wanted.rows, wanted.other)
        session.listen(begin, late)
        session.blocks += 1
        block = Block(begin, pcm, late, cues, wanted.audible, session.alone(begin), session.states(), session.others())
        session.ahead.add(wanted, block)
        return ready + (self._run(session) if last or session.ahead.full else [])

    def _run(self, session: EngineSession) -> list[Voices]:
        """Separate the blocks of a session that wait for it."""
        wanted, blocks = session.ahead.take()
        if wanted is None:
            return []
        mix = _repeated(np.concatenate([block.mix for block in blocks]), wanted)
        voices = self._separator.run(wanted.rows, mix, [block.cues for block in blocks], wanted.other, wanted.prints)
        done, alone = [], session.senses.latest.alone
        for block, part in zip(blocks, np.split(voices, len(blocks), axis=1), strict=True):
            part = self._level.step(wanted.rows, _repeated(block.late, wanted), part) * block.audible[:, None]
            session.measure(block.t, part)
            parts = session.solo.step(block.late, part, wanted.ids, block.alone)
            rest = block.late - parts.sum(axis=0)
            done.append(Voices(block.t, wanted.ids, parts, rest, block.faces, block.others, alone))
        return done


def _repeated(pcm: F32, wanted: Wanted) -> F32:
    """Return a mixture once for every voice that is wanted of it."""
    return np.tile(pcm, (len(wanted.ids), 1))
