"""A host, guests and a stranger over the real control socket, with real media where it matters."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from streamer.commands.join import join
from streamer.errors import Removed
from tests.live.conftest import serving
from tests.live.peers import BeepTrack, until
from tests.live.test_join import flash_and_beep


async def hosted(site, room):
    """The host's way in: participant and control socket."""
    host = await site.join(room | {"invite": room["host"]}, "Hera")
    return host, await site.control(room, host["token"])


def loudness(resource):
    """Loudest sample of the last frames that a listener got."""
    frames = next(iter(resource.received.values()))[-10:]
    return max((int(np.abs(frame.to_ndarray().astype(int)).max()) for frame in frames), default=0)


async def test_guests_are_told_that_they_may_not(site):
    room = await site.room()
    await hosted(site, room)
    ben = await site.join(room, "Ben")
    socket = await site.control(room, ben["token"])
    rules = {"locked": True, "waiting_room": False, "past": "all"}
    for order in (
        {"type": "rules", "rules": rules},
        {"type": "remove", "participant": ben["participant"]},
        {"type": "new_links"},
    ):
        socket.newest.pop("error", None)
        await socket.send(**order)
        await until(lambda: "error" in socket.newest)
        assert (socket.newest["error"]["code"], socket.newest["error"]["reason"]) == (
            "role",
            "Only the host can do that.",
        )
    assert not site.context.rooms.get(room["room"]).rules.locked
    assert "links" not in socket.newest


async def test_orders_are_limited_and_those_about_nobody_are_refused(site):
    room = await site.room()
    _, socket = await hosted(site, room)
    await socket.send(type="remove", participant="p00000000")
    await until(lambda: socket.newest.get("error", {}).get("code") == "unknown")
    for _ in range(60):
        await socket.send(type="new_links")
    await until(lambda: socket.newest["error"]["code"] == "too_many")
    assert site.context.rooms.get(room["room"]).rules.links < 60


async def test_muted_for_everyone_until_they_unmute_themselves(site):
    room = await site.room()
    _, socket = await hosted(site, room)
    ben = await site.join(room, "Ben")
    mine = await site.control(room, ben["token"])
    await site.publish(room, ben["token"], Always(time.monotonic()))
    listener = await site.watch(room, room["watch_invite"], videos=0)
    await until(lambda: loudness(listener) > 3000)
    await socket.send(type="mute_for_all", participant=ben["participant"], muted=True)
    await until(lambda: loudness(listener) < 30)
    people = mine.newest["room"]["room"]["participants"]
    assert [one["muted"] for one in people if one["id"] == ben["participant"]] == [True]
    await mine.send(type="mute_for_all", participant=ben["participant"], muted=False)
    await until(lambda: loudness(listener) > 3000)


async def test_removed_at_once_with_media_and_everything(site):
    room = await site.room()
    _, socket = await hosted(site, room)
    ben = await site.join(room, "Ben")
    mine = await site.control(room, ben["token"])
    whip = await site.publish(room, ben["token"], BeepTrack(time.monotonic()))
    await until(lambda: whip.pc.connectionState == "connected")
    await socket.send(type="remove", participant=ben["participant"])
    await until(lambda: mine.raw.close_code == 4403)
    assert mine.newest["error"]["reason"] == "The host removed you from this call."
    await until(lambda: whip.pc.connectionState == "closed")
    body = {"name": "Ben", "invite": room["invite"], "resume": ben["resume"]}
    answer = await site.http.post(f"/rooms/{room['room']}/join", json=body)
    assert answer.status_code == 403 and answer.json()["reason"] == "The host removed you from this call."
    again = await site.control(room, ben["token"])
    await until(lambda: again.raw.close_code == 4401)


async def test_a_removed_obs_does_not_come_back_with_its_link(site):
    room = await site.room()
    _, socket = await hosted(site, room)
    whip = await site.publish(room, room["invite"], BeepTrack(time.monotonic()))
    await until(lambda: whip.pc.connectionState == "connected")
    people = site.context.rooms.get(room["room"]).participants
    [guest] = [person for person in people.values() if person.guest_of is not None]
    await socket.send(type="remove", participant=guest.id)
    await until(lambda: whip.pc.connectionState == "closed")
    with pytest.raises(AssertionError, match="came with this link"):
        await site.publish(room, room["invite"], BeepTrack(time.monotonic()))


async def test_new_links_go_to_the_host_alone_and_old_ones_die(site):
    room = await site.room()
    _, socket = await hosted(site, room)
    await until(lambda: "links" in socket.newest)
    before = socket.newest.pop("links")
    await socket.send(type="new_links")
    await until(lambda: "links" in socket.newest)
    after = socket.newest["links"]
    for old in (before["invite"], before["watch_invite"], room["invite"]):
        body = {"name": "Ben", "invite": old}
        answer = await site.http.post(f"/rooms/{room['room']}/join", json=body)
        assert answer.status_code == 403 and "link was replaced" in answer.json()["reason"]
    await site.join(room | {"invite": after["invite"]}, "Ben")


async def test_who_waits_is_welcomed_when_the_host_says_so_and_only_then_has_media():
    async with serving(waiting_room=True) as site:
        room = await site.room()
        _, socket = await hosted(site, room)
        ben = await site.join(room, "Ben")
        mine = await site.control(room, ben["token"])
        await until(lambda: "waiting" in mine.newest)
        await mine.send(type="ping", n=1)
        await until(lambda: "token" in mine.newest)
        await mine.send(type="search", id=1, query="secrets")
        await until(lambda: mine.newest.get("error", {}).get("code") == "waiting")
        assert "room" not in mine.newest and "welcome" not in mine.newest
        await until(lambda: socket.newest.get("waiting_list", {}).get("waiting"))
        assert socket.newest["waiting_list"]["waiting"] == [{"id": ben["participant"], "name": "Ben"}]
        await socket.send(type="admit", participant=ben["participant"], admitted=True)
        await until(lambda: "welcome" in mine.newest)
        whip = await site.publish(room, ben["token"], BeepTrack(time.monotonic()))
        await until(lambda: whip.pc.connectionState == "connected")


class Always(BeepTrack):
    """A beep that never stops."""

    async def recv(self):
        frame = await super().recv()
        samples = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(960) / 48_000)
        frame.planes[0].update((samples * 32767).astype(np.int16).tobytes())
        return frame


async def test_a_file_that_was_removed_does_not_come_back(site, tmp_path):
    room = await site.room()
    _, socket = await hosted(site, room)
    path = await asyncio.to_thread(flash_and_beep, tmp_path / "a.mkv")
    address = str(site.http.base_url).rstrip("/")
    joining = asyncio.create_task(join(address, room["room"], room["invite"], path, loop=True, name="File"))
    people = site.context.rooms.get(room["room"]).participants
    await until(lambda: any(one.state().publishing for one in people.values()) or joining.done(), 20)
    [file] = [one for one in people.values() if one.name == "File"]
    await socket.send(type="remove", participant=file.id)
    with pytest.raises(Removed, match="host removed"):
        await asyncio.wait_for(joining, 20)
