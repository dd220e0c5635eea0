import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.mixing.faders import Gains
from streamer.mixing.mixer import Limiter, SourceMixer, VoiceBlock

#: The upsampler's delay, which the producer of a block puts into `mix`: 1 ms.
LATE = 48


def all_at(gain: float) -> Gains:
    return Gains(gain, {1: gain, 2: gain}, gain)


def tone(hertz: float, seconds: float, rate: int, level: float = 0.3) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def blocks_of(voices: dict[int, float], seconds: float = 1.0, separated: bool = True) -> list[VoiceBlock]:
    """Faces that hum at so many hertz, perfectly separated."""
    mix = sum((tone(hertz, seconds, 48_000) for hertz in voices.values()), np.zeros(int(seconds * 48_000)))
    mix = np.concatenate([np.zeros(LATE), mix])[: len(mix)].astype(np.float32)
    faces = {face: tone(hertz, seconds, 16_000) for face, hertz in voices.items()} if separated else {}
    return [
        VoiceBlock(
            n * 0.02,
            mix[960 * n : 960 * (n + 1)],
            {face: pcm[320 * n : 320 * (n + 1)] for face, pcm in faces.items()},
            separated,
        )
        for n in range(int(seconds * 50))
    ]


def step_size(out: np.ndarray) -> float:
    """The largest second difference: a tone of 0.3 at 500 Hz has 0.0013, a click has its own height."""
    return float(np.abs(np.diff(out, 2)).max())


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_all_at_one_passes_the_mix_bit_for_bit(seed: int, separated: bool) -> None:
    rng = np.random.default_rng(seed)
    mixer, limiter = SourceMixer(), Limiter()
    for n in range(4):
        mix = rng.uniform(-1, 1, 960).astype(np.float32)
        faces = {face: rng.uniform(-1, 1, 320).astype(np.float32) for face in (1, 2)}
        out = limiter.step(mixer.play(VoiceBlock(n * 0.02, mix, faces, separated), all_at(1.0)))
        if n:  # the first block is faded in
            assert np.array_equal(out, mix)


def test_exact_again_after_a_fader_came_back() -> None:
    mixer, blocks = SourceMixer(), blocks_of({1: 500.0, 2: 900.0})
    for n, block in enumerate(blocks):
        out = mixer.play(block, Gains(1.0, {1: 0.0, 2: 1.0}, 1.0) if 5 <= n < 10 else all_at(1.0))
        if 0 < n < 5 or n >= 12:
            assert np.array_equal(out, block.mix)


def test_solo_leaves_the_one_face() -> None:
    mixer = SourceMixer()
    gains = Gains(0.0, {1: 1.0, 2: 0.0}, 1.0)
    out = np.concatenate([mixer.play(block, gains) for block in blocks_of({1: 500.0, 2: 900.0})])[4800:-960]
    wanted = np.concatenate([np.zeros(LATE), tone(500.0, 1.0, 48_000)])[:48_000][4800:-960]
    assert np.abs(out - wanted).max() < 0.003


def test_taking_a_face_out_leaves_the_other() -> None:
    mixer = SourceMixer()
    gains = Gains(1.0, {1: 0.0, 2: 1.0}, 1.0)
    out = np.concatenate([mixer.play(block, gains) for block in blocks_of({1: 500.0, 2: 900.0})])[4800:-960]
    wanted = np.concatenate([np.zeros(LATE), tone(900.0, 1.0, 48_000)])[:48_000][4800:-960]
    # 40 dB below the voice that was taken out: the 1 ms of the upsampler is in the mix too.
    assert np.sqrt(np.mean((out - wanted) ** 2)) < 0.01 * 0.3


def test_moving_faders_does_not_click() -> None:
    mixer, out = SourceMixer(), []
    settings_of = [
        all_at(1.0),
        Gains(0.0, {1: 1.0, 2: 0.0}, 1.0),
        Gains(1.0, {1: 0.0, 2: 2.0}, 1.0),
        all_at(0.0),
    ]
    for n, block in enumerate(blocks_of({1: 500.0, 2: 400.0})):
        out.append(mixer.play(block, settings_of[n // 7 % 4]))
    assert step_size(np.concatenate(out)) < 0.01


@pytest.mark.parametrize("separated", [True, False])
def test_join_underrun_and_break_do_not_click(separated: bool) -> None:
    blocks = blocks_of({1: 480.0, 2: 333.0}, separated=separated)
    mixer, gains, out = SourceMixer(), all_at(1.0), [np.zeros(960, np.float32)]
    for n, block in enumerate(blocks[3:]):  # begins in the middle of a swing
        if n in (10, 11, 12, 30):
            out.append(mixer.conceal())
        elif n != 20:
            out.append(mixer.play(block, gains, broken=n == 21))
    out += [mixer.conceal() for _ in range(3)]
    joined = np.concatenate(out)
    # The mirror image has no step, only a bend: at most twice the slope.
    assert step_size(joined) < 0.04
    assert np.all(joined[-960:] == 0.0)


def test_a_face_that_comes_and_goes_does_not_click() -> None:
    mixer, out = SourceMixer(), []
    gains = Gains(0.0, {1: 1.0, 2: 1.0}, 1.0)
    for n, block in enumerate(blocks_of({1: 300.0, 2: 401.0})):
        faces = {face: pcm for face, pcm in block.faces.items() if face == 1 or n // 6 % 2}
        out.append(mixer.play(VoiceBlock(block.t, block.mix, faces, True), gains))
    assert step_size(np.concatenate(out)) < 0.05


def test_separation_that_stops_gives_the_plain_sound() -> None:
    mixer, plain, voices = SourceMixer(), blocks_of({1: 500.0}, separated=False), blocks_of({1: 500.0})
    gains = Gains(0.0, {1: 1.0}, 1.0)
    for block in voices[:10]:
        mixer.play(block, gains)
    assert mixer.faces == (1,)
    out = [mixer.play(block, gains) for block in plain[10:20]]
    assert np.array_equal(out[-1], plain[19].mix)
    assert step_size(np.concatenate(out)) < 0.05
    assert (mixer.separated, mixer.faces) == (False, (1,))


def test_the_limiter_bounds_a_sum_and_recovers() -> None:
    limiter = Limiter()
    loud, soft = tone(440.0, 0.02, 48_000, 3.0), tone(440.0, 0.02, 48_000, 0.5)
    assert limiter.step(soft) is soft
    outs = [limiter.step(loud) for _ in range(3)]
    assert max(float(np.abs(out).max()) for out in outs) <= 1.0
    assert np.abs(outs[2] - loud / 3).max() < 1e-3
    for _ in range(30):
        out = limiter.step(soft)
    assert out is soft
