from pathlib import Path

import moonshine_voice
import numpy as np
import pytest
import soundfile
import torch
from scipy.signal import resample_poly

from models.common.stft import STFT, InverseSTFT
from models.separation.onnx_step import OnnxCore, OnnxLips
from models.separation.runtime import SeparatorRuntime, load_separator
from models.separation.voice_cue import CUE
from models.voiceprint.encoder import PRINT

BLOCK = 320


@pytest.fixture(scope="module")
def onnx():
    return SeparatorRuntime(rows=2, backend="onnx")


@pytest.fixture(scope="module", params=["onnx", "torch"])
def runtime(request):
    return SeparatorRuntime(rows=2, backend=request.param)


def noise(*size, seed=0):
    return np.random.default_rng(seed).standard_normal(size).astype(np.float32)


def relative(got, expected):
    return float(np.linalg.norm(got - expected) / np.linalg.norm(expected))


def play(runtime, rows, mix, lips, voice, pair=False):
    """Blocks of mix (R, N) through the runtime; lips (R, L, 4), one every second block."""
    rows, out = np.array(rows), []
    runtime.reset(rows)
    other = rows[::-1] if pair else np.full(len(rows), -1)
    for k in range(mix.shape[1] // BLOCK):
        if k % 2 == 0:
            runtime.lips(rows, lips[:, k // 2], np.ones(len(rows), bool))
        out.append(runtime.step(rows, mix[:, k * BLOCK : (k + 1) * BLOCK], other, voice))
    return np.concatenate(out, axis=1)


def test_equals_the_network_offline(runtime):
    mix, lips, voice = noise(2, 16_000) * 0.1, noise(2, 25, 4).cumsum(1) * 0.3, np.abs(noise(2, PRINT)) * 0.5
    got = play(runtime, [5, 0], mix, lips, voice, pair=True)
    net, x, seen = load_separator(), torch.from_numpy(mix), torch.ones(2, 25, 1)
    mouths = torch.from_numpy(lips)
    with torch.inference_mode():
        prints = torch.from_numpy(voice)
        voice, across = net.voice(prints, prints.flip(0)), torch.tensor([1, 0])
        Y = net(STFT()(x), mouths, seen, mouths.flip(0), seen, voice, across)
        expected = InverseSTFT()(Y).numpy()
    assert relative(got, expected) < 1e-4


def test_onnx_layers_equal_torch_for_any_number_of_rows():
    net = load_separator()
    core, lips = OnnxCore(net, eight_bits=False), OnnxLips(net.lips)
    for rows in (1, 3, 8):
        g = torch.Generator().manual_seed(rows)
        sizes = ((2, 771), (192,), (CUE,), (42, 1024), (256,))
        inputs = [torch.randn(rows, *size, generator=g) for size in sizes]
        inputs.append(torch.arange(rows) - 1)  # the first beside nobody, each other one beside the one before
        for got, expected in zip(core(*inputs), net.core(*inputs), strict=True):
            assert got.shape == expected.shape
            assert relative(got.numpy(), expected.detach().numpy()) < 1e-4
        seen = [torch.randn(rows, 9, generator=g), torch.randn(rows, 8, 192, generator=g)]
        for got, expected in zip(lips(*seen), net.lips.core(*seen), strict=True):
            assert got.shape == expected.shape
            assert relative(got.numpy(), expected.detach().numpy()) < 1e-4


def recorded(name, seconds=3):
    """The first seconds of a recording that comes with moonshine-voice, at 0.06 root mean square."""
    pcm, rate = soundfile.read(Path(moonshine_voice.__file__).parent / "assets" / name, dtype="float32")
    assert rate % 16_000 == 0
    pcm = resample_poly(pcm[: seconds * rate], 1, rate // 16_000).astype(np.float32)
    return pcm / np.sqrt(np.mean(pcm**2)) * np.float32(0.06)


@pytest.mark.parametrize("seed", [0, 1])
def test_eight_bits_change_a_voice_by_next_to_nothing(onnx, seed):
    talk = [recorded(name) for name in ("beckett.wav", "two_cities.wav")]
    mix, lips = np.stack([sum(talk)] * 2), noise(2, 75, 4, seed=seed).cumsum(1) * 0.2
    prints = np.stack([onnx.voice_print(x) for x in talk])
    exact = play(onnx, [0, 1], mix, lips, prints, pair=True)
    eight = SeparatorRuntime(rows=2)
    assert eight.backend == "onnx8"
    for got, wanted in zip(play(eight, [0, 1], mix, lips, prints, pair=True), exact, strict=True):
        assert 0 < relative(got, wanted) < 10 ** (-35 / 20)
    # A row alone takes another path through the products: some numbers fall to the other side when they are rounded.
    alone = play(eight, [5], mix[:1], lips[:1], prints[:1])
    beside = play(eight, [5, 2], mix, lips, prints)
    assert relative(alone[0], beside[0]) < 10 ** (-40 / 20)


@pytest.mark.parametrize(("backend", "apart"), [("torch", 1e-5), ("onnx", 1e-4), ("onnx8", 10 ** (-35 / 20))])
def test_many_blocks_in_one_go_are_as_one_by_one(backend, apart):
    talk = [recorded(name, 2) for name in ("beckett.wav", "two_cities.wav")]
    mix = np.stack([sum(talk)] * 2)
    lips = noise(2, 50, 4).cumsum(1) * 0.2
    voices = np.abs(noise(2, PRINT))
    runtime, rows, other = SeparatorRuntime(rows=1, backend=backend), np.array([3, 1]), np.array([1, 3])
    seen = np.array([True, True])
    made = {}
    for how in ("step", "run"):
        runtime.reset(rows)
        parts, cues = [], []
        sizes = iter([1, 3, 10, 10, 6, 20, 50])
        size, begin = next(sizes), 0
        for k in range(100):
            if k % 2 == 0:
                runtime.lips(rows, lips[:, k // 2], seen)
            if how == "step":
                parts.append(runtime.step(rows, mix[:, k * BLOCK : (k + 1) * BLOCK], other, voices))
                continue
            cues.append(runtime.cues(rows, other))
            if len(cues) == size:
                parts.append(runtime.run(rows, mix[:, begin * BLOCK : (k + 1) * BLOCK], cues, other, voices))
                cues, size, begin = [], next(sizes, 0), k + 1
        made[how] = np.concatenate(parts, axis=1)
    assert made["run"].shape == made["step"].shape
    assert relative(made["run"], made["step"]) < apart


def test_rows_do_not_touch_each_other(onnx):
    mix, lips, voice = noise(2, 12_800) * 0.1, noise(2, 20, 4).cumsum(1), np.abs(noise(2, PRINT))
    together = play(onnx, [0, 1], mix, lips, voice)
    for row in (0, 1):
        alone = play(onnx, [row + 7], mix[row : row + 1], lips[row : row + 1], voice[row : row + 1])
        assert relative(alone[0], together[row]) < 1e-4


def test_the_other_print_counts_only_while_its_face_is_there(onnx):
    mix, lips, voice = noise(2, 10 * BLOCK) * 0.1, noise(2, 5, 4), np.abs(noise(2, PRINT))
    pair = play(onnx, [0, 1], mix, lips, voice, pair=True)
    unknown = play(onnx, [0, 1], mix, lips, voice * np.array([[1], [0]], np.float32), pair=True)
    assert relative(unknown[0], pair[0]) > 1e-3
    onnx.reset(np.array([0, 1]))
    alone = onnx.step(np.array([0]), mix[:1, :BLOCK], np.array([1]), voice[:1])
    onnx.reset(np.array([0, 1]))
    nobody = onnx.step(np.array([0]), mix[:1, :BLOCK], np.array([-1]), voice[:1])
    np.testing.assert_array_equal(alone, nobody)


def test_a_paused_row_goes_on_where_it_was(onnx):
    mix, voice = noise(1, 20 * BLOCK) * 0.1, np.abs(noise(1, PRINT))
    lips = noise(1, 10, 4)
    whole = play(onnx, [3], mix, lips, voice)
    first = play(onnx, [3], mix[:, : 10 * BLOCK], lips, voice)
    play(onnx, [1, 2], noise(2, 7 * BLOCK), noise(2, 4, 4), np.abs(noise(2, PRINT)))
    rest = []
    for k in range(10, 20):
        if k % 2 == 0:
            onnx.lips(np.array([3]), lips[:, k // 2], np.array([True]))
        rest.append(onnx.step(np.array([3]), mix[:, k * BLOCK : (k + 1) * BLOCK], np.array([-1]), voice))
    assert relative(np.concatenate([first, *rest], axis=1), whole) < 1e-4


def test_rows_grow_on_demand_and_keep_their_memory():
    small, large = SeparatorRuntime(rows=1), SeparatorRuntime(rows=64)
    mix, voice, alone = noise(1, 12 * BLOCK) * 0.1, np.abs(noise(1, PRINT)), np.array([0])
    for k in range(12):
        if k == 6:
            small.step(np.array([40]), mix[:, :BLOCK], np.array([50]), voice)
            assert small.rows >= 51
        block = mix[:, k * BLOCK : (k + 1) * BLOCK]
        a, b = (r.step(alone, block, np.array([-1]), voice) for r in (small, large))
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_reset_row_is_as_new_and_silence_stays_silent(onnx):
    mix, lips, voice = noise(1, 10 * BLOCK) * 0.1, noise(1, 5, 4), np.abs(noise(1, PRINT))
    first = play(onnx, [0], mix, lips, voice)
    np.testing.assert_allclose(play(onnx, [0], mix, lips, voice), first, atol=1e-6)
    assert np.abs(play(onnx, [0], mix * 0, lips, voice)).max() == 0


def test_numbers_that_are_not_finite_do_no_lasting_harm(onnx):
    mix, voice, row = noise(1, BLOCK) * 0.1, np.abs(noise(1, PRINT)), np.array([0])
    onnx.reset(row)
    onnx.lips(row, np.full((1, 4), np.nan, np.float32), np.array([True]))
    assert np.isfinite(onnx.step(row, mix * np.inf, np.array([-1]), voice)).all()
    onnx.lips(row, np.ones((1, 4), np.float32), np.array([True]))
    for _ in range(3):
        y = onnx.step(row, mix, np.array([-1]), voice)
    assert np.isfinite(y).all() and np.abs(y).max() > 0


def test_no_rows_is_no_work(onnx):
    none = np.zeros(0, np.int64)
    onnx.lips(none, np.zeros((0, 4), np.float32), np.zeros(0, bool))
    onnx.reset(none)
    empty = np.zeros((0, BLOCK), np.float32), none, np.zeros((0, PRINT), np.float32)
    assert onnx.step(none, *empty).shape == (0, BLOCK)


def test_wrong_arguments_are_refused(onnx):
    mix, voice = np.zeros((2, BLOCK), np.float32), np.zeros((2, PRINT), np.float32)
    pair, nobody = np.array([0, 1]), np.array([-1, -1])
    with pytest.raises(ValueError, match="mix must have the shape"):
        onnx.step(pair, mix[:, 1:], nobody, voice)
    with pytest.raises(ValueError, match="voice must have the shape"):
        onnx.step(pair, mix, nobody, voice[:1])
    for rows in ([1, 1], [-1, 0]):
        with pytest.raises(ValueError, match="different whole numbers"):
            onnx.step(np.array(rows), mix, nobody, voice)
    with pytest.raises(ValueError, match="16000 samples or more"):
        onnx.voice_print(np.zeros(15_999, np.float32))
    with pytest.raises(ValueError, match="CPU only"):
        SeparatorRuntime("cuda", backend="onnx")


def voice_like(pitch, seed, seconds=3):
    """Pulses at a wandering pitch through two fixed resonances, in syllables."""
    rng, n = np.random.default_rng(seed), 16_000 * seconds
    f0 = pitch * (1 + 0.05 * np.sin(np.arange(n) / 2500 + seed))
    pulses = (np.diff(np.floor(np.cumsum(f0) / 16_000), prepend=0) > 0).astype(np.float64)
    spectrum = np.fft.rfft(pulses + 0.003 * rng.standard_normal(n))
    f = np.fft.rfftfreq(n, 1 / 16_000)
    formants = sum(1 / (1 + ((f - c * pitch) / 120) ** 2) for c in (4.3, 11.7))
    syllables = np.clip(np.sin(np.arange(n) / 16_000 * 2 * np.pi * 3 + seed), 0, 1)
    x = np.fft.irfft(spectrum * formants, n) * syllables
    return (x / np.abs(x).max() * 0.3).astype(np.float32)


def test_voice_prints_tell_two_voices_apart_at_any_level(runtime):
    def cosine(a, b):
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    low, low_again, high = (voice_like(p, s) for p, s in ((95, 0), (95, 3), (210, 1)))
    a, b, c = (runtime.voice_print(x) for x in (low, low_again * 0.2, high))
    assert a.shape == (PRINT,) and abs(np.linalg.norm(a) - 8) < 1e-3
    assert cosine(a, b) > cosine(a, c) + 0.3


def test_lips_that_are_not_seen_for_long_cost_nothing_and_change_nothing():
    runtime, asked = SeparatorRuntime(), []
    runtime.reset(np.array([0, 1]))
    core = runtime._lip_core
    runtime._lip_core = lambda x, past: asked.append(len(x)) or core(x, past)
    memory = runtime._net.lips.memory
    lips, hidden = noise(1, 6, 4)[0], np.zeros(1, bool)
    for frame in lips[:3]:
        runtime.lips(np.array([1]), frame[None], ~hidden)
    for _ in range(memory):
        runtime.lips(np.array([1]), lips[:1], hidden)
    left = runtime._lips.embedding[1].clone()
    torch.testing.assert_close(left, runtime._absent, atol=1e-5, rtol=1e-4)
    count = len(asked)
    for _ in range(5):
        runtime.lips(np.array([1]), lips[:1], hidden)
    assert len(asked) == count
    torch.testing.assert_close(runtime._lips.embedding[1], left)
    # Seen again it goes on as one for which every blank frame was run.
    runtime.lips(np.array([1]), lips[3:4], ~hidden)
    encoder = runtime._net.lips
    state = encoder.init_state(1)
    row, seen = torch.zeros(1, dtype=torch.int64), torch.ones(1, dtype=torch.bool)
    with torch.inference_mode():
        for frame in lips[:3]:
            encoder.step(torch.from_numpy(frame[None]), seen, state, row, core)
        for _ in range(memory + 5):
            encoder.step(torch.zeros(1, 4), ~seen, state, row, core)
        encoder.step(torch.from_numpy(lips[3:4]), seen, state, row, core)
    torch.testing.assert_close(runtime._lips.embedding[1], state.embedding[0], atol=1e-4, rtol=1e-3)


def test_what_is_told_of_the_voices_follows_the_prints():
    voice = np.abs(noise(2, PRINT))
    mix = noise(2, 2 * BLOCK) * 0.1
    runtime = SeparatorRuntime()
    rows, other = np.array([0, 1]), np.array([1, 0])
    first = [
        runtime.step(rows, mix[:, :BLOCK], other, voice),
        runtime.step(rows, mix[:, BLOCK : 2 * BLOCK], other, voice[::-1].copy()),
    ]
    again = SeparatorRuntime()
    expected = [again.step(rows, mix[:, :BLOCK], other, voice)]
    again._told = None
    expected.append(again.step(rows, mix[:, BLOCK : 2 * BLOCK], other, voice[::-1].copy()))
    for got, wanted in zip(first, expected, strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-6)


def silent_network():
    """The network with a mask of zeros."""
    net = load_separator()
    net.out.weight.zero_()
    net.out.bias.zero_()
    return net


@pytest.mark.parametrize("backend", ["onnx8", "onnx", "torch"])
def test_a_network_that_is_given_is_the_one_that_separates(backend):
    mix, print = noise(1, BLOCK) * 0.1, np.full((1, PRINT), 0.5, np.float32)
    loudest = []
    for net in (None, silent_network()):
        runtime = SeparatorRuntime(rows=1, backend=backend, net=net)
        heard = [runtime.step(np.array([0]), mix, np.array([-1]), print) for _ in range(4)]
        loudest.append(np.abs(heard).max())
    assert loudest[0] > 1e-3 and loudest[1] < 1e-6
