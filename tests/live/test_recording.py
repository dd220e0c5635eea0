"""A call that is recorded, over real WebRTC: told first, written as it goes, ended however the call ends."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from statistics import median

import pytest
import soundfile

from streamer.commands.join import join
from streamer.recordings.calls.journal import Ended, Packet, records
from streamer.rooms.shelf import JOURNAL, RESULT, Shelf
from streamer.settings import Settings
from tests.live.conftest import Resource, bundled, serving
from tests.live.peers import BeepTrack, FlashTrack, until
from tests.live.process import running
from tests.media import tone
from tests.streamer.recordings.calls.test_make import onsets

LATE = 0.02
"""Seconds by which clients may be late themselves where their tracks are judged."""


def read(folder: Path) -> tuple[list[Packet], str]:
    """Packets in the one journal there is, and why it ended."""
    (journal,) = folder.glob(f"*/{JOURNAL}")
    ends = [one.reason for one in records(journal, Ended) if isinstance(one, Ended)]
    return [one for one in records(journal, Packet) if isinstance(one, Packet)], "".join(ends)


async def record(socket_of_host, *sockets) -> None:
    """Have the host begin, and every page say that it shows the sign."""
    await socket_of_host.send(type="record", on=True)
    for one in (socket_of_host, *sockets):
        await until(lambda one=one: one.newest["recording"]["state"] == "announced")
        await one.send(type="recording_shown", recording=one.newest["recording"]["recording"])
    await until(lambda: socket_of_host.newest["recording"]["state"] == "on")


async def test_without_a_page_one_is_told_too_or_not_recorded_and_sigterm_ends_it_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept"
    await asyncio.to_thread(soundfile.write, tmp_path / "tone.wav", tone(30, 48_000).T, 48_000)
    # What comes of it is another test's.
    monkeypatch.setattr(Shelf, "_make", lambda self, journal: asyncio.sleep(3600))
    async with serving(recordings=kept) as site:
        room = await site.room()
        hera = await site.join(room | {"invite": room["host"]}, "Hera")
        host = await site.control(room, hera["token"])
        await site.publish(room, hera["token"], BeepTrack(time.monotonic()))
        before = await site.publish(room, room["invite"], BeepTrack(time.monotonic()))
        server = str(site.http.base_url)
        stop = asyncio.Event()
        playing = asyncio.create_task(
            join(server, room["room"], room["invite"], tmp_path / "tone.wav", name="File", stop=stop)
        )
        people = site.context.rooms.get(room["room"]).participants
        await until(lambda: len(people) == 3 and all(one.publisher is not None for one in people.values()))
        names = {one.name: one.id for one in people.values()}
        await record(host)
        answer = await site.http.get(f"/rooms/{room['room']}/recordings", headers=before.headers)
        assert (answer.status_code, answer.json()) == (403, {"reason": "Only the host can do that."})
        listed = await site.http.get(f"/rooms/{room['room']}/recordings", headers=bearer(hera))
        assert [one["progress"] for one in listed.json()] == ["recording"]
        late = Resource(site.http, bundled(), room["invite"])
        site.opened.append(late)
        late.pc.addTransceiver(BeepTrack(time.monotonic()), "sendonly")
        assert (await late.open(f"/rooms/{room['room']}/whip")).headers["earshot-recording"] == "?1"
        late_name = next(one for one in people.values() if one.id not in names.values())
        recording = site.context.rooms.get(room["room"]).recording
        # The file's participant asks every two seconds.
        await until(lambda: recording.takes(people[names["File"]]))
        await asyncio.sleep(1.0)
        stop.set()
        await playing
        assert "This call is being recorded." in capsys.readouterr().err
    packets, end = await asyncio.to_thread(read, kept)
    left_out = "who was there before with WHIP alone is left out"
    assert {one.who for one in packets} == {hera["participant"], names["File"], late_name.id}, left_out
    assert end in ("the call was closed", "everybody has left")


def bearer(joined: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {joined['token']}"}


async def test_a_killed_server_loses_two_seconds_at_most_and_the_next_one_makes_the_results(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    async with running("streamer", "serve", recordings=kept) as (server, site):
        room = await site.room()
        hera = await site.join(room | {"invite": room["host"]}, "Hera")
        ben = await site.join(room, "Ben")
        host, other = await site.control(room, hera["token"]), await site.control(room, ben["token"])
        origin = time.monotonic() + 1.0
        sent = {hera["participant"]: (BeepTrack(origin, 0.3), FlashTrack(origin))}
        sent[ben["participant"]] = BeepTrack(origin), FlashTrack(origin, 0.2)
        for joined in (hera, ben):
            await site.publish(room, joined["token"], *sent[joined["participant"]])
        for one in (host, other):
            await one.send(type="ping", n=1)
        # Before that, their clocks go by arrival: sender reports come every second or so.
        await asyncio.sleep(4.0)
        await record(host, other)
        await asyncio.sleep(5.0)
        late = max(one.late for tracks in sent.values() for one in tracks)
        server.send_signal(signal.SIGKILL)
        # The last frame that each track has made by now.
        start = time.time() - time.monotonic() + origin
        made = {(who, one.kind): start + one.captured for who, tracks in sent.items() for one in tracks}
        await server.wait()
    found, _ = await asyncio.to_thread(read, kept)
    last = {(one.who, "audio" if one.codec == "opus" else "video"): one.t for one in found}
    lost = [round(made[key] - last[key], 2) for key in made]
    print("lost, s:", lost)
    assert max(lost) <= 2.0
    shelf = await asyncio.to_thread(lambda: Shelf(Settings(engine=False, recordings=kept)))
    shelf.start()
    async with asyncio.timeout(600):
        while (one := (await asyncio.to_thread(shelf.of_room, room["room"]))[0]).progress == "making":  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    await shelf.close()
    assert one.progress == "ready"
    assert {"index.html", "overlay.mp4", "tracks.mkv", "voice-1.wav", "voice-2.wav", "events.jsonl"} <= set(one.files)
    assert not await asyncio.to_thread((kept / one.id / JOURNAL).exists)
    tracks = kept / one.id / RESULT / "tracks.mkv"
    # Two voices and the rest, then two microphones and two cameras.
    if late > LATE:
        pytest.skip(f"the clients themselves were {late:.2f} s out of step: the machine is too busy to judge that")
    first, *others = [await asyncio.to_thread(onsets, tracks, index) for index in (5, 3, 4, 6)]
    for these in others:
        assert min(len(these), len(first)) >= 3
        apart = [min((t - flash for flash in first), key=abs) for t in these[1:-1]]
        print("off the first camera, ms:", [round(1000 * seconds) for seconds in apart])
        assert abs(median(apart)) <= 0.04
