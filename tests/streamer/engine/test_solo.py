"""From separated voices to the mixture and back, without a click."""

import numpy as np

from streamer.engine.solo import Solo

N = 320


def smooth(hertz: float, blocks: int, level: float = 0.1) -> np.ndarray:
    t = np.arange(blocks * N) / 16_000
    return (level * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


def run(own: np.ndarray, other: np.ndarray, who: list[int | None]) -> np.ndarray:
    """Both voices as if perfectly separated, but for a tenth; (2, blocks * N)."""
    solo, out, mix = Solo(), [], own + other
    for i, alone in enumerate(who):
        part = slice(i * N, (i + 1) * N)
        voices = np.stack([0.9 * own[part], 0.9 * other[part]])
        out.append(solo.step(mix[part], voices, [1, -1], alone))
    return np.concatenate(out, axis=1)


def test_no_click_on_the_way_there_and_back() -> None:
    blocks = 40
    own, other = smooth(200, blocks), smooth(310, blocks, 0.05)
    who = [None] * 5 + [1] * 10 + [None] * 5 + [-1] * 10 + [1] * 10
    heard = run(own, other, who)
    steepest = max(np.abs(np.diff(x)).max() for x in (own + other, own, other))
    # A ramp of half of 0.15 in a block adds less than a thousandth a sample.
    assert np.abs(np.diff(heard, axis=1)).max() <= steepest + 1e-3


def test_voices_and_rest_are_the_mixture_and_no_voice_is_more_than_it() -> None:
    rng = np.random.default_rng(0)
    solo = Solo()
    for i in range(60):
        mix = rng.normal(0, 0.1, N).astype(np.float32)
        voices = np.stack([0.6 * mix, 0.3 * mix, 0.0 * mix])
        alone = [None, 1, 1, 2, 3][i // 12]
        out = solo.step(mix, voices, [1, 2, 3], alone)
        assert out.shape == voices.shape and out.dtype == np.float32
        rest = mix - out.sum(axis=0)
        np.testing.assert_allclose(out.sum(axis=0) + rest, mix, atol=1e-7)
        # Neither more than the mixture in one, nor in all together.
        assert (np.abs(out).sum(axis=0) <= np.abs(mix) + 1e-6).all()


def test_alone_for_long_it_is_the_mixture_to_the_bit_and_the_other_is_silent() -> None:
    own, other = smooth(200, 20), np.zeros(20 * N, np.float32)
    heard = run(own, other, [1] * 20)
    np.testing.assert_array_equal(heard[0, 8 * N :], own[8 * N :])
    assert not heard[1, 8 * N :].any()


def test_nobody_alone_gives_the_separated_voices() -> None:
    own, other = smooth(200, 10), smooth(310, 10)
    heard = run(own, other, [None] * 10)
    np.testing.assert_array_equal(heard, np.stack([np.float32(0.9) * own, np.float32(0.9) * other]))


def test_somebody_else_is_noticed_within_80_ms() -> None:
    own, other = smooth(200, 30), smooth(310, 30, 0.3)
    other[: 20 * N] = 0
    # Four blocks later the separated voice is back, whatever attribution still says.
    np.testing.assert_allclose(run(own, other, [1] * 30)[0, 24 * N :], 0.9 * own[24 * N :], atol=1e-6)


def test_who_is_gone_is_forgotten() -> None:
    solo, mix = Solo(), smooth(200, 1)
    for _ in range(8):
        solo.step(mix, mix[None], [1], 1)
    solo.step(mix, mix[None], [2], None)
    out = solo.step(mix, 0.5 * mix[None], [1], None)
    np.testing.assert_array_equal(out[0], np.float32(0.5) * mix)
