import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from models.common.resample import HALF, Resampler, _low_pass


def noise(n, seed=0):
    return np.random.default_rng(seed).standard_normal(n).astype(np.float32)


@pytest.mark.parametrize(("source", "target"), [(48_000, 16_000), (16_000, 48_000), (16_000, 8_000)])
def test_equals_scipy_upfirdn(source, target):
    x = noise(9600)
    up, down = max(1, target // source), max(1, source // target)
    expected = signal.upfirdn(up * _low_pass(max(up, down)).astype(float), x, up, down)
    got = Resampler(source, target).step(x)
    assert got.size == x.size * up // down
    np.testing.assert_allclose(got, expected[: got.size], atol=2e-6)


@given(cuts=st.lists(st.integers(0, 700), max_size=12), up=st.booleans())
@settings(max_examples=50)
def test_any_chunks_give_the_same_samples(cuts, up):
    rates = (16_000, 48_000) if up else (48_000, 16_000)
    x = noise(sum(cuts))
    whole, parts = Resampler(*rates), Resampler(*rates)
    ends = np.cumsum(cuts)
    got = [parts.step(x[end - n : end]) for n, end in zip(cuts, ends, strict=True)]
    expected = whole.step(x)
    np.testing.assert_allclose(np.concatenate([*got, np.zeros(0)]), expected, atol=1e-6)


def test_there_and_back_is_a_delay_of_two_milliseconds():
    t = np.arange(16_000) / 16_000
    x = sum(np.sin(2 * np.pi * f * t + f) for f in (200, 1500, 3999, 6500)).astype(np.float32) / 4
    down, up = Resampler(48_000, 16_000), Resampler(16_000, 48_000)
    y = down.step(up.step(x))
    delay = round((down.delay_seconds + up.delay_seconds) * 16_000)
    assert delay == 2 * HALF == 32
    assert np.abs(y[delay + 200 :] - x[200:-delay]).max() < 5e-3


def test_aliases_are_fifty_decibels_down():
    t = np.arange(48_000) / 48_000
    for frequency in (8_300, 10_000, 15_000, 20_000):
        y = Resampler(48_000, 16_000).step(np.sin(2 * np.pi * frequency * t).astype(np.float32))
        assert 20 * np.log10(np.abs(y[100:]).max()) < -48


def test_reset_forgets():
    r = Resampler(48_000, 16_000)
    first = r.step(noise(960))
    r.reset()
    np.testing.assert_array_equal(r.step(noise(960)), first)


@pytest.mark.parametrize(("source", "target"), [(44_100, 16_000), (0, 16_000), (16_000, -16_000)])
def test_other_ratios_are_refused(source, target):
    with pytest.raises(ValueError, match="whole ratio"):
        Resampler(source, target)
