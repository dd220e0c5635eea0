"""A publisher, the server and a viewer over real transports: pictures pass untouched or are encoded once."""

import asyncio
import contextlib
import itertools
import time

import av
import numpy as np
import pytest
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from streamer.rtc import rtp
from streamer.rtc.ingest import Ingest
from streamer.rtc.relay import VideoSource
from streamer.rtc.slot import SlotTrack
from tests.live.peers import FlashTrack, connection, negotiate, until

PREFERRED = ["video/VP8", "video/H264"]


class Seen:
    """What a viewer decodes: RTP timestamp and brightness of each picture, and the RTP pts it came with."""

    def __init__(self) -> None:
        self.pictures: list[tuple[int, float]] = []

    async def read(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                assert isinstance(frame, av.VideoFrame) and frame.pts is not None
                luma = np.frombuffer(memoryview(frame.planes[0]), np.uint8)
                self.pictures.append((frame.pts, float(luma[:100].mean())))


@pytest.mark.parametrize("codecs", [("VP8", "VP8"), ("H264", "H264"), ("VP8", "H264"), ("H264", "VP8")])
async def test_pictures_reach_the_viewer(codecs: tuple[str, str]) -> None:
    published, viewed = codecs
    publisher, ingress, egress, viewer = (connection() for _ in range(4))
    publisher.addTrack(FlashTrack(time.monotonic() + 0.5))
    rtp.prefer_codecs(publisher, [f"video/{published}"])
    viewer.addTransceiver("video", "recvonly")
    rtp.prefer_codecs(viewer, [f"video/{viewed}"])

    source = VideoSource()
    times: list[float] = []
    ingest = Ingest(on_video=lambda t, frame: times.append(t), source=source)
    slot = SlotTrack()
    seen = Seen()
    tasks = []

    def watch() -> None:
        (transceiver,) = egress.getTransceivers()
        slot.bind(transceiver)
        transceiver.direction = "sendonly"

    try:
        await negotiate(publisher, ingress, lambda: ingest.attach(ingress))
        await until(lambda: ingest.statistics().video_frames > 5)
        assert source.codec == published
        # The viewer comes in the middle of the stream: without a key frame it would see nothing.
        await negotiate(viewer, egress, watch)
        assert slot.codec == viewed
        tasks.append(asyncio.create_task(seen.read(viewer.getReceivers()[0].track)))
        slot.set_source(source)
        await until(lambda: len(seen.pictures) >= 45)
        statistics = source.statistics()
        assert (statistics.reencoded > 0) == (published != viewed)
        assert slot.rtp_base is not None
        # rtp = rtp_base + round(t * 90000): the viewer's timestamps name the publisher's pictures.
        origin = rtp.pts_of(viewer.getReceivers()[0], 0)
        assert origin is not None
        sent = {(slot.rtp_base + round(t * 90_000) + origin) % 2**32 for t in times}
        assert sum(pts in sent for pts, _ in seen.pictures) >= 40
        brightness = [value for _, value in seen.pictures]
        assert max(brightness) > 220 and min(brightness) < 30
        # The viewer loses a picture and says so: the next key frame comes soon.
        keyframes, reencoded = source.statistics().keyframes, source.statistics().reencoded
        if published == viewed:
            await rtp.request_keyframe(viewer.getReceivers()[0])
            await until(lambda: source.statistics().keyframes > keyframes)
        else:
            await until(lambda: source.statistics().reencoded > reencoded)
        # Nobody: the sender idles and lives on; then the source again.
        slot.set_source(None)
        await asyncio.sleep(0.3)
        count = len(seen.pictures)
        slot.set_source(source)
        await until(lambda: len(seen.pictures) > count + 10)
    finally:
        source.close()
        await ingest.close()
        for pc in (publisher, ingress, egress, viewer):
            await pc.close()
        await asyncio.gather(*tasks)
    assert slot.readyState == "ended"
    assert all(a < b for (a, _), (b, _) in itertools.pairwise(seen.pictures))
