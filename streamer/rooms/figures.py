"""What becomes of a participant's sound and picture in the server, in figures."""

from __future__ import annotations

from streamer.messages.base import Fraction, Message
from streamer.rooms.participant import Participant
from streamer.rtc.blocks import CALL_BLOCK


class Figures(Message):
    """Since the participant began to send, and since the viewer began to watch.

    Attributes:
        sound_missing: share of the sound that did not come, and was filled with silence.
        sound_late: share of the sound whose voices came too late to be heard apart.
        pictures_came: encoded pictures that came.
        pictures_lost: of those, how many came faster than they may and were left out.
        pictures_unsent: pictures that the way to this viewer had no room for.
        viewers: how many are sent the picture.
    """

    sound_missing: Fraction
    sound_late: Fraction
    pictures_came: int
    pictures_lost: int
    pictures_unsent: int
    viewers: int


def figures(viewer: Participant, participant: Participant) -> Figures:
    """Collect the figures of one participant, for one viewer."""
    missing = late = 0.0
    came = lost = viewers = 0
    if participant.publisher is not None:
        sound, pictures = participant.publisher.ingest.statistics(), participant.publisher.source.statistics()
        missing = sound.audio_filled / max(sound.audio_blocks * CALL_BLOCK, 1)
        came, lost, viewers = pictures.frames, pictures.dropped, pictures.viewers
    if participant.agent is not None:
        late = participant.agent.statistics.late / max(participant.agent.statistics.blocks, 1)
    unsent = viewer.watcher.unsent(participant.id) if viewer.watcher is not None else 0
    return Figures(
        sound_missing=min(missing, 1.0),
        sound_late=min(late, 1.0),
        pictures_came=came,
        pictures_lost=lost,
        pictures_unsent=unsent,
        viewers=viewers,
    )
