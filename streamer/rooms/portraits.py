"""Portraits of those who want one, of nobody else: made of their own photo or sound, and moved by their own sound."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from models.common.arrays import F32
from models.common.audio import SAMPLE_RATE
from streamer.limits import RateLimiter
from streamer.messages.portrait import Mouth
from streamer.mixing.desk import Desk
from streamer.observer.client import Unavailable
from streamer.portraits.client import NoPortrait, PortraitClient
from streamer.rooms import broadcast
from streamer.rooms.errors import Forbidden, TooMany
from streamer.rooms.notices import Notices
from streamer.rooms.own_portrait import OwnPortrait
from streamer.rooms.participant import Participant
from streamer.rooms.requests import Requests

PORTRAITS_A_SECOND, PORTRAITS_AT_ONCE = 0.1, 5.0
"""For each participant: one takes a second or more to make."""

LOUD = 10 ** (-50 / 20)
"""Root mean square from which 20 ms may be speech."""

ENOUGH, MOST = 7.0, 30.0
"""Seconds of such sound that a face is drawn from, and for how long it is waited for."""


@dataclass
class _Listening:
    blocks: list[F32] = field(default_factory=list)
    loud: int = 0

    def hear(self, pcm: F32) -> bool:
        """Keep a block; whether that is enough."""
        self.blocks.append(pcm)
        self.loud += bool(np.sqrt(np.mean(pcm**2)) > LOUD)
        return self.loud * len(pcm) >= ENOUGH * SAMPLE_RATE or len(self.blocks) * len(pcm) >= MOST * SAMPLE_RATE


class Portraits:
    """Those of one room; they are kept in memory alone, and go with their owners.

    Args:
        people: gives everyone in the room.
        client: makes and moves them.
        desk: knows when sound is heard.
        notices: tell of them.
        requests: of the room.
    """

    def __init__(
        self,
        people: Callable[[], Iterable[Participant]],
        client: PortraitClient,
        desk: Desk,
        notices: Notices,
        requests: Requests,
    ) -> None:
        self._people, self._client, self._desk = people, client, desk
        self._notices, self._requests = notices, requests
        self._limiter = RateLimiter(PORTRAITS_A_SECOND, PORTRAITS_AT_ONCE)
        self._versions = itertools.count(1)
        self._wishes: dict[str, int] = {}
        """Numbers of what each one wished last: what was begun for an earlier wish is dropped."""
        self._listening: dict[str, _Listening] = {}

    async def of_photo(self, me: Participant, jpeg: bytes) -> None:
        """Make somebody's own portrait of a photo of theirs.

        Raises:
            Forbidden: they only watch.
            TooMany: too many portraits.
            NoPortrait: there is not one face in it, or it cannot be made now.
        """
        wish = self._wish(me)
        self._keep(me, wish, "photo", await self._client.of_photo(jpeg))

    def of_voice(self, me: Participant) -> None:
        """Begin to listen to somebody, to draw a face for their voice.

        Raises:
            Forbidden: they only watch.
            TooMany: too many portraits.
        """
        self._wish(me)
        self._listening[me.id] = _Listening()

    def put_away(self, me: Participant) -> None:
        """Forget somebody's portrait, and that they wanted one."""
        self._wishes[me.id] = next(self._versions)
        self._listening.pop(me.id, None)
        self._client.hush(me.id)
        if me.portrait is not None:
            me.portrait = None
            self._notices.send_state()

    def forget(self, participant: Participant) -> None:
        """Drop what there is of somebody who leaves."""
        self._wishes.pop(participant.id, None)
        self._listening.pop(participant.id, None)
        self._client.hush(participant.id)
        participant.portrait = None

    def hear(self, me: Participant, t: float, pcm: F32, seen: bool) -> None:
        """Take 20 ms of somebody's sound at 16 kHz from `t` seconds on, and whether they are `seen` meanwhile."""
        listening = self._listening.get(me.id)
        if listening is not None and listening.hear(pcm):
            del self._listening[me.id]
            wish = self._wishes[me.id]
            self._requests.begin(me, lambda: self._draw(me, wish, listening), "portrait")
        if me.portrait is not None and not seen:
            self._client.hear(me.id, t, pcm)

    async def _draw(self, me: Participant, wish: int, heard: _Listening) -> None:
        try:
            self._keep(me, wish, "voice", await self._client.of_voice(np.concatenate(heard.blocks)))
        except NoPortrait as error:
            raise Unavailable(str(error)) from error

    def _wish(self, me: Participant) -> int:
        if me.role != "publish" or me.screen_of is not None:
            raise Forbidden("Watchers are neither seen nor heard.")
        if wait := self._limiter.take(me.id):
            raise TooMany(f"Too many portraits at once: wait {wait} s.")
        self._listening.pop(me.id, None)
        self._wishes[me.id] = next(self._versions)
        return self._wishes[me.id]

    def _keep(self, me: Participant, wish: int, made: Literal["photo", "voice"], sheet: bytes) -> None:
        if self._wishes.get(me.id) != wish:
            # They have left, or want something else by now.
            return
        me.portrait = OwnPortrait(made, wish, sheet)
        self._client.speak(me.id, lambda t, rows: self._spoke(me, t, rows))
        self._notices.send_state()

    def _spoke(self, me: Participant, t: float, rows: bytes) -> None:
        mouth = Mouth.model_validate({"participant": me.id, "at": self._desk.heard_at(me.id, t), "rows": rows})
        broadcast.send(self._people(), mouth, f"mouth {me.id}")
