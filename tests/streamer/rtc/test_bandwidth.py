"""The viewers' bandwidth on its way to the publisher."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.rtp import RTCP_PSFB_APP, RtcpPacket, RtcpPsfbPacket, pack_remb_fci, unpack_remb_fci

from streamer.rtc.bandwidth import ENOUGH, INTERVAL, LEAST, MOST, STALE, Demand, Shares, Uplink, bits_for, on_estimate
from streamer.rtc.relay import RelayFrame, VideoSource
from tests.streamer.rtc.test_relay import viewing


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        ([900_000], 900_000),
        ([900_000, 2_000_000], 900_000),
        ([200_000, 900_000, 2_000_000], 200_000),
        # Of four one may be bad, of eight two; more than that are not outliers.
        ([10_000, 900_000, 2_000_000, 3_000_000], 900_000),
        ([10_000, 20_000, 900_000, 2_000_000], LEAST),
        ([10_000, 20_000, *[700_000] * 6], 700_000),
        ([1_000], LEAST),
        ([10**12], MOST),
    ],
)
def test_a_publisher_is_told_the_least_but_for_outliers(shares: list[float], told: int) -> None:
    demand = Demand()
    for viewer, share in enumerate(shares):
        demand.note(viewer, share, 100.0)
    assert demand.step(100.0) == told


def test_it_is_told_once_a_second_and_set_free_when_nobody_says_anything() -> None:
    demand, told = Demand(), []
    assert demand.step(0.0) is None, "without viewers there is nothing to say"
    for n in range(300):
        now = n / 30
        demand.note("eve", 500_000 + n, now)
        bits = demand.step(now)
        if bits is not None:
            told.append((now, bits))
    assert len(told) == 10 and all(b - a >= INTERVAL for (a, _), (b, _) in itertools.pairwise(told))
    assert told[-1][1] >= 500_000 + 269
    # She leaves; another one's word is too old.
    demand.note("dan", 300_000, 10.0)
    demand.forget("eve")
    demand.forget("nobody")
    assert demand.step(11.0) == 300_000
    assert demand.step(10.0 + STALE) == MOST
    assert demand.step(30.0) is None


def test_a_way_is_divided_by_what_goes_over_it() -> None:
    shares: Shares[str] = Shares()
    assert shares.step(1e6, {}, 0.0) == {}
    assert shares.step(2_000_000, {"a": 0, "b": 0}, 0.0) == {"a": 1_000_000, "b": 1_000_000}
    # What needs much has it while there is room, and what rests may begin to move.
    assert shares.step(2_400_000, {"a": 150_000, "b": 10_000}, 1.0) == {"a": 2_250_000, "b": 1_200_000}
    assert shares.step(9e9, {"a": 160_000, "b": 20_000}, 1.5) == {}, "not so soon"
    assert shares.step(800_000, {"a": 300_000, "b": 20_000}, 2.0)["a"] == 750_000
    # A picture that has just come counts as at rest.
    assert set(shares.step(800_000, {"a": 450_000, "c": 5_000}, 3.0).values()) == {800_000, 400_000}


async def test_a_viewers_estimate_is_read_and_what_is_no_estimate_is_not() -> None:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    sender = pc.addTransceiver("video", "sendonly").sender
    heard: list[int] = []
    on_estimate(sender, heard.append)

    async def receive(content: bytes) -> None:
        [packet] = RtcpPacket.parse(bytes(RtcpPsfbPacket(RTCP_PSFB_APP, 1, 0, content)))
        await sender._handle_rtcp_packet(packet)

    await receive(pack_remb_fci(512_000, [sender._ssrc]))
    await receive(pack_remb_fci(300_000, [sender._ssrc ^ 1]))
    await receive(b"XXXX" + bytes(8))
    assert heard == [512_000]
    with pytest.raises(Exception, match="requires a buffer"):
        # aiortc's own reading of it raises; whoever hands packets on takes care of that.
        await receive(pack_remb_fci(300_000, [sender._ssrc])[:8])
    assert heard == [512_000]
    await pc.close()


class Estimator:
    """Stands in for aiortc's estimate of the way from the publisher."""

    def __init__(self) -> None:
        self.ssrcs = {77: 0, 78: 0}
        self.next: tuple[int, list[int]] | None = None

    def add(self, **packet: Any) -> tuple[int, list[int]] | None:
        return self.next


