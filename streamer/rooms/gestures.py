"""What participants show without a word: reactions and raised hands."""

from __future__ import annotations

import time
from collections.abc import Iterable

from streamer.limits import RateLimiter
from streamer.messages.talk import Mark, Reaction
from streamer.rooms import broadcast
from streamer.rooms.errors import Forbidden, TooMany
from streamer.rooms.participant import Participant

GESTURES_A_SECOND, GESTURES_AT_ONCE = 1.0, 6.0
"""For each participant, hands counted in."""


class Gestures:
    """Counts the gestures of a room's participants, and lets through what may be."""

    def __init__(self) -> None:
        self._limiter = RateLimiter(GESTURES_A_SECOND, GESTURES_AT_ONCE)

    def react(self, participant: Participant, mark: Mark, people: Iterable[Participant]) -> None:
        """Show everyone somebody's reaction; one that a page has not read yet gives way to the next.

        Raises:
            Forbidden: they only watch.
            TooMany: too many gestures.
        """
        self._check(participant)
        message = Reaction(participant=participant.id, mark=mark)
        broadcast.send(people, message, f"reaction {participant.id}", passing=True)

    def set_hand(self, me: Participant, whose: Participant, raised: bool) -> None:
        """Raise one's own hand or lower it; a host lowers everybody's.

        Raises:
            Forbidden: it is somebody else's, or they only watch.
            TooMany: too many gestures.
        """
        self._check(me)
        if whose is not me and (raised or not me.host):
            raise Forbidden("Only they themselves can raise a hand." if raised else "Only the host can do that.")
        if not raised:
            whose.hand = None
        elif whose.hand is None:
            whose.hand = time.monotonic()

    def _check(self, participant: Participant) -> None:
        if participant.role != "publish":
            raise Forbidden("Watchers are neither seen nor heard.")
        if wait := self._limiter.take(participant.id):
            raise TooMany(f"Too many gestures at once: wait {wait} s.")
