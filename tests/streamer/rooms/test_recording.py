"""Who is told of a recording, and of whom what is written down, without media."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from streamer.engine.client import EngineClient
from streamer.messages.insights import CaptionLine
from streamer.observer.client import ObserverClient
from streamer.observer.types import Caption
from streamer.recordings.calls import writer
from streamer.recordings.calls.journal import Begun, Ended, Heard, Joined, Packet, Told, records
from streamer.recordings.calls.writer import JournalWriter
from streamer.rooms import recording
from streamer.rooms.errors import Forbidden
from streamer.rooms.host import Host
from streamer.rooms.one_person import make_one
from streamer.rooms.outbox import Outbox
from streamer.rooms.room import Room
from streamer.rooms.shelf import JOURNAL, Shelf
from streamer.rtc.peer import PeerCounts
from streamer.rtc.relay import RelayFrame
from streamer.settings import Settings
from tests.live.peers import until

KEY = RelayFrame("VP8", b"key", 1.0, True)
DELTA = RelayFrame("VP8", b"delta", 1.1, False)
SOUND = RelayFrame("opus", b"sound", 1.2, True)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(Settings(engine=False, recordings=tmp_path / "kept"))


@pytest.fixture
async def room(shelf: Shelf):
    room = Room("room1", Settings(engine=False), EngineClient(), ObserverClient(), PeerCounts(), shelf=shelf)
    yield room
    await close(room)


async def close(room: Room) -> None:
    for person in list(room.participants.values()):
        leave(room, person)
    await room.close()


def enter(room: Room, name: str, page: bool = True, **who):
    """Somebody who sends sound and pictures; `asked` counts key frames that are wanted of them."""
    person = room.join(name, "publish", **who)
    if page:
        room.attach(person, Outbox(), 4409)
    source = SimpleNamespace(asked=0)
    source.request_keyframe = lambda: setattr(source, "asked", source.asked + 1)
    person.publisher = SimpleNamespace(ingest=SimpleNamespace(on_encoded=None), source=source, connected=True)
    person.publisher.has_audio = person.publisher.has_video = True
    person.agent = SimpleNamespace(on_separated=None, close=lambda: None, told=lambda *said: None)
    room.recording.follow(person)
    return person


def leave(room: Room, person) -> None:
    person.publisher = None
    room.leave(person)


async def told(person) -> list[dict]:
    """What somebody was told of recordings and has not read yet."""
    messages = [json.loads(await person.outbox.get()) for _ in range(person.outbox.statistics().depth)]
    return [message for message in messages if message["type"] == "recording"]


def journal_of(shelf: Shelf) -> Path:
    (path,) = shelf._folder.glob(f"*/{JOURNAL}")
    return path


async def test_nothing_before_everybody_was_told_and_of_nobody_who_was_not(room, shelf):
    ada, ben = enter(room, "Ada", host=True), enter(room, "Ben")
    bare, early = enter(room, "OBS", page=False, guest_of="nonce"), Host(room, ada)
    early.record(True)
    (now,) = [message for message in await told(ben) if message["state"] != "off"]
    assert (now["state"], now["offered"], now["since"]) == ("announced", True, None)
    room.recording.shown(ada, now["recording"])
    room.recording.shown(ben, "another recording")
    for person in (ada, ben, bare):
        person.publisher.ingest.on_encoded(KEY)
    await asyncio.sleep(0.05)
    assert room.recording.state().state == "announced"
    room.recording.shown(ben, now["recording"])
    await until(lambda: room.recording.state().state == "on")
    assert (await told(ada))[-1]["since"] is not None
    assert ada.publisher.source.asked > 0
    for person in (ada, ben, bare):
        for frame in (DELTA, SOUND, KEY, DELTA):
            person.publisher.ingest.on_encoded(frame)
    late = enter(room, "Cy")
    late.publisher.ingest.on_encoded(SOUND)
    assert (await told(late))[0]["state"] == "on"
    room.recording.shown(late, now["recording"])
    late.publisher.ingest.on_encoded(SOUND)
    late.publisher.ingest.on_encoded(DELTA)
    early.record(False)
    await room.recording.close()
    assert (await told(ben))[-1] == {
        "type": "recording", "state": "off", "recording": None, "offered": True, "since": None, "reason": ""
    }  # fmt: skip
    found = list(records(journal_of(shelf)))
    assert isinstance(found[0], Begun) and found[-1] == Ended(found[-1].t, "the host ended it")
    packets = [(one.who, one.codec, one.key) for one in found if isinstance(one, Packet)]
    mine = [("opus", True), ("VP8", True), ("VP8", False)]
    assert packets == [(who.id, *frame) for who in (ada, ben) for frame in mine] + [(late.id, "opus", True)]
    states = [json.loads(one.text)["room"] for one in found if isinstance(one, Told)]
    assert bare.id not in {person["id"] for state in states for person in state["participants"]}


async def test_words_names_and_who_is_one_person_are_written_until_the_end(room, shelf):
    ada, ben = enter(room, "Ada", host=True), enter(room, "Ben")
    Host(room, ada).record(True)
    room.recording.shown(ada)
    room.recording.shown(ben)
    await until(lambda: room.recording.state().state == "on")
    captions = room.insights.captions
    captions.add(ada, Caption(id=0, face=1, text="Hello.", start=1.0, end=2.0, final=True))
    captions.set_speaker(ada.id, 0, 2)
    room.insights.chat.say(ben, "hi")
    room.rename(ada.id, 2, "Eve")
    make_one(ada, 3, 2, room.insights.people(), captions)
    ada.agent.on_separated(
        5.0, np.full(320, 0.5, np.float32), {2: np.full(320, 0.25, np.float32), 4: np.zeros(320, np.float32)}
    )
    leave(room, ben)
    captions.add(ben, Caption(id=0, face=None, text="Still me.", start=2.0, end=3.0, final=True))
    room.recording.stop()
    await room.recording.close()
    found = list(records(journal_of(shelf)))
    texts = [json.loads(one.text) for one in found if isinstance(one, Told)]
    said = [CaptionLine(**one) for one in texts if one["type"] == "caption"]
    assert [(one.participant, one.face, one.text) for one in said] == [
        (ada.id, 1, "Hello."),
        (ada.id, 2, "Hello."),
        (ben.id, None, "Still me."),
    ]
    assert [one["text"] for one in texts if one["type"] == "chat"] == ["hi"]
    assert [one["room"] for one in texts if one["type"] == "room"][-1]["participants"][0]["faces"] == {"2": "Eve"}
    assert [(one.who, one.gone, one.stays) for one in found if isinstance(one, Joined)] == [(ada.id, 3, 2)]
    (block,) = [one for one in found if isinstance(one, Heard)]
    assert np.frombuffer(block.mix, "<i2")[0] == 16384 and list(block.voices) == [2]


async def test_a_muted_microphone_is_not_written_and_a_picture_goes_on_with_a_key_frame(room, shelf, monkeypatch):
    ada = enter(room, "Ada", host=True)
    Host(room, ada).record(True)
    room.recording.shown(ada)
    await until(lambda: room.recording.state().state == "on")
    ada.muted = True
    ada.publisher.ingest.on_encoded(SOUND)
    ada.publisher.ingest.on_encoded(KEY)
    asked = ada.publisher.source.asked
    monkeypatch.setattr(writer, "BACKLOG", 0)
    ada.publisher.ingest.on_encoded(DELTA)
    ada.publisher.ingest.on_encoded(DELTA)
    assert ada.publisher.source.asked == asked + 1, "what follows a dropped picture is of no use"
    monkeypatch.undo()
    ada.publisher.ingest.on_encoded(DELTA)
    ada.publisher.ingest.on_encoded(KEY)
    room.recording.stop()
    await room.recording.close()
    assert [one.key for one in records(journal_of(shelf), Packet)] == [True, True]


async def test_a_page_that_never_says_that_it_shows_the_sign_does_not_hold_it_up_and_is_left_out(
    room, shelf, monkeypatch
):
    monkeypatch.setattr(recording, "ANSWER_SECONDS", 0.05)
    ada, ben = enter(room, "Ada", host=True), enter(room, "Ben")
    Host(room, ada).record(True)
    room.recording.shown(ada)
    await until(lambda: room.recording.state().state == "on")
    ben.publisher.ingest.on_encoded(SOUND)
    leave(room, ada)
    assert room.recording.on
    leave(room, ben)
    assert not room.recording.on, "the last one who leaves ends it"
    await room.recording.close()
    assert list(records(journal_of(shelf), Packet)) == []


async def test_ended_before_everybody_was_told_it_leaves_nothing(room, shelf):
    ada = enter(room, "Ada", host=True)
    Host(room, ada).record(True)
    await until(lambda: list(shelf._folder.glob(f"*/{JOURNAL}")) != [])
    Host(room, ada).record(False)
    await room.recording.close()
    assert list(shelf._folder.iterdir()) == []
    assert shelf.of_room("room1") == []


async def test_only_a_host_and_only_where_the_server_records(room):
    ada, ben = enter(room, "Ada", host=True), enter(room, "Ben")
    with pytest.raises(Forbidden, match="Only the host"):
        Host(room, ben).record(True)
    plain = Room("room2", Settings(engine=False), EngineClient(), ObserverClient(), PeerCounts())
    host = plain.join("Hera", "publish", host=True)
    with pytest.raises(Forbidden, match="does not record calls"):
        Host(plain, host).record(True)
    assert not plain.recording.state().offered
    await plain.close()
    assert ada.host


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        ({"recordings_space": 2**20}, "The recording has ended: the space for recordings is used up."),
        ({}, "The recording has ended: the disk is full."),
    ],
)
async def test_without_room_it_ends_and_the_call_goes_on(tmp_path, monkeypatch, limit, reason):
    if not limit:
        monkeypatch.setattr(writer, "RESERVE", 2**62)
    shelf = Shelf(Settings(engine=False, recordings=tmp_path / "kept", **limit))
    room = Room("room1", Settings(engine=False), EngineClient(), ObserverClient(), PeerCounts(), shelf=shelf)
    ada = enter(room, "Ada", host=True)
    Host(room, ada).record(True)
    room.recording.shown(ada)
    await until(lambda: room.recording.state().state != "announced")
    for _ in range(6):
        ada.publisher.ingest.on_encoded(RelayFrame("VP8", bytes(100_000), 1.0, True))
    await until(lambda: not room.recording.on)
    assert room.recording.state().reason == reason
    assert ada.id in room.participants
    await close(room)
    assert journal_of(shelf).stat().st_size <= 2**19


async def test_a_write_that_fails_leaves_whole_records(tmp_path, monkeypatch):
    path = tmp_path / "call.earshot"
    JournalWriter.create(path)
    failed: list[str] = []
    journal = JournalWriter(path, 2**30, failed.append)
    journal.put(Begun(1.0, "room1"))
    await until(lambda: journal.written > 20)
    monkeypatch.setattr(JournalWriter, "_append", _half(JournalWriter._append))
    journal.put(Told(2.0, "x" * 1000))
    await journal.close()
    assert failed == ["it cannot be written: No space left on device"]
    assert not journal.put(Told(3.0, "y")) and journal.dropped == 1
    assert list(records(path)) == [Begun(1.0, "room1")]


def _half(append):
    """Let a disk take half of what is written."""

    def half(journal, data):
        real = Path.open

        def opened(self, *how, **more):
            file = real(self, *how, **more)
            write = file.write
            sizes = iter((len(data) // 2,))

            class Full:
                def __enter__(self):
                    return self

                def __exit__(self, *error):
                    file.close()

                def write(self, view):
                    if (size := next(sizes, None)) is None:
                        raise OSError(28, "No space left on device")
                    return write(view[:size])

                seek, truncate = staticmethod(file.seek), staticmethod(file.truncate)

            return Full()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Path, "open", opened)
            append(journal, data)

    return half


async def test_a_disk_that_says_at_the_end_that_it_is_full_is_heard(tmp_path, monkeypatch):
    path, failed = tmp_path / "call.earshot", []
    JournalWriter.create(path)
    journal = JournalWriter(path, 2**30, failed.append)

    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    await journal.close()
    assert failed == ["it cannot be written: No space left on device"]


async def test_what_a_full_disk_left_of_a_beginning_is_no_recording(tmp_path, monkeypatch):
    shelf = Shelf(Settings(recordings=tmp_path))

    def create(path):
        path.parent.mkdir(parents=True)
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(JournalWriter, "create", create)
    with pytest.raises(OSError, match="No space"):
        await shelf.open(shelf.new_id("room1"), lambda reason: None)
    assert shelf._waiting(tmp_path) == [] and shelf.of_room("room1") == []


async def test_results_wait_for_room_on_the_disk_and_are_made_when_there_is_some(tmp_path, monkeypatch):
    free = [writer.RESERVE]
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free[0]))
    shelf = Shelf(Settings(recordings=tmp_path), ("sh", "-c", 'mkdir "$4"', "sh"))
    path = tmp_path / "20260101-120000-room1-0123456789abcdef" / JOURNAL
    JournalWriter.create(path)
    shelf.start()
    await until(lambda: not shelf._wanted.is_set())
    await shelf.sweep()
    assert [one.progress for one in shelf.of_room("room1")] == ["making"]
    free[0] += path.stat().st_size
    await shelf.sweep()
    await until(lambda: [one.progress for one in shelf.of_room("room1")] == ["ready"])
    await shelf.close()
