"""All rooms of a server: made, found, and forgotten when they have been empty for a while."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time

from streamer.auth import Claims
from streamer.engine.client import EngineClient
from streamer.keep.keeper import Keeper
from streamer.messages.service import Moved, Notice
from streamer.observer.client import ObserverClient
from streamer.portraits.client import PortraitClient
from streamer.rooms import broadcast
from streamer.rooms.admission import check_link
from streamer.rooms.errors import Full
from streamer.rooms.keeping import Keeping
from streamer.rooms.restore import restore
from streamer.rooms.room import Room
from streamer.rooms.rules import KeptRules, Rules
from streamer.rooms.shelf import Shelf
from streamer.rtc.endings import MOVED
from streamer.rtc.peer import PeerCounts
from streamer.settings import Settings

OBSERVER_DOWN = Notice(
    code="observer_down",
    reason="Captions, tags and descriptions have stopped: their process ended, and is started again.",
)
OBSERVER_UP = Notice(code="observer_up", reason="Captions, tags and descriptions are back.")
LOOKING_DOWN = Notice(
    code="looking_down",
    reason="Faces are not followed for the moment: their process ended, and is started again.",
)
LOOKING_UP = Notice(code="looking_up", reason="Faces are followed again.")
KEEPING_DOWN = Notice(
    code="keeping_down",
    reason="What is said and known in this call cannot be stored at the moment. If the server stops, it is lost.",
)
KEEPING_UP = Notice(code="keeping_up", reason="What is said and known in this call is stored again.")

log = logging.getLogger("earshot.room")

ROOM_ID = re.compile(r"[a-z0-9]{4,32}")
"""What an invite may name."""


class Rooms:
    """The rooms by id.

    Of a room that was empty for long only its rules outlive it: a signed invite opens it again. After a restart with
    the same secret invites open rooms, too, and where there is a second place for what is known of them, they are as
    they were. Without one a restart forgets the rules, but links that were replaced are refused again as soon as
    somebody has come with a newer one.

    Args:
        settings: limits and times.
        engine: models that the agents use.
        observer: models that look and listen.
        keeper: a second place for what is known of the rooms; None for none.

    Attributes:
        keeping: has them kept there.
        peers: counters of all peer connections.
        shelf: the recordings of calls.
        portraits: models that make portraits; their process is started when somebody wants one first.
    """

    def __init__(
        self, settings: Settings, engine: EngineClient, observer: ObserverClient, keeper: Keeper | None = None
    ) -> None:
        self.keeping = Keeping(keeper, settings, self._keeping_changed) if keeper is not None else None
        self.portraits = PortraitClient()
        self.peers = PeerCounts()
        self.shelf = Shelf(settings)
        self._settings = settings
        self._engine = engine
        self._observer = observer
        self._rooms: dict[str, Room] = {}
        self._standing: dict[str, Notice] = {}
        self._stopping = False
        self._kept = KeptRules(settings.invite_lifetime)
        self._recalling: dict[str, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._rooms)

    def all(self) -> list[Room]:
        """Return the rooms there are."""
        return list(self._rooms.values())

    def get(self, room_id: str) -> Room | None:
        """Return a room, or None."""
        return self._rooms.get(room_id)

    async def recall(self, room_id: str) -> None:
        """Have a room back that is not here, but in the second place. Ask for somebody whose token is good."""
        if self.keeping is None or room_id in self._rooms or self._stopping or not ROOM_ID.fullmatch(room_id):
            return
        task = self._recalling.get(room_id)
        if task is None:
            task = self._recalling[room_id] = asyncio.create_task(self._recall(self.keeping, room_id), name="recall")
            task.add_done_callback(lambda _: self._recalling.pop(room_id))
        # Who asked first may go before it is done.
        await asyncio.shield(task)

    async def _recall(self, keeping: Keeping, room_id: str) -> None:
        state = await keeping.get(room_id)
        if state is None:
            return
        room = self._make(room_id)
        # The words of hours take a quarter of a second; nobody else knows the room yet.
        try:
            await asyncio.to_thread(restore, room, state)
        except Exception:
            keeping.statistics.unusable += 1
            log.exception("room %s begins anew, for nothing can be made of what was kept of it", room_id)
            return
        if room_id in self._rooms or self._stopping or not self._has_place():
            return
        self._rooms[room_id] = room
        self._kept.pop(room_id)
        room.expect_everybody()
        keeping.restored(room_id)

    def check_link(self, invite: Claims) -> None:
        """Refuse an invite that was replaced.

        Raises:
            Denied: 403.
        """
        room = self._rooms.get(invite.room)
        rules = room.rules if room is not None else self._kept.get(invite.room)
        if rules is not None:
            check_link(rules, invite)

    def create(self, room_id: str = "") -> Room:
        """Make a room with a new id.

        Args:
            room_id: where somebody else has drawn it.

        Returns:
            The empty room.

        Raises:
            Full: there are as many rooms as there may be, or the server is about to stop.
        """
        self.check_open()
        return self.enter(room_id or secrets.token_hex(5))

    def enter(self, room_id: str, links: int = 0) -> Room:
        """Return the room of a verified invite, made anew if it was forgotten.

        Args:
            room_id: id out of the invite.
            links: how often the room's links had been replaced when it was made.

        Returns:
            The room.

        Raises:
            Full: there are as many rooms as there may be.
            ValueError: the id is none.
        """
        room = self._rooms.get(room_id)
        if room is None:
            if not ROOM_ID.fullmatch(room_id):
                raise ValueError(f"{room_id!r} is no room id")
            if not self._has_place():
                raise Full(f"The server has {self._settings.max_rooms} rooms, and makes no more.")
            room = self._rooms[room_id] = self._make(room_id)
            self._kept.pop(room_id)
        room.rules.links = max(room.rules.links, links)
        return room

    def _make(self, room_id: str) -> Room:
        rules = self._kept.get(room_id)
        parts = self._engine, self._observer, self.peers, rules, self._standing, self.shelf, self.portraits
        return Room(room_id, self._settings, *parts)

    def sweep(self) -> None:
        """Forget the rooms that have been empty for long."""
        now = time.monotonic()
        for room in self.all():
            if room.empty and now - room.empty_since >= self._settings.room_idle:
                self._forget(room)

    def engine_changed(self) -> None:
        """Send the state of every room, because the models came up or went down."""
        for room in self.all():
            room.notices.send_state()

    def observer_changed(self, ready: bool) -> None:
        """Tell everyone that the models that look and listen have stopped, or are back."""
        self._tell_change("observer", ready, OBSERVER_UP, OBSERVER_DOWN)

    def looking_changed(self, looking: bool) -> None:
        """Tell everyone that faces are not followed any more, or again."""
        self._tell_change("looking", looking, LOOKING_UP, LOOKING_DOWN)

    def _keeping_changed(self, works: bool) -> None:
        self._tell_change("keeping", works, KEEPING_UP, KEEPING_DOWN)

    def stop(self, seconds: float) -> None:
        """Take nobody in any more, and say so to everyone.

        Args:
            seconds: that calls have to come to their end.
        """
        self._stopping = True
        if seconds:
            reason = f"The server will stop in {seconds:g} s, or when everyone has left. Nobody else can come in."
        else:
            reason = "The server stops now. If it comes back, so does this call."
        self._standing["stopping"] = Notice(code="stopping", reason=reason)
        self._tell(self._standing["stopping"], "stopping")

    async def move(self, room_id: str) -> None:
        """Tell everyone in a room that the call goes on at another server, which has heard by then what is known."""
        room = self._rooms.get(room_id)
        if room is not None:
            heard = await self.keeping.hand_over(room) if self.keeping is not None else {}
            for participant in room.participants.values():
                broadcast.send([participant], Moved(heard=heard.get(participant.id, 0)), "moved")
            room.sessions.end_bare(MOVED)

    def check_open(self) -> None:
        """Refuse whoever is not in a room already while the server is about to stop.

        Raises:
            Full: it is.
        """
        if self._stopping:
            raise Full("The server is about to stop, and takes nobody in; try again in a minute.")

    @property
    def stopping(self) -> bool:
        """Whether the server is about to stop."""
        return self._stopping

    @property
    def deserted(self) -> bool:
        """Whether nobody is in any room."""
        return not any(room.participants for room in self.all())

    def _tell_change(self, topic: str, up: bool, back: Notice, lost: Notice) -> None:
        """Tell everyone of a loss, those who come meanwhile too, and of its end; what was not lost is no news."""
        if up != (topic in self._standing):
            return
        if up:
            del self._standing[topic]
        else:
            self._standing[topic] = lost
        self._tell(back if up else lost, topic)

    def _tell(self, notice: Notice, topic: str) -> None:
        for room in self.all():
            broadcast.send(room.participants.values(), notice, topic)

    async def close(self) -> None:
        """Close every room and wait for it; they are kept as they are now."""
        if self.keeping is not None:
            await self.keeping.close(self.all())
        await asyncio.gather(*(room.close() for room in self.all()))
        await self.portraits.close()
        self._rooms.clear()

    def _has_place(self) -> bool:
        """Whether there is room for one more, for which the one that has been empty for longest is forgotten."""
        if len(self._rooms) < self._settings.max_rooms:
            return True
        empty = [room for room in self.all() if room.empty]
        if empty:
            self._forget(min(empty, key=lambda room: room.empty_since))
        return bool(empty)

    def _forget(self, room: Room) -> None:
        del self._rooms[room.id]
        own = room.rules != Rules.of(self._settings)
        if own:
            self._kept.put(room.id, room.rules)
        if self.keeping is not None:
            self.keeping.forget(room, rules=own)
