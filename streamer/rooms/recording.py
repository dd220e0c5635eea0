"""The recording of a call: who is told of it, and what of whom is written down.

Nothing of anybody is written before they have been told: a page says that it shows the sign; a client without one has
read `GET …/recording`, as `earshot join` does every two seconds, or came in by the answer of a WHIP or WHEP request,
whose header said so. Of who was told by none of these, such as a bare WHIP client that was there before, neither sound
nor picture nor words are recorded.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import numpy as np

from models.common.arrays import F32
from models.common.audio import to_pcm16
from streamer.clock import now
from streamer.messages import protocol
from streamer.messages.base import Message
from streamer.messages.recording import RecordingState
from streamer.recordings.calls.journal import Begun, Ended, Heard, Joined, Packet, Told
from streamer.recordings.calls.writer import JournalWriter
from streamer.rooms import broadcast
from streamer.rooms.errors import Forbidden
from streamer.rooms.outbox import Outbox
from streamer.rooms.participant import Participant
from streamer.rooms.shelf import Shelf
from streamer.rtc.relay import RelayFrame

ANSWER_SECONDS = 5.0
"""For which the beginning waits for pages to say that they show it; of those that do not nothing is recorded."""

STATE_EVERY = 1.0
"""Seconds between two looks at who is here, and how they are called."""

KEPT = ("faces", "caption", "sound", "scene", "reaction", "chat")
"""Topics of what is said to all that goes into a journal."""

log = logging.getLogger("earshot.recording")


class Recording:
    """What a room records, if it does. For use on the event loop.

    Args:
        room: id.
        participants: everyone in the room, by id.
        shelf: where recordings go.
        state: gives the room's state.
    """

    def __init__(
        self,
        room: str,
        participants: Mapping[str, Participant],
        shelf: Shelf,
        state: Callable[[], protocol.RoomState],
    ) -> None:
        self._room, self._participants, self._shelf, self._room_state = room, participants, shelf, state
        self._state = RecordingState(state="off", recording=None, offered=shelf.offered, since=None, reason="")
        self._shown: set[str] = set()
        self._until_key: set[str] = set()
        self._all_shown = asyncio.Event()
        self._journal: JournalWriter | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ticker: asyncio.Task[None] | None = None
        self._written_state = ""
        self._scribe = Scribe(self)

    @property
    def on(self) -> bool:
        """Whether there is one, or everybody is being told of one."""
        return self._state.state != "off"

    def state(self) -> RecordingState:
        """Return what everybody is told."""
        return self._state

    def audience(self) -> list[Participant]:
        """Return everybody in the room, and who writes down what they are told."""
        return [*self._participants.values(), *([self._scribe] if self._journal is not None else [])]

    # Beginning and end.

    def start(self) -> None:
        """Tell everybody, then record; one that is under way goes on.

        Raises:
            Forbidden: this server does not record.
        """
        if not self._shelf.offered:
            raise Forbidden("This server does not record calls: it was started without --recordings.")
        if self.on:
            return
        self._shown.clear()
        self._written_state = ""
        self._all_shown.clear()
        recording = self._shelf.new_id(self._room)
        self._tell(state="announced", recording=recording, since=None, reason="")
        self._run(self._begin(recording))

    def stop(self, reason: str = "") -> None:
        """End it and have the results made; `reason` is told where nobody asked for it."""
        if not self.on:
            return
        recording, journal, self._journal = self._state.recording or "", self._journal, None
        self._tell(
            state="off", recording=None, since=None, reason=f"The recording has ended: {reason}." if reason else ""
        )
        self._all_shown.set()
        if self._ticker is not None:
            self._ticker.cancel()
        if journal is not None:
            self._run(self._end(journal, recording, reason or "the host ended it"))

    async def close(self) -> None:
        """End it because the room is closed, and wait until it is written."""
        self.stop("the call was closed")
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _begin(self, recording: str) -> None:
        try:
            journal = await self._shelf.open(recording, self._failed)
        except OSError as error:
            self.stop(f"it cannot be written: {error.strerror or error}")
            return
        self._look_whether_all_know()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._all_shown.wait()
        except TimeoutError:
            log.info("room %s: not every page says that it shows the recording", self._room)
        if self._state.recording != recording:
            await journal.close()
            await self._shelf.discard(recording)
            return
        self._journal = journal
        journal.put(Begun(now(), self._room))
        self._tell(state="on", recording=recording, since=now(), reason="")
        for participant in self._participants.values():
            self._from_key_on(participant)
        self._ticker = asyncio.create_task(self._tick(journal), name=f"who is in {self._room}")

    async def _tick(self, journal: JournalWriter) -> None:
        while True:
            self._write_state(journal)
            await asyncio.sleep(STATE_EVERY)

    async def _end(self, journal: JournalWriter, recording: str, reason: str) -> None:
        self._write_state(journal)
        journal.put(Ended(now(), reason))
        await journal.close()
        if journal.dropped:
            log.warning("recording %s: %d records were dropped, the disk was too slow", recording, journal.dropped)
        await self._shelf.ended(recording)

    def _failed(self, reason: str) -> None:
        log.warning("room %s: recording ends, %s", self._room, reason)
        self.stop(reason)

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine, name=f"recording of {self._room}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Who knows of it.

    def welcome(self, participant: Participant) -> None:
        """Tell somebody who comes."""
        broadcast.send([participant], self._state, "recording")

    def left(self) -> None:
        """Somebody has left: the last one ends it."""
        if not self._participants:
            self.stop("everybody has left")
        self._look_whether_all_know()

    def shown(self, participant: Participant, recording: str | None = None) -> None:
        """Note that somebody knows: from now on they are recorded, a screen they share too.

        Args:
            participant: who.
            recording: of which; None for the one there is.
        """
        if not self.on or recording not in (None, self._state.recording) or participant.id in self._shown:
            return
        self._shown.add(participant.id)
        self._from_key_on(participant)
        self._look_whether_all_know()

    def takes(self, participant: Participant) -> bool:
        """Return whether this is written down of somebody."""
        return self._journal is not None and (participant.screen_of or participant.id) in self._shown

    def _look_whether_all_know(self) -> None:
        if all(one.outbox is None or one.id in self._shown for one in self._participants.values()):
            self._all_shown.set()

    def _tell(self, **changed: object) -> None:
        self._state = self._state.model_copy(update=changed)
        broadcast.send(self._participants.values(), self._state, "recording")

    # What is written.

    def follow(self, participant: Participant) -> None:
        """Read along what a participant sends, from the connection they have now."""
        if participant.publisher is not None:
            participant.publisher.ingest.on_encoded = lambda frame: self._packet(participant, frame)
        if participant.agent is not None:
            participant.agent.on_separated = lambda t, mix, voices: self._heard(participant, t, mix, voices)
        self._from_key_on(participant)

    def _from_key_on(self, participant: Participant) -> None:
        """Have their picture begin with a key frame, now."""
        if self._journal is not None and participant.publisher is not None:
            self._until_key.add(participant.id)
            participant.publisher.source.request_keyframe()

    def _packet(self, participant: Participant, frame: RelayFrame) -> None:
        if self._journal is None or not self.takes(participant):
            return
        sound = frame.codec not in ("VP8", "H264")
        if (participant.muted and sound) or (not sound and participant.id in self._until_key and not frame.keyframe):
            return
        taken = self._journal.put(Packet(frame.t, participant.id, frame.codec, frame.data, frame.keyframe))
        if not sound and taken:
            self._until_key.discard(participant.id)
        elif not sound and participant.id not in self._until_key:
            # What follows could not be decoded without it.
            self._from_key_on(participant)

    def _heard(self, participant: Participant, t: float, mix: F32, voices: dict[int, F32]) -> None:
        if self._journal is not None and self.takes(participant):
            pcm = {id: _pcm(voice) for id, voice in voices.items() if np.any(voice)}
            self._journal.put(Heard(t, participant.id, _pcm(mix), pcm))

    def joined(self, participant: str, gone: int, stays: int) -> None:
        """Note that two faces or voices are one person's."""
        if self._journal is not None and participant in self._shown:
            self._journal.put(Joined(now(), participant, gone, stays))

    def told(self, text: str, topic: str) -> None:
        """Note what is said to all, unless it is about somebody who does not know that it is recorded."""
        kind, _, rest = topic.partition(" ")
        if self._journal is None or kind not in KEPT:
            return
        who = self._participants.get(json.loads(text)["participant"] if kind == "chat" else rest.partition(" ")[0])
        # Lines of who has left change too, when it turns out who said them.
        if (who is not None and self.takes(who)) or (
            who is None and kind == "caption" and rest.split()[0] in self._shown
        ):
            self._journal.put(Told(now(), text))

    def _write_state(self, journal: JournalWriter) -> None:
        """Write who is here if that has changed: those who know."""
        state = self._room_state()
        here = [one for one in state.participants if (one.screen_of or one.id) in self._shown]
        text = protocol.RoomChanged(room=state.model_copy(update={"participants": here})).model_dump_json()
        if text != self._written_state:
            self._written_state = text
            journal.put(Told(now(), text))


class _Notes(Outbox):
    """Takes what pages are told, for the journal."""

    def __init__(self, recording: Recording) -> None:
        super().__init__()
        self._recording = recording

    def put(self, message: Message | str, topic: str, passing: bool = False, final: bool = False) -> None:
        self._recording.told(message if isinstance(message, str) else message.model_dump_json(), topic)


class Scribe(Participant):
    """Stands among those who are told, so that nobody who tells something has to know of recordings.

    Args:
        recording: of whose room.
    """

    def __init__(self, recording: Recording) -> None:
        super().__init__("recording", "watch")
        self._recording = recording
        self.outbox = _Notes(recording)

    def join_faders(self, participant: str, gone: int, stays: int) -> None:
        """Note that two faces or voices are one person's."""
        self._recording.joined(participant, gone, stays)


def _pcm(sound: F32) -> bytes:
    return to_pcm16(sound).astype("<i2").tobytes()
