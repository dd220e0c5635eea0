"""A viewer whose way is narrow makes the publisher send less, through the server."""

from __future__ import annotations

import time
from types import SimpleNamespace

from tests.live.conftest import Site
from tests.live.peers import FlashTrack, until


async def test_a_viewers_bandwidth_reaches_the_publisher(site: Site) -> None:
    room = await site.room()
    ada, eve = await site.join(room, "Ada"), await site.join(room, "Eve")
    publisher = await site.publish(room, ada["token"], FlashTrack(time.monotonic()))
    [sender] = publisher.pc.getSenders()
    watcher = await site.watch(room, eve["token"])
    [receiver] = [receiver for receiver in watcher.pc.getReceivers() if receiver.track.kind == "video"]
    measured = [320_000]

    def estimate(ssrc: int, **packet: int) -> tuple[int, list[int]]:
        return measured[0], [ssrc]

    # What a browser would measure of its own way.
    vars(receiver)["_RTCRtpReceiver__remote_bitrate_estimator"] = SimpleNamespace(add=estimate)

    def target() -> int:
        encoder = vars(sender)["_RTCRtpSender__encoder"]
        return 0 if encoder is None else encoder.target_bitrate

    await until(lambda: target() == 320_000, 20)
    measured[0] = 400_000
    await until(lambda: target() > 320_000, 20)