async def test_a_publisher_hears_the_less_of_both_ways() -> None:
    sent: list[tuple[int, list[int]]] = []

    async def send(packet: RtcpPsfbPacket) -> None:
        assert (packet.fmt, packet.ssrc, packet.media_ssrc) == (RTCP_PSFB_APP, 5, 0)
        sent.append(unpack_remb_fci(packet.fci))

    estimator = Estimator()
    receiver = SimpleNamespace(_send_rtcp=send)
    vars(receiver)["_RTCRtpReceiver__remote_bitrate_estimator"] = estimator
    vars(receiver)["_RTCRtpReceiver__rtcp_ssrc"] = 5
    uplink = Uplink(receiver)  # type: ignore[arg-type]
    in_place = vars(receiver)["_RTCRtpReceiver__remote_bitrate_estimator"]
    assert in_place.add(ssrc=77) is None
    await uplink.tell(512_000)
    assert sent == [(512_000, [77, 78])]
    # aiortc's own message goes by the limit, and ours by what aiortc measured.
    estimator.next = 2_000_000, [77]
    assert in_place.add(ssrc=77) == (512_000, [77])
    estimator.next = 256_000, [77]
    assert in_place.add(ssrc=77) == (256_000, [77])
    await uplink.tell(512_000)
    assert sent[-1] == (256_000, [77, 78])
    estimator.ssrcs.clear()
    await uplink.tell(512_000)
    assert len(sent) == 2, "nobody has sent yet"


async def test_who_sees_a_picture_has_a_say_and_who_leaves_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("streamer.rtc.relay.now", lambda: clock[0])
    source, told = VideoSource(hold=0.0), []
    source.on_bandwidth = told.append
    viewers = [viewing()[0] for _ in range(2)]
    other = viewing("H264")[0]
    for slot in (*viewers, other):
        slot.set_source(source)

    def picture() -> None:
        clock[0] += 1.01
        source.encoded(RelayFrame("VP8", b"\x00", clock[0], True))

    picture()
    assert told == []
    for slot, share in zip((*viewers, other), (400_000, 900_000, 160_000), strict=True):
        source.note_share(slot, share)
    picture()
    assert told == [400_000], "another codec is encoded here"
    viewers[0].set_source(None)
    source.note_share(viewers[0], 160_000)
    picture()
    assert told == [400_000, 900_000]


def test_a_picture_gets_what_its_largest_place_has_use_for() -> None:
    assert [bits_for(width) for width in (0, 160, 640, 10_000)] == [ENOUGH, ENOUGH, 1_228_800, MOST]
    demand = Demand()
    assert demand.step(0.0, 600_000) == 600_000
    demand.note("eve", 2_000_000, 2.0)
    assert demand.step(2.0, 600_000) == 600_000
    demand.note("eve", 200_000, 4.0)
    assert demand.step(4.0, 600_000) == 200_000, "no more than her way carries"
    demand.forget("eve")
    assert demand.step(6.0) == MOST
    assert demand.step(8.0) is None


async def test_the_largest_place_counts_and_once_nobody_looks_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("streamer.rtc.relay.now", lambda: clock[0])
    source, told = VideoSource(hold=0.0), []
    source.on_bandwidth = told.append
    small, large = (viewing()[0] for _ in range(2))
    small.wanted, large.wanted = bits_for(160), bits_for(640)
    for slot in (small, large):
        slot.set_source(source)

    def picture() -> None:
        clock[0] += 1.01
        source.encoded(RelayFrame("VP8", b"\x00", clock[0], True))

    picture()
    large.set_source(None)
    picture()
    small.set_source(None)
    picture()
    assert told == [1_228_800, ENOUGH, ENOUGH]
