"""What a guest or a stranger can do to a running server, and what a client is told that did not get through."""

from __future__ import annotations

import asyncio
import re
import socket

import pytest
from aiortc import RTCSessionDescription

from tests.live.conftest import Resource, bundled, serving
from tests.live.peers import BeepTrack, FlashTrack, until
from tests.live.test_hostile import plain_offer


def auth(room: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {room['invite']}", "Content-Type": "application/sdp"}


async def test_datagrams_of_a_stranger_end_no_call(site) -> None:
    room = await site.room()
    loop = asyncio.get_running_loop()
    publisher = await site.publish(room, room["invite"], BeepTrack(loop.time()), FlashTrack(loop.time()))
    viewer = await site.watch(room, room["watch_invite"])
    await until(lambda: len(viewer.frames.get("audio0", [])) > 20)
    place = site.context.rooms.get(room["room"])
    sessions = [session for person in place.participants.values() for session in person.sessions]
    ports = {
        int(port)
        for session in sessions
        for port in re.findall(r"a=candidate:\S+ 1 udp \d+ \S+ (\d+)", session.peer.pc.localDescription.sdp)
    }
    assert len(ports) == 2
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.setblocking(False)
        for port in ports:
            for datagram in (b"", b"\x15\xfe\xfd" + bytes(10) + b"\2\2\x28", bytes(28), b"\x80" * 12):
                stranger.sendto(datagram, ("127.0.0.1", port))
    heard = len(viewer.frames["audio0"])
    viewer.frames["audio0"].clear()
    await until(lambda: len(viewer.frames["audio0"]) > 50)
    assert heard and all(session.connected for session in sessions)
    assert publisher.pc.connectionState == "connected"


async def test_an_offer_makes_the_server_send_to_few_places(site) -> None:
    """60 candidates at a port of the guest's choice: at most 16 are checked, by messages of bounded size."""
    room = await site.room()
    offer = await plain_offer("whip")
    loop = asyncio.get_running_loop()
    got: dict[int, int] = {}
    victims = []

    class Victim(asyncio.DatagramProtocol):
        def __init__(self, number: int) -> None:
            self.number = number

        def datagram_received(self, data: bytes, addr: object) -> None:
            got[self.number] = max(got.get(self.number, 0), len(data))

    for number in range(40):
        transport, _ = await loop.create_datagram_endpoint(lambda n=number: Victim(n), local_addr=("127.0.0.1", 0))
        victims.append(transport)
    ports = [victim.get_extra_info("sockname")[1] for victim in victims]
    lines = [f"a=candidate:{n} 1 udp {1000 - n} 127.0.0.1 {port} typ host" for n, port in enumerate(ports)]
    offer = re.sub(r"a=candidate:.*\r\n", "", offer)
    offer = re.sub(r"a=ice-ufrag:.*", "a=ice-ufrag:" + "x" * 256, offer) + "\r\n".join(lines) + "\r\n"
    answer = await site.http.post(f"/rooms/{room['room']}/whip", content=offer, headers=auth(room))
    assert answer.status_code == 201, answer.text
    await until(lambda: len(got) == 16)
    await asyncio.sleep(0.2)
    assert len(got) == 16 and max(got.values()) < 400
    await site.http.delete(answer.headers["location"], headers=auth(room))
    for victim in victims:
        victim.close()
    long = offer.replace("x" * 256, "x" * 257)
    answer = await site.http.post(f"/rooms/{room['room']}/whip", content=long, headers=auth(room))
    assert (answer.status_code, answer.json()["reason"][:16]) == (400, "The a=ice-ufrag ")


async def test_private_addresses_are_left_out_where_the_setting_says_so() -> None:
    async with serving(private_candidates=False) as site:
        room = await site.room()
        offer = await plain_offer("whip") + "a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n"
        answer = await site.http.post(f"/rooms/{room['room']}/whip", content=offer, headers=auth(room))
        assert answer.status_code == 201
        (participant,) = site.context.rooms.get(room["room"]).participants.values()
        addresses = participant.publisher.peer._addresses
        assert addresses and {address for address, _ in addresses} == {"127.0.0.1"}
        at = answer.headers["location"]
        headers = auth(room) | {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": answer.headers["etag"]}
        body = "a=mid:0\r\na=candidate:1 1 udp 1 192.168.1.1 9 typ host\r\n"
        assert (await site.http.patch(at, content=body, headers=headers)).status_code == 204
        assert {address for address, _ in addresses} == {"127.0.0.1"}
        body = "".join(f"a=candidate:1 1 udp 1 8.8.8.8 {port} typ host\r\n" for port in range(1, 18))
        refused = await site.http.patch(at, content=body, headers=headers)
        assert (refused.status_code, refused.json()["reason"]) == (400, "There are more than 16 candidates.")
        await site.http.delete(at, headers=auth(room))


async def test_what_cannot_be_served_is_said_and_never_a_500(site) -> None:
    room = await site.room()
    offer = await plain_offer("whip")
    cases = {
        "a=mid": re.sub(r"a=mid:0\r\n", "a=mid:0\r\na=mid:1\r\n", re.sub(r"a=mid:1\r\n", "", offer)),
        "a=fingerprint": re.sub(r"a=fingerprint:.*\r\n", "", offer),
        "a=ice-pwd": re.sub(r"a=ice-pwd:.*\r\n", "", offer),
    }
    for name, text in cases.items():
        answer = await site.http.post(f"/rooms/{room['room']}/whip", content=text, headers=auth(room))
        assert answer.status_code == 400 and name in answer.json()["reason"], (name, answer.text)
    nobody = re.sub(r"a=group:BUNDLE .*", "a=group:BUNDLE nobody 0", offer)
    answer = await site.http.post(f"/rooms/{room['room']}/whip", content=nobody, headers=auth(room))
    assert answer.status_code == 201, "a group of strangers is no reason to refuse, and none to fail"
    assert site.context.rooms.peers.close_failures == 0


async def test_a_client_that_vanishes_is_gone_and_the_reason_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(silence_deadline=0.5, resume_grace=30) as site:
        room = await site.room()
        ann = await site.join(room, "Ann")
        socket_ = await site.control(room, ann["token"])
        guest = await site.publish(room, room["invite"], BeepTrack(asyncio.get_running_loop().time()))
        page = await site.publish(room, ann["token"], BeepTrack(asyncio.get_running_loop().time()))
        place = site.context.rooms.get(room["room"])
        await until(lambda: all(s.connected for p in place.participants.values() for s in p.sessions))
        await asyncio.sleep(0.7)
        assert len(place.participants) == 2, "who sends is not taken for gone"
        socket_.raw.transport.abort()
        for client in (guest, page):
            # The sockets are deaf and dumb from now on: no goodbye reaches the server.
            for protocol in client.pc.getSenders()[0].transport.transport._connection._protocols:
                protocol.transport.abort()
        await until(lambda: place.participants == {}, 5)
        assert site.context.rooms.peers.vanished == 2
        reasons = [m for m in caplog.messages if m.endswith("nothing came from the client for 0.5 s")]
        assert len(reasons) == 2 and all("whip of p" in reason for reason in reasons)
        gone = await site.http.delete(guest.url, headers=guest.headers)
        assert gone.status_code == 404
        assert gone.json() == {"reason": "The session has ended: nothing came from the client for 0.5 s."}


async def test_an_abandoned_offer_says_why_it_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(connect_deadline=0.2) as site:
        room = await site.room()
        offer = await plain_offer("whip")
        answer = await site.http.post(f"/rooms/{room['room']}/whip", content=offer, headers=auth(room))
        place = site.context.rooms.get(room["room"])
        await until(lambda: place.participants == {})
        gone = await site.http.delete(answer.headers["location"], headers=auth(room))
        reason = "not connected within 0.2 s, no connectivity check of the client came: UDP does not get through"
        assert gone.json() == {"reason": f"The session has ended: {reason}."}
        assert len([message for message in caplog.messages if reason in message]) == 1


async def test_a_client_that_closes_is_gone_at_once_and_that_is_said(site) -> None:
    room = await site.room()
    guest = await site.publish(room, room["invite"], BeepTrack(asyncio.get_running_loop().time()))
    place = site.context.rooms.get(room["room"])
    await until(lambda: all(s.connected for p in place.participants.values() for s in p.sessions))
    await guest.pc.close()
    await until(lambda: place.participants == {}, 3)
    gone = await site.http.delete(guest.url, headers=guest.headers)
    assert gone.json() == {"reason": "The session has ended: the client closed it."}


async def test_a_transport_that_fails_is_gone_at_once_and_its_reason_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as site:
        room = await site.room()
        guest = Resource(site.http, bundled(), room["invite"])
        site.opened.append(guest)
        guest.pc.addTransceiver(BeepTrack(asyncio.get_running_loop().time()), "sendonly")
        await guest.pc.setLocalDescription(await guest.pc.createOffer())
        forged = re.sub(
            r"a=fingerprint:sha-(\d+) \S+",
            lambda m: f"a=fingerprint:sha-{m[1]} {zeros(m[1])}",
            guest.pc.localDescription.sdp,
        )
        answer = await site.http.post(f"/rooms/{room['room']}/whip", content=forged, headers=auth(room))
        assert answer.status_code == 201, answer.text
        await guest.pc.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        place = site.context.rooms.get(room["room"])
        await until(lambda: place.participants == {}, 5)
        reason = "the client's certificate is not the one of the offer's a=fingerprint"
        gone = await site.http.delete(answer.headers["location"], headers=auth(room))
        assert gone.json() == {"reason": f"The session has ended: {reason}."}
        assert len([message for message in caplog.messages if reason in message]) == 1


def zeros(bits: str) -> str:
    return ":".join(["00"] * (int(bits) // 8))
