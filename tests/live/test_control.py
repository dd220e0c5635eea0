"""The control socket against clients that do not behave."""

from __future__ import annotations

import contextlib
import json

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.live.conftest import serving
from tests.live.peers import until


async def close_code(raw):
    with pytest.raises(ConnectionClosed):
        while True:
            await raw.recv()
    return raw.close_code


async def test_first_message_has_to_be_a_good_hello(site):
    room, other = await site.room(), await site.room()
    token = (await site.join(other, "Ann"))["token"]
    for text, code in (
        ('{"type":"ping","n":1}', 1008),
        ("nonsense", 1008),
        ('{"type":"hello","token":"nonsense"}', 4401),
        (json.dumps({"type": "hello", "token": room["invite"]}), 4401),
        (json.dumps({"type": "hello", "token": token}), 4401),
        (b"\x00", 1003),
    ):
        raw = await site.raw_control(room)
        await raw.send(text)
        error = json.loads(await raw.recv())
        assert (error["type"], error["code"]) == ("error", str(code))
        assert await close_code(raw) == code


async def test_silence_instead_of_hello_is_cut_off():
    async with serving(hello_deadline=0.1) as site:
        raw = await site.raw_control(await site.room())
        assert await close_code(raw) == 4408


async def test_ping_brings_pong_and_a_fresh_token(site):
    room = await site.room()
    ann = await site.join(room, "Ann")
    socket = await site.control(room, ann["token"])
    await socket.send(type="ping", n=7)
    await until(lambda: "token" in socket.newest)
    assert socket.newest["pong"]["n"] == 7
    assert socket.newest["token"]["expires_in"] == 300
    answer = await site.http.get(
        f"/rooms/{room['room']}", headers={"Authorization": f"Bearer {socket.newest['token']['token']}"}
    )
    assert answer.status_code == 200


async def test_oversized_message_ends_the_connection(site):
    room = await site.room()
    ann = await site.join(room, "Ann")
    socket = await site.control(room, ann["token"])
    await socket.raw.send("x" * 16_385)
    await until(lambda: socket.raw.close_code == 1009)
    place = site.context.rooms.get(room["room"])
    await until(lambda: not place.participants[ann["participant"]].connected)


async def test_refused_messages_are_answered_and_too_many_end_it(site):
    room = await site.room()
    ann = await site.join(room, "Ann")
    socket = await site.control(room, ann["token"])
    for text, code in (
        ("{", "invalid"),
        ('{"type":"fader","participant":"x","face":1,"gain":9}', "invalid"),
        ('{"type":"fader","participant":"x","face":1,"gain":1}', "unknown"),
        ('{"type":"focus","participant":null,"face":3}', "invalid"),
        ('{"type":"hello","token":"x"}', "hello"),
    ):
        socket.newest.pop("error", None)
        await socket.raw.send(text)
        await until(lambda: "error" in socket.newest)
        assert socket.newest["error"]["code"] == code
        assert socket.newest["error"]["reason"]
    with contextlib.suppress(ConnectionClosed):
        for _ in range(200):
            await socket.raw.send("{")
    await until(lambda: socket.raw.close_code == 1008)


async def test_names_are_not_changed_faster_than_everybody_can_be_told(site):
    room = await site.room()
    ann = await site.join(room, "Ann")
    socket = await site.control(room, ann["token"])
    for n in range(30):
        await socket.send(type="rename", participant=ann["participant"], face=None, name=f"Ann {n}")
    await until(lambda: socket.newest.get("error", {}).get("code") == "too_many")
    assert "wait" in socket.newest["error"]["reason"]
    assert 15 <= int(site.context.rooms.get(room["room"]).participants[ann["participant"]].name.split()[1]) < 29


async def test_watchers_cannot_rename(site):
    room = await site.room()
    ann = await site.join(room, "Ann")
    watcher = await site.join(room | {"invite": room["watch_invite"]}, "Wim")
    socket = await site.control(room, watcher["token"])
    await socket.send(type="rename", participant=ann["participant"], face=None, name="Eve")
    await until(lambda: socket.newest.get("error", {}).get("code") == "role")
    assert site.context.rooms.get(room["room"]).participants[ann["participant"]].name == "Ann"


async def test_one_is_renamed_by_oneself_alone_but_faces_by_all_who_take_part(site):
    room = await site.room()
    ann, ben = await site.join(room, "Ann"), await site.join(room, "Ben")
    people = site.context.rooms.get(room["room"]).participants
    socket = await site.control(room, ben["token"])
    await socket.send(type="rename", participant=ann["participant"], face=None, name="Eve")
    await until(lambda: socket.newest.get("error", {}).get("code") == "role")
    await socket.send(type="rename", participant=ann["participant"], face=2, name="Grace")
    await socket.send(type="rename", participant=ben["participant"], face=None, name="Benjamin")
    await until(lambda: people[ben["participant"]].name == "Benjamin")
    assert (people[ann["participant"]].name, people[ann["participant"]].face_names) == ("Ann", {2: "Grace"})


async def test_foreign_pages_cannot_connect(site):
    room = await site.room()
    with pytest.raises(InvalidStatus) as caught:
        await site.raw_control(room, Origin="https://evil.example")
    assert caught.value.response.status_code == 403
    host = str(site.http.base_url).rstrip("/")
    raw = await site.raw_control(room, Origin=host)
    await raw.close()


async def test_a_second_page_replaces_the_first(site):
    room = await site.room()
    ann = await site.join(room, "Ann")
    first = await site.control(room, ann["token"])
    await until(lambda: "welcome" in first.newest)
    second = await site.control(room, ann["token"])
    await until(lambda: first.raw.close_code == 4409)
    await second.send(type="ping", n=1)
    await until(lambda: "pong" in second.newest)
    assert site.context.rooms.get(room["room"]).participants[ann["participant"]].connected
