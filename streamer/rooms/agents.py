"""The pipelines of a room's participants, and what becomes of what they say."""

from __future__ import annotations

from streamer.engine.client import EngineClient
from streamer.engine.types import FaceState, SpeakerState
from streamer.mixing.desk import Desk
from streamer.observer.client import ObserverClient
from streamer.rooms import broadcast
from streamer.rooms.agent import Agent
from streamer.rooms.insights import Insights
from streamer.rooms.notices import Notices
from streamer.rooms.one_person import make_one
from streamer.rooms.participant import Participant
from streamer.rooms.portraits import Portraits
from streamer.rooms.situation import TALKING


class Agents:
    """Opens and closes them.

    Args:
        engine: models that the agents use.
        observer: models that look and listen.
        desk: mixes what they hear.
        insights: of the room.
        notices: likewise.
        portraits: likewise.
    """

    def __init__(
        self,
        engine: EngineClient,
        observer: ObserverClient,
        desk: Desk,
        insights: Insights,
        notices: Notices,
        portraits: Portraits,
    ) -> None:
        self._engine, self._observer = engine, observer
        self._desk, self._insights, self._notices, self._portraits = desk, insights, notices, portraits

    def begin(self, participant: Participant) -> None:
        """Give a participant an agent, unless they have one.

        It outlives the session: after a reconnect, faces and voices are still known.
        """
        if participant.agent is None:
            participant.agent = Agent(
                participant.id,
                self._engine,
                self._observer,
                lambda block: self._desk.feed(participant.id, block),
                lambda t, faces, others: self._faces(participant, t, faces, others),
                lambda separated, reason: self._separation(participant, separated, reason),
                lambda gone, stays: self._joined(participant, gone, stays),
                lambda t, pcm, seen: self._portraits.hear(participant, t, pcm, seen),
                participant.memory,
            )
            self._insights.follow(participant)
            if participant.suppressed:
                participant.agent.suppress(True)
        # One that was there before says only what changes.
        participant.separated = participant.agent.separated

    def end(self, participant: Participant) -> None:
        """Close the agent of somebody who leaves."""
        if participant.agent is not None:
            participant.agent.close()
            participant.agent = None
        self._insights.forget(participant)
        self._portraits.forget(participant)

    def _faces(self, participant: Participant, t: float, faces: list[FaceState], others: list[SpeakerState]) -> None:
        if any(face.speaking > TALKING for face in faces) or any(other.speaking > TALKING for other in others):
            self._insights.announcer.somebody_talks()
        self._insights.looked(participant, faces, others)
        message = broadcast.faces_message(participant, t, faces, others)
        broadcast.send(self._insights.people(), message, f"faces {participant.id}")

    def _separation(self, participant: Participant, separated: bool, reason: str) -> None:
        participant.separated, participant.reason = separated, reason
        self._notices.send_state()

    def _joined(self, participant: Participant, gone: int, stays: int) -> None:
        make_one(participant, gone, stays, self._insights.people(), self._insights.captions)
        self._notices.send_state()
