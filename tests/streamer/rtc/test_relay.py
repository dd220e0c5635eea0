import asyncio
import itertools
from typing import Any

import av
import numpy as np
import pytest
from aiortc.codecs.h264 import H264Encoder
from aiortc.mediastreams import MediaStreamError

from streamer.rtc import relay
from streamer.rtc.bitstream import h264_units
from streamer.rtc.relay import (
    BACKLOG,
    KEYFRAME_INTERVAL,
    VIEWER_ASKS_A_SECOND,
    VIEWER_ASKS_AT_ONCE,
    RelayFrame,
    SlotTrack,
    VideoSource,
)
from streamer.rtc.video_encoder import FrameEncoder


def picture(n: int, key: bool = False, codec: str = "VP8", t: float | None = None) -> RelayFrame:
    return RelayFrame(codec, bytes([n % 256]), 1000.0 + n / 30 if t is None else t, key)


async def play(slot: SlotTrack, count: int) -> list[Any]:
    async with asyncio.timeout(5):
        return [await slot.recv() for _ in range(count)]


async def test_a_slot_begins_at_a_keyframe_and_asks_for_it() -> None:
    asked: list[int] = []
    source, slot = VideoSource(), SlotTrack(hold=0.0)
    source.on_keyframe_wanted = lambda: asked.append(1)
    slot.set_source(source)
    assert asked == [1]
    for n in range(5):
        source.encoded(picture(n, key=n == 2))
    packets = await play(slot, 3)
    assert [bytes(packet)[0] for packet in packets] == [2, 3, 4]
    assert [packet.pts for packet in packets] == [round((1000 + n / 30) * 90_000) for n in (2, 3, 4)]
    assert packets[0].is_keyframe and not packets[1].is_keyframe


async def test_keyframe_requests_are_spaced_and_none_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(relay, "now", lambda: clock[0])
    asked: list[float] = []
    source = VideoSource()
    source.on_keyframe_wanted = lambda: asked.append(clock[0])
    slots = [SlotTrack(hold=0.0) for _ in range(5)]
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


async def test_a_viewer_who_asks_all_the_time_is_given_few_keyframes_and_always_one_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [100.0]
    monkeypatch.setattr(relay, "now", lambda: clock[0])
    asked: list[float] = []
    source = VideoSource()
    source.on_keyframe_wanted = lambda: asked.append(clock[0])
    flooding, honest = SlotTrack(hold=0.0), SlotTrack(hold=0.0)
    for slot in (flooding, honest):
        slot.set_source(source)
    minute, answered = 60 * 30, 0
    for n in range(minute):
        for _ in range(100):
            flooding._viewer_lost_picture()
        # The publisher answers each request with the next picture.
        key, answered = len(asked) > answered, len(asked)
        source.encoded(picture(n, key))
        clock[0] += 1 / 30
        for slot in (flooding, honest):
            slot._queue.clear()  # as if it had been sent
    most = VIEWER_ASKS_AT_ONCE + 60 * VIEWER_ASKS_A_SECOND
    assert most - 2 <= len(asked) <= most + 1, "one of them is for those who came"
    clock[0] += KEYFRAME_INTERVAL
    honest._viewer_lost_picture()
    assert asked[-1] == clock[0], "the other viewer does not pay for it"


async def test_a_keyframe_that_was_asked_for_too_early_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(relay, "now", lambda: clock[0])
    asked: list[float] = []
    source = VideoSource()
    source.on_keyframe_wanted = lambda: asked.append(clock[0])
    slot = SlotTrack(hold=0.0)
    slot.set_source(source)
    source.encoded(picture(0, key=True))
    for n in range(round(VIEWER_ASKS_AT_ONCE)):
        clock[0] += 1.0
        slot._viewer_lost_picture()
        source.encoded(picture(n, key=True))
    while slot._asks.tokens >= 1:
        slot._asks.take(clock[0])
    before = len(asked)
    slot._viewer_lost_picture()
    assert len(asked) == before
    lost_at = clock[0]
    while len(asked) == before:
        clock[0] += 1 / 30
        source.encoded(picture(1))
        assert clock[0] < lost_at + 2 / VIEWER_ASKS_A_SECOND
    assert clock[0] - lost_at <= 1 / VIEWER_ASKS_A_SECOND + 0.1


async def test_pictures_are_held_back() -> None:
    loop = asyncio.get_running_loop()
    source, slot = VideoSource(), SlotTrack(hold=0.08)
    slot.set_source(source)
    start = loop.time()
    source.encoded(picture(0, key=True))
    await play(slot, 1)
    assert loop.time() - start >= 0.079


