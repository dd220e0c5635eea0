import asyncio
import itertools

import av
import numpy as np
import pytest
from aiortc.codecs.h264 import h264_depayload
from aiortc.codecs.vpx import VpxPayloadDescriptor, vp8_depayload
from aiortc.mediastreams import MediaStreamError

from streamer.rtc import relay
from streamer.rtc.bitstream import h264_units, is_keyframe
from streamer.rtc.relay import BACKLOG, RelayFrame, VideoSource
from streamer.rtc.slot import SlotTrack
from streamer.rtc.video_encoder import FrameEncoder


def picture(n: int, key: bool = False, codec: str = "VP8", t: float | None = None) -> RelayFrame:
    return RelayFrame(codec, bytes([n % 256]), 1000.0 + n / 30 if t is None else t, key)


class Out:
    """Stands in for a `PacketSender`: keeps what is sent."""

    def __init__(self) -> None:
        self.ready = True
        self.full = False
        self.frames: list[tuple[list[bytes], int]] = []

    def send(self, payloads: list[bytes], pts: int) -> bool:
        if self.ready and not self.full:
            self.frames.append((list(payloads), pts))
        return self.ready and not self.full

    @property
    def pictures(self) -> list[bytes]:
        """VP8 pictures without their descriptors."""
        return [b"".join(vp8_depayload(payload) for payload in payloads) for payloads, _ in self.frames]

    @property
    def units(self) -> list[bytes]:
        """H264 pictures in Annex B."""
        return [b"".join(h264_depayload(payload) for payload in payloads) for payloads, _ in self.frames]

    @property
    def stamps(self) -> list[int]:
        return [pts for _, pts in self.frames]


def viewing(codec: str = "VP8") -> tuple[SlotTrack, Out]:
    slot, out = SlotTrack(codec), Out()
    slot.out = out  # type: ignore[assignment]
    return slot, out


async def test_a_slot_begins_at_a_keyframe_and_asks_for_it() -> None:
    asked: list[int] = []
    source, (slot, out) = VideoSource(hold=0.0), viewing()
    source.on_keyframe_wanted = lambda: asked.append(1)
    slot.set_source(source)
    assert asked == [1]
    for n in range(5):
        source.encoded(picture(n, key=n == 2))
    assert out.pictures == [bytes([n]) for n in (2, 3, 4)]
    assert out.stamps == [round((1000 + n / 30) * 90_000) for n in (2, 3, 4)]
    assert slot.played == 3


async def test_who_is_not_connected_asks_for_nothing_and_begins_when_they_are() -> None:
    asked: list[int] = []
    source, (slot, out) = VideoSource(hold=0.0), viewing()
    source.on_keyframe_wanted = lambda: asked.append(1)
    out.ready = False
    slot.set_source(source)
    for n in range(5):
        source.encoded(picture(n, key=n == 0))
    assert asked == [] and out.pictures == [] and slot.dropped == 0
    out.ready = True
    source.encoded(picture(5))
    assert asked == [1]
    source.encoded(picture(6, key=True))
    assert out.pictures == [b"\x06"]


async def test_all_viewers_get_one_packing_with_numbers_of_their_own() -> None:
    source, viewers = VideoSource(hold=0.0), [viewing() for _ in range(3)]
    viewers[0][0].set_source(source)
    data = bytes(range(256)) * 20
    for n in range(3):
        if n == 2:
            for slot, _ in viewers[1:]:
                slot.set_source(source)
        source.encoded(RelayFrame("VP8", data, 1000.0 + n, True))
    assert [len(out.frames) for _, out in viewers] == [3, 1, 1]
    for _, out in viewers:
        assert out.pictures[-1] == data
        assert [VpxPayloadDescriptor.parse(payloads[0])[0].picture_id for payloads, _ in out.frames] == list(
            range(len(out.frames))
        )
        for payloads, _ in out.frames:
            starts = [VpxPayloadDescriptor.parse(payload)[0].partition_start for payload in payloads]
            assert starts == [1, 0, 0, 0] and max(map(len, payloads)) <= 1300


