"""Who comes into a room: whether at all, at once or after waiting, and who has been let in before."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import TypeVar

from streamer.auth import Claims, Denied
from streamer.rooms.errors import Full
from streamer.rooms.participant import Participant
from streamer.rooms.rules import Rules
from streamer.settings import Settings

T = TypeVar("T")

REMEMBERED = 1024
"""Stays that a room remembers as let in, and as ended by the host; the oldest are forgotten first."""

LOCKED = "The host has locked this call: nobody new gets in."
LINK_REPLACED = "This link was replaced by the host: ask for the new one."
REMOVED_BY_HOST = "The host removed you from this call."
ENDED_BY_HOST = "The host ended the call."
NOT_LET_IN = "The host did not let you in."
CLIENT_REMOVED = "The host removed a client that came with this link: ask for a new one."
NO_PAGE = "The host lets people in one by one: come in with the page first."


def check_link(rules: Rules, invite: Claims) -> None:
    """Refuse an invite that was replaced; the host's own is not.

    Raises:
        Denied: 403.
    """
    if not invite.host and invite.links < rules.links:
        raise Denied(403, LINK_REPLACED)


class Admission:
    """The door of one room.

    Args:
        rules: of the room.
        settings: how many may wait.

    Attributes:
        waiting: those whom the host has not let in yet, by id, in the order they came.
    """

    def __init__(self, rules: Rules, settings: Settings) -> None:
        self.waiting: dict[str, Participant] = {}
        self._rules = rules
        self._settings = settings
        self._let_in: OrderedDict[str, float] = OrderedDict()
        """Nonces of stays, and from when on they see what was said."""
        self._ended: OrderedDict[str, str] = OrderedDict()
        """Nonces of stays that the host ended, and of the invites of such bare clients, and the reason."""

    @property
    def stays(self) -> tuple[dict[str, float], dict[str, str]]:
        """Nonces of those who were let in, and from when on they see what was said; of those ended, and why."""
        return dict(self._let_in), dict(self._ended)

    def recall(self, let_in: Mapping[str, float], ended: Mapping[str, str]) -> None:
        """Know the stays of before, as `stays` gave them."""
        self._let_in.update(let_in)
        self._ended.update(ended)

    def knows(self, nonce: str) -> bool:
        """Say whether the holder of a resume token was let in and never left: a lock does not keep them out.

        Raises:
            Denied: 403, the host ended that stay.
        """
        if (reason := self._ended.get(nonce)) is not None:
            raise Denied(403, reason)
        return nonce in self._let_in

    def check(self, participant: Participant, returning: str | None) -> bool:
        """Decide about somebody who comes.

        Args:
            participant: who, made for them.
            returning: nonce of their stay before, if they were here.

        Returns:
            Whether they have to wait for the host.

        Raises:
            Denied: 403, they may not come in, or (bare clients) cannot wait.
            Full: too many wait.
        """
        if participant.guest_of is not None and participant.guest_of in self._ended:
            raise Denied(403, CLIENT_REMOVED)
        if participant.host or returning is not None:
            return False
        if self._rules.locked:
            raise Denied(403, LOCKED)
        if not self._rules.waiting_room:
            return False
        if participant.guest_of is not None:
            raise Denied(403, NO_PAGE)
        if len(self.waiting) >= self._settings.max_waiting:
            raise Full(f"{len(self.waiting)} wait already to be let in.")
        return True

    def let_in(self, participant: Participant, returning: str | None = None) -> None:
        """Remember somebody who is in now, and settle what they see of the past."""
        self.waiting.pop(participant.id, None)
        past = self._rules.past
        if participant.host or past == "all":
            participant.sees_from = float("-inf")
        elif returning in self._let_in:
            participant.sees_from = self._let_in.pop(returning or "")
        else:
            participant.sees_from = time.monotonic() - (0.0 if past == "none" else 60.0 * past)
        _remember(self._let_in, participant.nonce, participant.sees_from)

    def left(self, participant: Participant) -> None:
        """Note that somebody left at their own wish: they come back as everybody else."""
        self._let_in.pop(participant.nonce, None)

    def end(self, participant: Participant, reason: str) -> None:
        """Note that the host ended a stay: its resume token, and a bare client's invite, are worth nothing now."""
        self._let_in.pop(participant.nonce, None)
        _remember(self._ended, participant.nonce, reason)
        if participant.guest_of is not None:
            _remember(self._ended, participant.guest_of, reason)


def _remember(memory: OrderedDict[str, T], nonce: str, what: T) -> None:
    memory[nonce] = what
    memory.move_to_end(nonce)
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)
