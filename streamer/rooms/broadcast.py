"""What all participants are sent: the room, whether voices are separated, and the faces in a picture."""

from __future__ import annotations

from collections.abc import Iterable

from streamer.engine.types import FaceState, SpeakerState
from streamer.messages import protocol
from streamer.messages.base import Message
from streamer.messages.service import Status
from streamer.rooms.participant import Participant
from streamer.rooms.rules import Rules


def status(participants: Iterable[Participant], models_up: bool) -> Status:
    """Say whether every voice is separated now, and if not, why.

    Args:
        participants: everyone in the room.
        models_up: whether the model process answers.

    Returns:
        The message.
    """
    if not models_up:
        return Status(voices_separated=False, reason="The models are not running.")
    for participant in participants:
        publisher = participant.publisher
        if publisher is not None and publisher.has_audio and not participant.separated:
            reason = f"{participant.name}: {participant.reason}"
            return Status(voices_separated=False, reason=reason)
    return Status(voices_separated=True, reason="")


def room_state(room_id: str, participants: Iterable[Participant], models_up: bool, rules: Rules) -> protocol.RoomState:
    """Say who is here.

    Args:
        room_id: the room's id.
        participants: everyone in it.
        models_up: whether the model process answers.
        rules: what its host settled.

    Returns:
        The room's state.
    """
    people = list(participants)
    return protocol.RoomState(
        id=room_id,
        participants=[participant.state() for participant in people],
        voices_separated=status(people, models_up).voices_separated,
        rules=rules.state(),
        links=rules.links,
        hands=raised_hands(people),
    )


def faces_message(
    participant: Participant, t: float, faces: list[FaceState], others: list[SpeakerState]
) -> protocol.Faces:
    """Return what the engine saw and heard as a message.

    Args:
        participant: whose picture.
        t: its capture time, seconds.
        faces: what is in it.
        others: voices that belong to no face.

    Returns:
        The message, with the names that faces and voices were given.
    """
    names = participant.face_names
    overlays = [protocol.FaceOverlay.of(face, name=names.get(face.id)) for face in faces]
    voices = [protocol.VoiceOverlay.of(other, name=names.get(other.id)) for other in others]
    return protocol.Faces(participant=participant.id, t=t, faces=overlays, voices=voices)


def send(
    participants: Iterable[Participant], message: Message, topic: str, passing: bool = False, final: bool = False
) -> None:
    """Send a message to everyone who has a control socket; it is written out once.

    Args:
        participants: to whom.
        message: what.
        topic: what it is the state of; see `Outbox.put`.
        passing: whether it may be dropped; see there.
        final: whether others are dropped before it; see there.
    """
    text: str | None = None
    for participant in participants:
        if participant.outbox is not None:
            text = text if text is not None else message.model_dump_json()
            participant.outbox.put(text, topic, passing, final)


def raised_hands(people: Iterable[Participant]) -> list[str]:
    """Return who has a hand raised, the first to have raised it first."""
    raised = [(person.hand, person.id) for person in people if person.hand is not None]
    return [person for _, person in sorted(raised)]
