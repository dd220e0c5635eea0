import numpy as np
import torch

from models.common.stft import STFT
from streamer.observer.spectrogram import BANDS, Spectrogram, quantised


def sine(frequency: float, amplitude: float, seconds: float = 1.0) -> np.ndarray:
    t = np.arange(round(seconds * 16_000)) / 16_000
    return (amplitude * np.sin(2 * np.pi * frequency * t)).astype(np.float32)


def picture(pieces: list) -> np.ndarray:
    return np.concatenate([np.frombuffer(c.data, np.uint8).reshape(-1, BANDS) for c in pieces if c is not None])


def test_a_sine_lies_in_its_band_at_its_level():
    spectrogram = Spectrogram(None)
    columns = spectrogram.hear(0.0, sine(1000, 0.1))
    seen = picture([columns])
    assert seen.shape == (50, 64)
    # Bands are 125 Hz: 1000 Hz is the upper edge of the eighth; a sine of 0.1 has -23 dB of full scale.
    assert set(seen[5:45].argmax(axis=1)) == {7}
    assert abs(-90 + seen[20, 7] / 255 * 80 - -23) < 0.5


def test_streaming_gives_the_columns_of_the_whole_whatever_the_pieces():
    sound = np.random.default_rng(0).standard_normal(16_000).astype(np.float32) * 0.1
    whole = picture([Spectrogram(None).hear(0.0, sound)])
    pieces, spectrogram, at = [], Spectrogram(3), 0
    for size in (320, 1600, 7, 801, 4000, 9272):
        pieces.append(spectrogram.hear(at / 16_000, sound[at : at + size]))
        at += size
    assert at == len(sound)
    np.testing.assert_array_equal(picture(pieces), whole)
    times = [c.t for c in pieces if c is not None]
    counts = [len(c.data) // BANDS for c in pieces if c is not None]
    np.testing.assert_allclose(times, np.cumsum([0, *counts[:-1]]) * 0.02)


def test_bands_are_the_loudest_of_their_four_bins():
    sound = np.random.default_rng(1).standard_normal(3200).astype(np.float32) * 0.1
    stft = STFT()
    spectrum, _ = stft.step(torch.from_numpy(sound)[None], stft.init_state(1))
    power = spectrum[0, 1:].abs().square().numpy().astype(np.float64) * 2 / float(stft.window.sum()) ** 2
    expected = power.reshape(64, 4, 20).max(axis=1).T.reshape(10, 2, 64).mean(axis=1)
    np.testing.assert_array_equal(picture([Spectrogram(None).hear(0.0, sound)]), quantised(expected))


def test_after_a_jump_in_time_it_begins_anew():
    spectrogram = Spectrogram(None)
    spectrogram.hear(0.0, sine(1000, 0.1, 0.05))
    columns = spectrogram.hear(100.0, np.zeros(640, np.float32))
    assert columns is not None and columns.t == 100.0
    assert set(columns.data) == {0}


def test_levels_are_clipped():
    assert quantised(np.array([0.0, 1e-9, 1e-5, 0.1, 1.0])).tolist() == [0, 0, 128, 255, 255]