async def test_keyframe_requests_are_spaced_and_none_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(relay, "now", lambda: clock[0])
    asked: list[float] = []
    source = VideoSource(hold=0.0)
    source.on_keyframe_wanted = lambda: asked.append(clock[0])
    slots = [viewing()[0] for _ in range(5)]
    for slot in slots:
        slot.set_source(source)
        clock[0] += 0.05
    assert asked == [100.0]
    for n in range(60):  # the publisher sends none: it is asked again, twice a second
        source.encoded(picture(n))
        clock[0] += 1 / 30
    assert len(asked) == 5
    assert all(b - a >= 0.5 for a, b in itertools.pairwise(asked))
    source.encoded(picture(60, key=True))
    for n in range(61, 120):
        source.encoded(picture(n))
        clock[0] += 1 / 30
    assert len(asked) == 5
    assert source.statistics().keyframe_requests == 5


async def test_pictures_are_held_back() -> None:
    loop = asyncio.get_running_loop()
    source, (slot, out) = VideoSource(hold=0.08), viewing()
    slot.set_source(source)
    start = loop.time()
    for n in range(3):
        source.encoded(picture(n, key=n == 0))
    assert not out.frames and not source._wanting("VP8"), "a key frame is on its way"
    async with asyncio.timeout(5):
        while len(out.frames) < 3:  # noqa: ASYNC110 - the source tells nobody
            await asyncio.sleep(0.005)
    assert loop.time() - start >= 0.079
    assert out.pictures == [b"\x00", b"\x01", b"\x02"]


async def test_a_slot_changes_its_source_on_the_fly() -> None:
    slot, out = viewing()
    first, second = VideoSource(hold=0.0), VideoSource(hold=0.0)
    slot.set_source(first)
    first.encoded(picture(0, key=True, t=2000.0))
    assert out.stamps == [2000 * 90_000]
    slot.set_source(second)
    first.encoded(picture(2, t=2000.2))
    # The second publisher's time lies a little before the first's: timestamps go on, `rtp_base` moves along.
    slot.rtp_base = 7
    moved: list[int] = []
    slot._on_rtp_base = moved.append
    second.encoded(picture(3, key=True, t=1999.9))
    second.encoded(picture(4, t=1999.95))
    assert out.pictures == [b"\x00", b"\x03", b"\x04"]
    assert out.stamps[1] == 2000 * 90_000 + 3000
    assert out.stamps[2] - out.stamps[1] == 4500
    assert slot.rtp_base == 7 + 9000 + 3000 and moved == [slot.rtp_base]
    assert first.statistics().viewers == 0 and second.statistics().viewers == 1


async def test_a_publisher_that_floods_is_bounded() -> None:
    source, (slot, out) = VideoSource(hold=0.05), viewing()
    slot.set_source(source)
    for n in range(BACKLOG + 20):
        source.encoded(picture(n, key=n == 0))
    assert len(source._held) == 20 and source.statistics().dropped == BACKLOG
    await asyncio.sleep(0.1)
    assert out.frames == [] and slot.waiting, "what is left hangs on what was dropped"
    source.encoded(picture(200, key=True))
    async with asyncio.timeout(5):
        while not out.frames:  # noqa: ASYNC110 - the source tells nobody
            await asyncio.sleep(0.005)
    assert out.pictures == [bytes([200])]


async def test_who_cannot_be_sent_a_picture_waits_for_a_keyframe() -> None:
    source, (slot, out) = VideoSource(hold=0.0), viewing()
    slot.set_source(source)
    source.encoded(picture(0, key=True))
    out.full = True
    source.encoded(picture(1))
    out.full = False
    source.encoded(picture(2))
    assert slot.dropped == 1 and slot.wants_keyframe
    source.encoded(picture(3, key=True))
    assert out.pictures == [b"\x00", b"\x03"]


async def test_a_stopped_slot_leaves_its_source() -> None:
    source, (slot, _) = VideoSource(), viewing()
    slot.set_source(source)
    slot.stop()
    assert source.statistics().viewers == 0
    slot.stop()
    slot.set_source(source)
    assert source.statistics().viewers == 0
    with pytest.raises(MediaStreamError):
        await slot.recv()


