"""How long a packet of sound is, read from its first bytes."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.rtc.packet_length import LONGEST, OLDEST, USUAL, seconds_of, waiting


@pytest.mark.parametrize("milliseconds", [5, 10, 20, 40, 60, 80, 100, 120])
@pytest.mark.parametrize("application", ["voip", "lowdelay"])
def test_opus_says_how_long_it_is(milliseconds: int, application: str) -> None:
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "mono", "s16"
    encoder.options = {"frame_duration": str(milliseconds), "application": application}
    samples = 48 * milliseconds
    noise = np.random.default_rng(0).integers(-3000, 3000, (1, samples), np.int16)
    frame = av.AudioFrame.from_ndarray(noise, "s16", "mono")
    frame.sample_rate, frame.pts, frame.time_base = 48_000, 0, Fraction(1, 48_000)
    [packet, *_] = [*encoder.encode(frame), *encoder.encode(None)]
    assert seconds_of("opus", bytes(packet)) == pytest.approx(milliseconds / 1000)


def test_telephone_sound_is_counted_in_bytes() -> None:
    assert seconds_of("PCMU", bytes(160)) == USUAL
    assert seconds_of("PCMA", bytes(480)) == pytest.approx(0.06)


@given(st.sampled_from(["opus", "PCMU", "G722"]), st.binary(max_size=1500))
def test_whatever_comes_has_a_length_and_few_wait_for_it(codec: str, data: bytes) -> None:
    seconds = seconds_of(codec, data)
    assert 0 < seconds <= LONGEST
    assert waiting(seconds, OLDEST) <= OLDEST / seconds


def test_how_many_wait() -> None:
    assert [waiting(ms / 1000, OLDEST) for ms in (10, 20, 40, 60, 120)] == [9, 4, 2, 1, 0]
    assert [waiting(ms / 1000, 0.06) for ms in (10, 20, 40, 60, 120)] == [5, 2, 1, 0, 0]
    assert [waiting(ms / 1000, USUAL) for ms in (10, 20, 40)] == [1, 0, 0]
