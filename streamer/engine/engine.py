"""All sessions in one batch: the engine as a plain object, used in its own process and by `earshot process`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from models.active_speaker.attribution import Attribution
from models.active_speaker.networks import load_networks
from models.common.arrays import F32, U8
from models.common.audio import SAMPLE_RATE
from models.faces.tracker import Face, FaceModels
from models.separation.level import VoiceLevel
from models.separation.runtime import SeparatorRuntime, load_separator
from models.voiceprint.state import Change
from streamer.engine.looker import Looker, RemoteSenses
from streamer.engine.looking import Looking
from streamer.engine.session import BLOCK_SECONDS, EngineSession, Senses
from streamer.engine.survey import Known, KnownSenses, Survey
from streamer.engine.tuning import Tuning, tuned
from streamer.engine.types import BLOCK, FaceState, Voices

DELAY = SeparatorRuntime.DELAY
"""Samples at 16 kHz by which voices lag what was heard."""


class Engine:
    """Finds faces and pulls their voices apart, for any number of sessions.

    `see` may run on one thread and `hear` on another; `open` and `close` on any.

    Args:
        device: Torch device of the separator.
        max_faces: Most faces followed in one session.
        looker: Looks and attributes (live); None does both in place (recordings).
    """

    def __init__(self, device: str = "cpu", max_faces: int = 6, looker: Looker | None = None) -> None:
        # With more threads a step of 1 ms takes up to 250 ms when cores are contended.
        torch.set_num_threads(1)
        self._device, self._separator = device, SeparatorRuntime(device)
        self._level = VoiceLevel()
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
        """Tune the separator to the voices of a recording, before its session begins; for engines of one session.

        Args:
            known: What the first pass found.
            tell: Hears what share is done.
        """
        result, net = tuned(load_separator(), known, tell)
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
        if session is not None and self._looker is not None:
            self._looker.close(sid)

    def voice_changes(self, sid: str) -> list[Change]:
        """Return what happened to the voice prints of a session since the last call, oldest first."""
        session = self._sessions.get(sid)
        return session.voice_changes() if session else []

    def see(self, sid: str, t: float, rgb: U8) -> list[FaceState]:
        """Return the faces in a picture.

        Args:
            sid: The session; unknown ones have no faces.
            t: When it was taken, seconds.
            rgb: Shape (height, width, 3), uint8.
        """
        session = self._sessions.get(sid)
        return session.see(t, rgb) if session else []

    def seen(self, sid: str, t: float, found: list[Face], cut: bool) -> list[FaceState]:
        """Take in the faces that the looker found in a picture, which begins a new shot if `cut`; returns them."""
        session = self._sessions.get(sid)
        return session.seen(t, found, cut) if session else []

    def attributed(self, sid: str, known: Attribution) -> None:
        """Take in who speaks, as the looker has found out."""
        session = self._sessions.get(sid)
        if session is not None and isinstance(session.senses, RemoteSenses):
            session.senses.latest = known

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
        results = {}
        for sid, session in sessions.items():
            t = blocks[sid][0] - DELAY / SAMPLE_RATE
            session.heard(t, late[sid], voices[sid])
            session.blocks += 1
            parts = session.solo.step(late[sid], voices[sid], list(session.rows), session.alone(t))
            rest = late[sid] - parts.sum(axis=0)
            results[sid] = Voices(t, list(session.rows), parts, rest, session.states(), session.others())
        return results

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
        rows, mix, behind, other, prints, audible = [], [], [], [], [], []
        for sid, session in sessions.items():
            known = {id: session.voice_of(id) for id in session.rows}
            heard = session.audible(known)
            for id, row in session.rows.items():
                beside = session.other_of(id, heard)
                rows.append(row)
                mix.append(mixes[sid])
                behind.append(late[sid])
                other.append(-1 if beside is None else session.rows[beside])
                prints.append(known[id])
                audible.append(id in heard)
        voices = np.zeros((0, BLOCK), np.float32)
        if rows:
            index = np.array(rows)
            voices = self._separator.step(index, np.stack(mix), np.array(other), np.stack(prints))
            voices = self._level.step(index, np.stack(behind), voices)
            voices = voices * np.array(audible, np.float32)[:, None]
        ends = np.cumsum([len(session.rows) for session in sessions.values()])[:-1]
        return dict(zip(sessions, np.split(voices, ends) if sessions else [], strict=True))
