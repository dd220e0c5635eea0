"""The noise suppressor: its delay, its rows, what it takes away and what it leaves."""

from __future__ import annotations

import numpy as np
import pytest

from bench.si_sdr import si_sdr
from models.noise.suppressor import BLOCK, DELAY, WARM, Stream, Suppressor
from models.separation.runtime import SeparatorRuntime
from streamer.mixing.noise_switch import BEHIND
from tests.models.separation.test_runtime import recorded

SECONDS = 4


@pytest.fixture(scope="module")
def suppressor() -> Suppressor:
    return Suppressor()


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return np.asarray(recorded("two_cities.wav", SECONDS))


def run(suppressor: Suppressor, *sounds: np.ndarray) -> np.ndarray:
    streams, blocks = [Stream() for _ in sounds], np.stack(sounds).reshape(len(sounds), -1, BLOCK)
    return np.concatenate([suppressor.step(streams, blocks[:, i]) for i in range(blocks.shape[1])], axis=1)


def test_noise_goes_and_speech_stays(suppressor: Suppressor, speech: np.ndarray) -> None:
    hiss = np.random.default_rng(0).standard_normal(speech.size).astype(np.float32)
    hiss *= np.sqrt(np.mean(speech**2)) / np.sqrt(np.mean(hiss**2))
    noisy = (speech + hiss).astype(np.float32)
    clean, kept, silent = run(suppressor, noisy, speech, np.zeros_like(speech))
    late = speech[:-DELAY]
    assert si_sdr(noisy, speech) == pytest.approx(0.0, abs=0.2)
    assert si_sdr(clean[DELAY:], late) > 8.0
    # One sample to either side is worse: the delay is what it says.
    there = [si_sdr(kept[DELAY + shift : speech.size - 9 + shift], late[: 9 * -1]) for shift in (-1, 0, 1)]
    assert there[1] == max(there) > 15.0
    assert np.abs(silent).max() < 1e-3


def test_rows_are_streams_of_their_own(suppressor: Suppressor, speech: np.ndarray) -> None:
    first, second = speech[: 50 * BLOCK], speech[-50 * BLOCK :]
    both = run(suppressor, first, second)
    np.testing.assert_allclose(both[0], run(suppressor, first)[0], atol=1e-5)
    np.testing.assert_allclose(both[1], run(suppressor, second)[0], atol=1e-5)


def test_streams_that_begin_at_different_times_share_a_step(suppressor: Suppressor, speech: np.ndarray) -> None:
    blocks, old, new = speech[: 20 * BLOCK].reshape(-1, BLOCK), Stream(), Stream()
    alone = run(suppressor, blocks.ravel())[0].reshape(-1, BLOCK)
    suppressor.step([old], blocks[:1])
    for i in range(10):
        pair = suppressor.step([old, new], np.stack([blocks[i + 1], blocks[i]]))
        np.testing.assert_allclose(pair, np.stack([alone[i + 1], alone[i]]), atol=1e-5)


def test_a_stream_is_warm_after_a_while(suppressor: Suppressor) -> None:
    stream, silence = Stream(), np.zeros((1, BLOCK), np.float32)
    for _ in range(WARM):
        suppressor.step([stream], silence)
    assert not stream.warm
    suppressor.step([stream], silence)
    assert stream.warm


def test_the_call_knows_how_much_later_than_voices_it_is() -> None:
    assert DELAY - SeparatorRuntime.DELAY == BEHIND