async def test_a_slot_waits_without_a_source_and_changes_it_on_the_fly() -> None:
    slot = SlotTrack(hold=0.0)
    waiting = asyncio.create_task(slot.recv())
    await asyncio.sleep(0.02)
    assert not waiting.done()
    first, second = VideoSource(), VideoSource()
    slot.set_source(first)
    first.encoded(picture(0, key=True, t=2000.0))
    assert (await waiting).pts == 2000 * 90_000
    first.encoded(picture(1, t=2000.1))
    slot.set_source(second)
    first.encoded(picture(2, t=2000.2))
    # The second publisher's time lies a little before the first's: timestamps go on, `rtp_base` moves along.
    slot.rtp_base = 7
    moved: list[int] = []
    slot._on_rtp_base = moved.append
    second.encoded(picture(3, key=True, t=1999.9))
    second.encoded(picture(4, t=1999.95))
    packets = await play(slot, 2)
    assert [bytes(packet)[0] for packet in packets] == [3, 4]
    assert packets[0].pts == 2000 * 90_000 + 3000
    assert packets[1].pts - packets[0].pts == 4500
    assert slot.rtp_base == 7 + 9000 + 3000 and moved == [slot.rtp_base]
    assert first.statistics().viewers == 0 and second.statistics().viewers == 1


async def test_a_viewer_that_does_not_read_is_bounded() -> None:
    source, slot = VideoSource(), SlotTrack(hold=0.0)
    slot.set_source(source)
    source.encoded(picture(0, key=True))
    for n in range(1, BACKLOG + 20):
        source.encoded(picture(n))
    assert len(slot._queue) == 0 and slot.waiting
    assert slot.dropped == BACKLOG + 1
    source.encoded(picture(200, key=True))
    assert bytes((await play(slot, 1))[0])[0] == 200


async def test_stop_ends_a_waiting_slot() -> None:
    source, slot = VideoSource(), SlotTrack()
    slot.set_source(source)
    waiting = asyncio.create_task(slot.recv())
    await asyncio.sleep(0)
    slot.stop()
    with pytest.raises(MediaStreamError):
        await waiting
    assert source.statistics().viewers == 0
    slot.stop()
    slot.set_source(source)
    assert source.statistics().viewers == 0


def gray(n: int, size: tuple[int, int] = (160, 120)) -> av.VideoFrame:
    planes = np.full((size[1] * 3 // 2, size[0]), 128, np.uint8)
    planes[: size[1], : 2 * n] = 200
    return av.VideoFrame.from_ndarray(planes, format="yuv420p")


async def test_one_encoder_serves_all_viewers_of_another_codec() -> None:
    source = VideoSource()
    slots = [SlotTrack("VP8", hold=0.0) for _ in range(3)]
    source.encoded(picture(0, key=True, codec="H264"))
    for slot in slots:
        slot.set_source(source)
    for n in range(5):
        source.decoded(1000.0 + n / 30, gray(n))
        async with asyncio.timeout(5):
            while source.statistics().reencoded <= n:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
    assert source.statistics().reencoded == 5
    for slot in slots:
        packets = await play(slot, 5)
        assert packets[0].is_keyframe
        decoder = av.CodecContext.create("libvpx", "r")
        pictures = [frame for packet in packets for frame in decoder.decode(packet)]
        assert len(pictures) == 5
    # Nobody needs it any more: the encoder goes.
    for slot in slots:
        slot.set_source(None)
    source.decoded(1001.0, gray(9))
    assert not source._encoders
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
    source, slot = VideoSource(), SlotTrack("H264", hold=0.0)
    for n, (data, key) in enumerate(frames):
        if n == 4:  # a sender that sent SPS and PPS only once
            data = b"".join(b"\x00\x00\x00\x01" + unit for kind, unit in units[n] if kind == 5)
            slot.set_source(source)
        source.encoded(RelayFrame("H264", data, n / 30, key))
    packets = await play(slot, 2)
    assert {7, 8, 5} <= {kind for kind, _ in h264_units(bytes(packets[0]))}
    decoder = av.CodecContext.create("h264", "r")
    assert len([frame for packet in [*packets, None] for frame in decoder.decode(packet)]) == 2
    # aiortc packs the same units that it was given.
    payloads, timestamp = H264Encoder().pack(packets[0])
    assert payloads and timestamp == packets[0].pts


async def test_h264_with_an_empty_unit_does_not_end_the_viewers_sender() -> None:
    hostile = b"\x00\x00\x00\x01\x65\x11\x00\x00\x01\x00\x00\x01\x65"
    source, slot = VideoSource(), SlotTrack("H264", hold=0.0)
    slot.set_source(source)
    source.encoded(RelayFrame("H264", hostile, 0.0, True))
    [packet] = await play(slot, 1)
    assert h264_units(bytes(packet)) == [(5, b"\x65\x11"), (5, b"\x65")]
    assert H264Encoder().pack(packet)[0]
