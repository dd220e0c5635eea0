import itertools
import time

import av
import numpy as np
import pytest

from streamer.rtc import rtp
from streamer.rtc.blocks import AudioBlock
from streamer.rtc.ingest import Ingest
from tests.live.peers import BeepTrack, FlashTrack, connection, negotiate, until


class Onsets:
    """Notes the publisher's time of each rising edge, after both streams have reports."""

    def __init__(self) -> None:
        self.flashes: list[float] = []
        self.beeps: list[float] = []
        self.times: dict[str, list[float]] = {"audio": [], "video": []}
        self._bright = self._loud = True
        self.count = False

    def audio(self, block: AudioBlock) -> None:
        self.times["audio"].append(block.t)
        loud = np.abs(block.pcm) > 0.1
        if loud.any() and not self._loud and self.count:
            self.beeps.append(block.t + int(np.argmax(loud)) / 48_000)
        self._loud = bool(loud.any())

    def video(self, t: float, frame: av.VideoFrame) -> None:
        self.times["video"].append(t)
        bright = np.frombuffer(memoryview(frame.planes[0]), np.uint8)[:100].mean() > 125
        if bright and not self._bright and self.count:
            self.flashes.append(t)
        self._bright = bool(bright)


@pytest.mark.parametrize(("late_sound", "late_picture"), [(0.7, 0.0), (0.0, 0.45)])
async def test_flash_and_beep_meet(late_sound: float, late_picture: float) -> None:
    publisher, server = connection(), connection()
    origin = time.monotonic() + 1.0
    publisher.addTrack(BeepTrack(origin, late_sound))
    publisher.addTrack(FlashTrack(origin, late_picture))
    onsets = Onsets()
    ingest = Ingest(onsets.audio, onsets.video)
    try:
        await negotiate(publisher, server, lambda: ingest.attach(server))
        await until(lambda: ingest.statistics().reported)
        # What was in the decoders when the clock changed still has its old time.
        seen = ingest.statistics().video_frames
        await until(lambda: ingest.statistics().video_frames > seen + 30)
        onsets.count = True
        await until(lambda: min(len(onsets.flashes), len(onsets.beeps)) >= 4)
    finally:
        await ingest.close()
        await publisher.close()
        await server.close()
    differences = [min((flash - beep for beep in onsets.beeps), key=abs) for flash in onsets.flashes[1:3]]
    print("flash - beep, ms:", [round(1000 * d, 1) for d in differences])
    # The flash is on time to one picture (33 ms); a frame is sent when it is due or a little later.
    assert max(abs(d) for d in differences) <= 0.040
    for times in onsets.times.values():
        assert all(a < b for a, b in itertools.pairwise(times))
    statistics = ingest.statistics()
    assert statistics.audio_refused == 0
    assert statistics.decoder_dropped == 0


async def test_tapping_too_late_is_refused() -> None:
    publisher, server = connection(), connection()
    publisher.addTrack(BeepTrack(time.monotonic()))
    ingest = Ingest()
    try:
        await negotiate(publisher, server, lambda: ingest.attach(server))
        await until(lambda: ingest.statistics().audio_blocks > 2)
        with pytest.raises(RuntimeError, match="before the transport"):
            rtp.tap_encoded(server.getReceivers()[0], lambda frame: None)
    finally:
        await ingest.close()
        await publisher.close()
        await server.close()
