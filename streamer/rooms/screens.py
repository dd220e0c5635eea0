"""A screen that somebody shares: a participant of its own, with tile, faders and words, that goes with them."""

from __future__ import annotations

from collections.abc import Iterable

from streamer.rooms.participant import Participant


def name(owner: Participant) -> str:
    """Return how a participant's screen is called."""
    return f"{owner.name}'s screen"


def find(people: Iterable[Participant], owner: Participant) -> Participant | None:
    """Return the screen that a participant shares, if they do."""
    return next((person for person in people if person.screen_of == owner.id), None)
