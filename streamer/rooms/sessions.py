"""The media sessions of a room: opened, found by their id, and closed for certain."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

import av
import numpy as np

from streamer.auth import Denied
from streamer.messages.service import Hearing
from streamer.mixing.desk import Desk
from streamer.rooms import broadcast
from streamer.rooms.errors import Full
from streamer.rooms.participant import Participant
from streamer.rooms.publisher import Publisher
from streamer.rooms.session import Session
from streamer.rooms.watcher import Watcher
from streamer.rtc.blocks import AudioBlock
from streamer.rtc.peer import Peer, PeerCounts
from streamer.settings import Settings


class Sessions:
    """Who publishes and who watches; a participant has at most one session of each kind.

    Args:
        participants: everyone in the room.
        desk: what mixes for those who watch.
        settings: limits and times.
        counts: counters of all peer connections.
        on_connected: called when media of one of them can flow.
        on_ended: called with the participant and a session of theirs that has ended.
        on_slots: called with the participant when the RTP bases of their slots change.
    """

    def __init__(
        self,
        participants: Mapping[str, Participant],
        desk: Desk,
        settings: Settings,
        counts: PeerCounts,
        on_connected: Callable[[], None],
        on_ended: Callable[[Participant, Session], None],
        on_slots: Callable[[Participant], None],
    ) -> None:
        self._participants, self._desk = participants, desk
        self._settings, self._counts = settings, counts
        self._on_connected, self._on_ended, self._on_slots = on_connected, on_ended, on_slots
        self._running: dict[str, tuple[Participant, Session]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def get(self, session_id: str) -> tuple[Participant, Session] | None:
        """Return a running session and whose it is, or None."""
        return self._running.get(session_id)

    async def publish(self, participant: Participant, offer: str) -> tuple[Session, str]:
        """Receive a participant; the session takes the place of the one before.

        Args:
            participant: who; blocks and pictures go to the agent they have by then.
            offer: checked SDP.

        Returns:
            The session and the SDP answer.

        Raises:
            BadSdp: the offer cannot be used.
            Denied: 401, they have left meanwhile.
            Full: the server has no place for a connection.
        """

        def on_audio(block: AudioBlock) -> None:
            if participant.publisher is session and participant.agent is not None:
                # Who is muted for everyone is not heard by the models either: captions would pass it on in words.
                heard = replace(block, pcm=np.zeros_like(block.pcm)) if participant.muted else block
                participant.echo.came(heard.pcm)
                participant.agent.audio(heard)

        def on_video(t: float, frame: av.VideoFrame) -> None:
            if participant.publisher is session and participant.agent is not None:
                participant.agent.video(t, frame)

        peer = self._peer(lambda: self.end(session))
        session = Publisher(peer, on_audio, on_video, self._settings.engine)
        answer = await self._open(participant, session, offer)
        displaced, participant.publisher = participant.publisher, session
        self._replace(participant, displaced, session)
        return session, answer

    async def watch(self, participant: Participant, offer: str) -> tuple[Session, str]:
        """Send a participant the others; arguments, returns and errors as of `publish`."""

        def on_complete(complete: bool) -> None:
            if participant.watcher is session:
                broadcast.send([participant], Hearing(complete=complete), "hearing")

        session = Watcher(
            self._peer(lambda: self.end(session)),
            self._desk,
            participant.id,
            participant.faders,
            lambda: self._on_slots(participant),
            on_complete,
            participant.echo.sent,
        )
        answer = await self._open(participant, session, offer)
        displaced, participant.watcher = participant.watcher, session
        self._replace(participant, displaced, session)
        return session, answer

    def end(self, session: Session) -> None:
        """Forget and close a session, and say so; one that is not running is left alone."""
        if session.id not in self._running:
            return
        participant, _ = self._running[session.id]
        self._forget(participant, session)
        self._on_ended(participant, session)

    def end_bare(self, reason: str) -> None:
        """End what has no control socket beside it: to speak WHIP and WHEP alone is to be told nothing else.

        Args:
            reason: for whoever asks why.
        """
        for participant in list(self._participants.values()):
            if not participant.had_control and participant.screen_of is None:
                for session in participant.sessions:
                    session.peer.begin_close(reason, logging.INFO)

    def remove(self, participant: Participant) -> None:
        """Forget and close what someone has who leaves."""
        for session in participant.sessions:
            self._forget(participant, session)

    async def wait_closed(self) -> None:
        """Wait until every session that ended is closed."""
        if self._closing:
            await asyncio.wait(self._closing)

    def _peer(self, on_closed: Callable[[], None]) -> Peer:
        if self._counts.open >= self._settings.max_peers:
            raise Full(f"The server has {self._settings.max_peers} connections, and takes no more.")
        return Peer(self._settings, self._counts, on_connected=self._on_connected, on_closed=on_closed)

    async def _open(self, participant: Participant, session: Session, offer: str) -> str:
        session.peer.label = f"{session.kind} of {participant.id}"
        answer = await session.open(offer)
        if participant.id not in self._participants:
            await session.close()
            raise Denied(401, "You have left the room: join again.")
        return answer

    def _replace(self, participant: Participant, displaced: Session | None, session: Session) -> None:
        self._running[session.id] = (participant, session)
        if displaced is not None:
            del self._running[displaced.id]
            self._close_later(participant, displaced)

    def _forget(self, participant: Participant, session: Session) -> None:
        del self._running[session.id]
        if participant.publisher is session:
            participant.publisher = None
            participant.separated = False
        else:
            participant.watcher = None
        self._close_later(participant, session)

    def _close_later(self, participant: Participant, session: Session) -> None:
        task = asyncio.create_task(session.close(), name=f"close {session.kind} of {participant.id}")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