def gray(n: int, size: tuple[int, int] = (160, 120)) -> av.VideoFrame:
    planes = np.full((size[1] * 3 // 2, size[0]), 128, np.uint8)
    planes[: size[1], : 2 * n] = 200
    return av.VideoFrame.from_ndarray(planes, format="yuv420p")


async def test_one_encoder_serves_all_viewers_of_another_codec() -> None:
    source = VideoSource(hold=0.0)
    viewers = [viewing() for _ in range(3)]
    source.encoded(picture(0, key=True, codec="H264"))
    for slot, _ in viewers:
        slot.set_source(source)
    for n in range(5):
        source.decoded(1000.0 + n / 30, gray(n))
        async with asyncio.timeout(5):
            while source.statistics().reencoded <= n:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
    assert source.statistics().reencoded == 5
    for _, out in viewers:
        assert len(out.frames) == 5
        assert is_keyframe("VP8", out.pictures[0])
        decoder = av.CodecContext.create("libvpx", "r")
        pictures = [frame for data in out.pictures for frame in decoder.decode(av.Packet(data))]
        assert len(pictures) == 5
    # Nobody needs it any more: the encoder goes.
    for slot, _ in viewers:
        slot.set_source(None)
    source.decoded(1001.0, gray(9))
    assert not source._encoders
    source.close()


async def test_who_connects_late_gets_a_keyframe_of_what_is_encoded_here_too() -> None:
    source, (slot, out) = VideoSource(hold=0.0), viewing("VP8")
    out.ready = False
    source.encoded(picture(0, key=True, codec="H264"))
    slot.set_source(source)
    for n in range(8):
        out.ready = n >= 3
        source.decoded(1000.0 + n / 30, gray(n))
        async with asyncio.timeout(5):
            while source.statistics().reencoded <= n:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
    assert len(out.frames) >= 3 and is_keyframe("VP8", out.pictures[0])
    source.close()


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_the_encoder_gives_keyframes_on_request_and_at_a_new_size(codec: str) -> None:
    encoder = FrameEncoder(codec)
    keys = []
    for n in range(12):
        size = (160, 120) if n < 8 else (121, 91)
        data, key = encoder.step(10 + n / 30, gray(n, size) if n < 8 else gray(n, (122, 92)), n == 5)
        assert data
        keys.append(key)
    assert [n for n, key in enumerate(keys) if key] == [0, 5, 8]
    with pytest.raises(ValueError, match="no encoder"):
        FrameEncoder("AV1")


def test_odd_sides_and_other_formats_are_encoded() -> None:
    frame = av.VideoFrame.from_ndarray(np.zeros((91, 121, 3), np.uint8), format="rgb24")
    data, key = FrameEncoder("VP8").step(0.0, frame, False)
    assert data and key


async def test_h264_keyframes_carry_their_parameter_sets() -> None:
    encoder = FrameEncoder("H264")
    frames = [encoder.step(n / 30, gray(n), n == 4) for n in range(6)]
    units = [h264_units(data) for data, _ in frames]
    assert {7, 8, 5} <= {kind for kind, _ in units[0]}
    source, (slot, out) = VideoSource(hold=0.0), viewing("H264")
    for n, (data, key) in enumerate(frames):
        if n == 4:  # a sender that sent SPS and PPS only once
            data = b"".join(b"\x00\x00\x00\x01" + unit for kind, unit in units[n] if kind == 5)
            slot.set_source(source)
        source.encoded(RelayFrame("H264", data, n / 30, key))
    assert len(out.units) == 2
    assert {7, 8, 5} <= {kind for kind, _ in h264_units(out.units[0])}
    decoder = av.CodecContext.create("h264", "r")
    packets = [av.Packet(data) for data in out.units]
    assert len([frame for packet in [*packets, None] for frame in decoder.decode(packet)]) == 2


async def test_h264_with_an_empty_unit_does_not_end_the_viewers_sender() -> None:
    hostile = b"\x00\x00\x00\x01\x65\x11\x00\x00\x01\x00\x00\x01\x65"
    source, (slot, out) = VideoSource(hold=0.0), viewing("H264")
    slot.set_source(source)
    source.encoded(RelayFrame("H264", hostile, 0.0, True))
    [units] = out.units
    assert h264_units(units) == [(5, b"\x65\x11"), (5, b"\x65")]
