"""A network that loses packets: the sound keeps its delay, the pictures go on."""

import time

from streamer.clock import now
from streamer.rtc.blocks import AudioBlock
from streamer.rtc.ingest import Ingest
from tests.live.peers import BeepTrack, FlashTrack, connection, negotiate, until


async def test_lost_packets_add_no_delay() -> None:
    publisher, server = connection(), connection()
    origin = time.monotonic() + 0.5
    publisher.addTrack(BeepTrack(origin))
    publisher.addTrack(FlashTrack(origin))
    transport = publisher.getSenders()[0].transport
    send, sent, lost = transport._send_rtp, [0], [0]

    async def send_most(data: bytes) -> None:
        # Every 12th packet is lost, sound and picture alike; RTCP (types 200 to 206) gets through.
        sent[0] += 1
        if sent[0] % 12 == 0 and not 200 <= data[1] <= 206:
            lost[0] += 1
            return
        await send(data)

    transport._send_rtp = send_most
    delays: list[float] = []

    def heard(block: AudioBlock) -> None:
        delays.append(now() - block.t)

    ingest = Ingest(on_audio=heard)
    try:
        await negotiate(publisher, server, lambda: ingest.attach(server))
        await until(lambda: len(delays) >= 250, 15)
    finally:
        await ingest.close()
        await publisher.close()
        await server.close()
    statistics = ingest.statistics()
    assert lost[0] >= 20
    # Each lost packet is one block of silence and no more (aiortc's own buffer would pile up 0.3 s).
    gaps = statistics.audio_filled / 960
    assert 5 <= gaps <= lost[0]
    assert statistics.audio_blocks >= 250
    early, late = sorted(delays[20:70])[25], sorted(delays[-50:])[25]
    assert late - early < 0.06
    assert statistics.video_frames > 60
