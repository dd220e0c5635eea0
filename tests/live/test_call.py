"""Calls over real WebRTC: publish knowing only RFC 9725, watch, leave, come back."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import numpy as np
import pytest
from aiortc import RTCSessionDescription
from aiortc.sdp import candidate_to_sdp

from streamer.commands.join import ask_invite, join, split_link
from streamer.errors import UserError
from tests.live.conftest import Resource, bundled, serving
from tests.live.peers import BeepTrack, FlashTrack, until
from tests.media import clip

FRAGMENT = "application/trickle-ice-sdpfrag"


def loudest(frames):
    return max((float(np.abs(frame.to_ndarray()).max()) for frame in frames), default=0.0)


def brightest(frames):
    return max((float(frame.to_ndarray(format="gray").mean()) for frame in frames), default=0.0)


def media():
    origin = time.monotonic()
    return BeepTrack(origin), FlashTrack(origin)


async def test_publish_and_watch_knowing_only_the_standards(site):
    room = await site.room()
    publisher = await site.publish(room, room["invite"], *media())
    viewer = await site.watch(room, room["watch_invite"])
    await until(lambda: loudest(viewer.frames.get("audio0", [])) > 8000)
    await until(lambda: brightest(viewer.frames.get("video1", [])) > 150)
    state = site.context.rooms.get(room["room"]).notices.state()
    assert [(p.name, p.publishing, p.audio, p.video) for p in state.participants] == [
        ("Guest 1", True, True, True),
        ("Guest 2", False, False, False),
    ]
    assert (await publisher.delete()).status_code == 200
    assert (await publisher.delete()).status_code == 404
    place = site.context.rooms.get(room["room"])
    assert [p.name for p in place.participants.values()] == ["Guest 2"], "a guest goes with its session"
    await viewer.pc.close()
    await until(lambda: place.participants == {})
    await until(lambda: site.context.rooms.peers.open == 0)


async def test_nobody_hears_or_sees_themselves(site):
    room = await site.room()
    ann = await site.join(room, "Ann")
    await site.publish(room, ann["token"], *media())
    own = await site.watch(room, ann["token"])
    other = await site.watch(room, room["watch_invite"])
    await until(lambda: loudest(other.frames.get("audio0", [])) > 8000)
    await until(lambda: len(own.frames.get("audio0", [])) > 50)
    assert loudest(own.frames["audio0"]) == 0
    assert own.frames["video1"] == []


async def test_slots_follow_who_is_there(site):
    room = await site.room()
    people = [await site.join(room, name) for name in ("Ann", "Ben", "Cy")]
    ann, ben, cy = people
    socket = await site.control(room, ann["token"])
    # Someone with a control socket stays when they stop to send.
    await site.control(room, ben["token"])
    viewer = await site.watch(room, ann["token"], videos=7)
    sending = {p["participant"]: await site.publish(room, p["token"], *media()) for p in people}

    def shown():
        return {slot["participant"]: slot for slot in socket.newest.get("slots", {"slots": []})["slots"]}

    await until(lambda: set(shown()) == {ben["participant"], cy["participant"]})
    mids = {who: slot["mid"] for who, slot in shown().items()}
    assert len(set(mids.values())) == 2
    await until(lambda: all(slot["rtp_base"] is not None for slot in shown().values()))
    pictures = {transceiver.mid: viewer.received[transceiver.receiver.track.id] for transceiver in viewer.videos}
    for mid in mids.values():
        await until(lambda frames=pictures[mid]: brightest(frames) > 150)
    assert [mid for mid, frames in pictures.items() if frames] == sorted(mids.values())
    await sending[ben["participant"]].delete()
    await until(lambda: set(shown()) == {cy["participant"]})
    assert shown()[cy["participant"]]["mid"] == mids[cy["participant"]], "who stays keeps the slot"
    sending[ben["participant"]] = await site.publish(room, ben["token"], *media())
    await until(lambda: len(shown()) == 2)


async def test_publishing_again_takes_the_place_of_the_old_session(site):
    room = await site.room()
    ann = await site.join(room, "Ann")
    first = await site.publish(room, ann["token"], *media())
    viewer = await site.watch(room, room["watch_invite"])
    await until(lambda: loudest(viewer.frames.get("audio0", [])) > 8000)
    second = await site.publish(room, ann["token"], *media())
    assert (await first.delete()).status_code == 404
    await until(lambda: first.pc.connectionState == "closed")
    place = site.context.rooms.get(room["room"])
    assert len(place.participants) == 2
    await until(lambda: place.participants[ann["participant"]].state().publishing)
    viewer.frames["audio0"].clear()
    viewer.frames["video1"].clear()
    await until(lambda: loudest(viewer.frames["audio0"]) > 8000)
    await until(lambda: brightest(viewer.frames["video1"]) > 150)
    assert (await second.delete()).status_code == 200


async def test_reconnect_keeps_participant_names_and_faders(site):
    room = await site.room()
    ann, ben = await site.join(room, "Ann"), await site.join(room, "Ben")
    socket = await site.control(room, ann["token"])
    await until(lambda: "welcome" in socket.newest)
    await socket.send(type="rename", participant=ann["participant"], face=2, name="Grace")
    await socket.send(type="fader", participant=ben["participant"], face="rest", gain=0.25)
    await socket.send(type="focus", participant=ben["participant"], face=1)
    await until(lambda: socket.newest.get("faders", {}).get("focus") is not None)
    await site.publish(room, ann["token"], *media())
    place = site.context.rooms.get(room["room"])
    agent = place.participants[ann["participant"]].agent
    socket.raw.transport.abort()
    await until(lambda: not place.participants[ann["participant"]].connected)

    again = await site.join(room, "Ann", resume=ann["resume"])
    assert again["participant"] == ann["participant"]
    socket = await site.control(room, again["token"])
    await until(lambda: "welcome" in socket.newest)
    welcome = socket.newest["welcome"]
    assert welcome["faders"]["gains"] == [{"participant": ben["participant"], "face": "rest", "gain": 0.25}]
    assert welcome["faders"]["focus"] == {"participant": ben["participant"], "face": 1}
    mine = next(p for p in welcome["room"]["participants"] if p["id"] == ann["participant"])
    assert mine["faces"] == {"2": "Grace"}
    await site.publish(room, again["token"], *media())
    assert place.participants[ann["participant"]].agent is agent, "faces and voices are known as before"


async def test_leave_is_at_once_and_a_lost_heartbeat_after_the_grace():
    async with serving(heartbeat=0.1, heartbeat_timeout=1.0, resume_grace=1.0) as site:
        room = await site.room()
        ann = await site.join(room, "Ann")
        place = site.context.rooms.get(room["room"])
        socket = await site.control(room, ann["token"])
        await site.publish(room, ann["token"], *media())
        await socket.send(type="leave")
        await until(lambda: ann["participant"] not in place.participants)
        await until(lambda: site.context.rooms.peers.open == 0)
        ben = await site.join(room, "Ben")
        silent = await site.control(room, ben["token"])
        await until(lambda: place.participants[ben["participant"]].connected)
        await until(lambda: silent.raw.close_code == 4408)
        await until(lambda: ben["participant"] not in place.participants)


async def test_a_session_can_be_ended_with_the_token_that_opened_it_however_old(monkeypatch):
    async with serving(token_lifetime=10) as site:
        room = await site.room()
        ann, ben = await site.join(room, "Ann"), await site.join(room, "Ben")
        place = site.context.rooms.get(room["room"])
        session = await site.publish(room, ann["token"], *media())
        now = time.time()
        monkeypatch.setattr(site.context.tokens, "_clock", lambda: now + 600)
        assert (await site.http.get(f"/rooms/{room['room']}", headers=session.headers)).status_code == 401
        stranger = {"Authorization": f"Bearer {ben['token']}"}
        assert (await site.http.delete(session.url, headers=stranger)).status_code == 403
        assert (await session.delete()).status_code == 200
        assert list(place.participants) == [ben["participant"]], "who never had a control socket leaves at once"


async def test_mute_silences_and_unmute_brings_back(site):
    room = await site.room()
    ann, ben = await site.join(room, "Ann"), await site.join(room, "Ben")
    await site.publish(room, ben["token"], media()[0])
    listener = await site.watch(room, ann["token"], videos=0)
    socket = await site.control(room, ann["token"])
    await until(lambda: loudest(listener.frames.get("audio0", [])) > 8000)
    await socket.send(type="mute", participant=ben["participant"], muted=True)
    await until(lambda: socket.newest.get("faders", {}).get("muted") == [ben["participant"]])
    # What is on its way still sounds; after that nothing for more than one beep's period.
    await until(lambda: len(listener.frames["audio0"]) == 200 and loudest(listener.frames["audio0"][-60:]) == 0)
    await socket.send(type="mute", participant=ben["participant"], muted=False)
    await until(lambda: loudest(listener.frames["audio0"][-20:]) > 8000)


async def test_trickle_ice(site):
    room = await site.room()
    resource = Resource(site.http, bundled(), room["invite"])
    site.opened.append(resource)
    resource.pc.addTransceiver(media()[0], "sendonly")
    await resource.pc.setLocalDescription(await resource.pc.createOffer())
    whole = resource.pc.localDescription.sdp
    bare = "".join(
        line + "\r\n" for line in whole.splitlines() if not line.startswith(("a=candidate", "a=end-of-candidates"))
    )
    url = f"/rooms/{room['room']}/whip"
    answer = await site.http.post(url, content=bare, headers=resource.headers | {"Content-Type": "application/sdp"})
    assert answer.status_code == 201
    session, etag = answer.headers["location"], answer.headers["etag"]
    ufrag = next(line for line in whole.splitlines() if line.startswith("a=ice-ufrag"))
    candidates = resource.pc.getTransceivers()[0].sender.transport.transport.iceGatherer.getLocalCandidates()
    lines = [ufrag, "m=audio 9 UDP/TLS/RTP/SAVPF 0", "a=mid:0"]
    lines += [f"a=candidate:{candidate_to_sdp(candidate)}" for candidate in candidates]
    fragment = "\r\n".join([*lines, "a=end-of-candidates", ""])
    headers = resource.headers | {"Content-Type": FRAGMENT}
    refusals = [
        (headers, fragment, 428),
        (headers | {"If-Match": '"other"'}, fragment, 412),
        (headers | {"If-Match": "*"}, "a=ice-ufrag:new1\r\na=ice-pwd:" + "x" * 22, 422),
        (headers | {"If-Match": etag}, "nonsense", 400),
        (headers | {"If-Match": etag}, "a=mid:0\r\na=candidate:1 2", 400),
        (resource.headers | {"If-Match": etag, "Content-Type": "text/plain"}, fragment, 415),
        ({"If-Match": etag, "Content-Type": FRAGMENT}, fragment, 401),
    ]
    for wrong, body, status in refusals:
        refused = await site.http.patch(session, content=body, headers=wrong)
        assert refused.status_code == status, (body, refused.text)
        assert refused.json()["reason"]
    other = (await site.http.post("/rooms")).json()
    stranger = {"Authorization": f"Bearer {room['watch_invite']}"}
    assert (await site.http.delete(session, headers=stranger)).status_code == 403
    assert other["room"] != room["room"]
    done = await site.http.patch(session, content=fragment, headers=headers | {"If-Match": etag})
    assert done.status_code == 204
    await resource.pc.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
    await until(lambda: resource.pc.connectionState == "connected")


async def test_abandoned_offers_leave_nothing_behind():
    async with serving(connect_deadline=2.0, max_publishers=8, max_peers=300) as site:
        room = await site.room()
        pc = bundled()
        pc.addTransceiver("audio", "sendonly")
        pc.addTransceiver("video", "sendonly")
        await pc.setLocalDescription(await pc.createOffer())
        offer = pc.localDescription.sdp
        await pc.close()
        headers = {"Authorization": f"Bearer {room['invite']}", "Content-Type": "application/sdp"}
        place, codes = site.context.rooms.get(room["room"]), Counter[int]()
        while codes[201] < 32:
            asked = (site.http.post(f"/rooms/{room['room']}/whip", content=offer, headers=headers) for _ in range(12))
            codes.update(answer.status_code for answer in await asyncio.gather(*asked))
            assert len(place.participants) <= 8
            await until(lambda: len(place.participants) < 8)
        await until(lambda: place.participants == {}, 20)
        counts = site.context.rooms.peers
        await until(lambda: counts.open == 0)
        assert (counts.opened, counts.abandoned, counts.close_failures) == (codes[201], codes[201], 0)
        assert set(codes) == {201, 503}, "twelve are asked for at once, and eight get in"


async def test_a_file_joins_by_room_alone_by_link_or_by_invite_under_its_name(site, tmp_path):
    room = await site.room()
    server = str(site.http.base_url)
    assert split_link("http://a", "r1", None) == ("http://a", "r1", None)
    assert split_link("x", f"{server}{room['link']}", None) == (server, room["room"], room["invite"])
    with pytest.raises(UserError, match="not the link"):
        split_link("x", "http://somewhere/else", None)
    invite = await ask_invite(server, room["room"], None)
    path = await asyncio.to_thread(clip, tmp_path / "talk.mkv")
    playing = asyncio.create_task(join(server, room["room"], invite, path, name="talk"))
    people = site.context.rooms.get(room["room"]).participants
    await until(lambda: bool(people))
    assert [p.name for p in people.values()] == ["talk"]
    await playing
    assert people == {}, "it says goodbye, and nobody waits for it to come back"
    with pytest.raises(UserError, match="404"):
        await ask_invite(server, "nowhere", None)


async def test_a_server_with_a_secret_invites_only_who_knows_it():
    async with serving(secret="correct horse battery staple") as site:
        secret = "correct horse battery staple"
        made = await site.http.post("/rooms", headers={"Authorization": f"Bearer {secret}"})
        server, room = str(site.http.base_url), made.json()["room"]
        with pytest.raises(UserError, match="401"):
            await ask_invite(server, room, None)
        assert await ask_invite(server, room, secret)
