"""Where the sound comes from: what moves with it is found, what does not is not, and nothing where there is silence."""

import cv2
import numpy as np
import pytest
import torch

from models.common.audio import SAMPLE_RATE
from models.localization.attention import SoundAttention
from models.localization.band_levels import BEFORE, band_levels
from models.localization.box import attention_of, overlap, region
from models.localization.face_extent import FaceExtent, covered, faces_around
from models.localization.motion import BIN, MotionTrack, grey, motion
from models.localization.onnx_step import OnnxAttention
from models.localization.runtime import Localizer, SoundTrack
from models.vision.image_runtime import ImageRuntime

PATCH = 72  # pixels of a side of the thing that moves


@pytest.fixture(scope="module")
def localizer() -> Localizer:
    return Localizer(images=ImageRuntime())


def texture(size, seed, rough=3.0):
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.normal(size=(size, size, 3)), (0, 0), rough)
    return np.clip(128 + noise * 50 / noise.std(), 0, 255).astype(np.uint8)


def syllables(seed, seconds=3.2):
    """Noise in bursts as of speech, and how loud it is at each picture."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * 25)
    loud = np.zeros(frames)
    at = 2
    while at < frames - 4:
        long = int(rng.integers(2, 5))
        loud[at : at + long] = rng.uniform(0.6, 1)
        at += long + int(rng.integers(3, 9))
    loud = np.convolve(loud, [0.25, 0.5, 0.25], "same")
    sound = rng.normal(size=frames * 640) * np.repeat(loud, 640) * 0.08 + rng.normal(size=frames * 640) * 1e-4
    return sound.astype(np.float32), loud


def pictures(left, right, ground=0):
    """Two patches, each of which jumps as far down as its track says."""
    back = cv2.GaussianBlur(texture(224, ground, 12.0), (0, 0), 4)
    for a, b in zip(left, right, strict=True):
        picture = back.copy()
        for x, drop, seed in ((20, a, 1), (132, b, 2)):
            y = 70 + round(9 * drop)
            picture[y : y + PATCH, x : x + PATCH] = texture(PATCH, seed)
        yield picture


def play(localizer, shown, sound, block=640, state=None):
    state = state or localizer.open()
    maps = []
    for i, picture in enumerate(shown):
        localizer.see(state, i * BIN, picture)
        for start in range(i * 640, (i + 1) * 640, block):
            localizer.hear(state, start / SAMPLE_RATE, sound[start : start + block])
        if i >= 40 and i % 5 == 0:
            maps.append(localizer.locate([state])[0])
    return maps, state


def sides(state):
    """Attention on the left and on the right half."""
    attention = attention_of(*state.evidence[:2], np.zeros((14, 14), np.float32))
    return float(attention[:, :7].sum()), float(attention[:, 7:].sum())


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_the_side_that_moves_with_the_sound_is_attended(localizer, seed):
    sound, loud = syllables(seed)
    _, other = syllables(seed + 100)
    for tracks, source in (((loud, other), 0), ((other, loud), 1)):
        _, state = play(localizer, pictures(*tracks), sound)
        assert sides(state)[source] > 0.8


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_motion_at_another_time_loses(localizer, seed):
    sound, loud = syllables(seed)
    _, state = play(localizer, pictures(np.roll(loud, 17), loud), sound)
    assert sides(state)[1] > 0.8


def test_in_a_still_scene_the_source_on_the_left_leaves_the_right_dark(localizer):
    sound, loud = syllables(6)
    maps, _ = play(localizer, pictures(loud, 0 * loud), sound)
    for found in maps[-3:]:
        assert found.heat[:, 8:].max() < 0.5 * found.heat.max()
        assert found.box is None or found.box[0] + found.box[2] < 0.6


def test_silence_gives_nothing(localizer):
    _, loud = syllables(7)
    maps, _ = play(localizer, pictures(loud, loud), np.zeros(len(loud) * 640, np.float32))
    assert all(found.peak is None and found.box is None and found.score == 0 for found in maps)
    assert all(found.heat.max() == 0 for found in maps)


def test_sound_over_a_still_picture_has_no_hot_spot(localizer):
    t = np.arange(80 * 640) / SAMPLE_RATE
    chord = sum(np.sin(2 * np.pi * f * t) for f in (220, 277, 330, 440)) * 0.03 * (1 + 0.5 * np.sin(2 * np.pi * 2 * t))
    still = np.zeros(80)
    maps, _ = play(localizer, pictures(still, still), chord.astype(np.float32))
    assert all(found.peak is None for found in maps)


def test_streaming_in_small_blocks_is_the_same_as_in_large_ones(localizer):
    sound, loud = syllables(8)
    whole, _ = play(localizer, pictures(loud, loud[::-1]), sound)
    parts, _ = play(localizer, pictures(loud, loud[::-1]), sound, block=160)
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_allclose(a.heat, b.heat, atol=1e-5)
        assert a.score == pytest.approx(b.score, abs=1e-5)


def test_a_batch_is_the_same_as_one_at_a_time(localizer):
    states = []
    for seed in (9, 10, 11):
        sound, loud = syllables(seed)
        alone, together = localizer.open(), localizer.open()
        for state in (alone, together):
            for i, picture in enumerate(pictures(loud, loud[::-1])):
                localizer.see(state, i * BIN, picture)
            localizer.hear(state, 0.0, sound)
        states.append((alone, together))
    batch = localizer.locate([together for _, together in states])
    for (alone, _), found in zip(states, batch, strict=True):
        single = localizer.locate([alone])[0]
        np.testing.assert_allclose(single.heat, found.heat, atol=1e-4)
        assert single.score == pytest.approx(found.score, abs=1e-4)


def test_half_the_pictures_are_enough(localizer):
    sound, loud = syllables(12)
    _, other = syllables(112)
    state = localizer.open()
    for i, picture in enumerate(pictures(loud, other)):
        if i % 2 == 0:
            localizer.see(state, i * BIN, picture)
    localizer.hear(state, 0.0, sound)
    localizer.locate([state])
    assert sides(state)[0] > 0.6


def test_a_stream_without_pictures_or_sound_gets_an_empty_map(localizer):
    empty, deaf = localizer.open(), localizer.open()
    localizer.see(deaf, 0.0, texture(224, 1))
    for found in localizer.locate([empty, deaf]):
        assert found.peak is None and found.score == 0 and found.heat.shape == (14, 14)


def test_pictures_of_another_shape_are_refused(localizer):
    with pytest.raises(ValueError, match="224"):
        localizer.see(localizer.open(), 0.0, np.zeros((480, 640, 3), np.uint8))


def test_the_graph_agrees_with_the_network():
    torch.manual_seed(0)
    net, extent = SoundAttention().eval(), FaceExtent().eval()
    given = (torch.randn(2, 36, 4, 28, 28), torch.randn(2, 112, 14, 14), torch.randn(2, 1280, 7, 7))
    levels = 20 * torch.randn(2, 144, 48) - 40
    with torch.inference_mode():
        seen, heard = net.eye(*given), net.ear(levels)
        sync, meaning = (torch.diagonal(x, dim1=0, dim2=1).t() for x in net.alike(seen, heard))
        faces = extent(*given[1:])
    found = OnnxAttention(net, extent).run(levels.numpy(), *(x.numpy() for x in given))
    np.testing.assert_allclose(found.sync.reshape(2, -1), sync, atol=1e-4)
    np.testing.assert_allclose(found.meaning.reshape(2, -1), meaning, atol=1e-4)
    np.testing.assert_allclose(found.rhythm, seen.rhythm, atol=1e-5)
    np.testing.assert_allclose(found.extent, faces, atol=1e-4)


def test_shaking_and_light_of_the_whole_picture_are_no_motion():
    ground = texture(256, 5, 6.0)
    before = grey(ground[10:234, 10:234])
    shaken = grey(np.clip(ground[12:236, 11:235] * 1.04 + 3, 0, 255).astype(np.uint8))
    moved = ground[10:234, 10:234].copy()
    moved[60:120, 60:120] = ground[74:134, 74:134]
    of_all, of_part = motion(before, shaken, BIN), motion(before, grey(moved), BIN)
    assert of_part[0, 8:14, 8:14].mean() > 3 * of_all[0].mean()
    assert of_part[0, 20:, 20:].max() < 0.2


def test_motion_is_laid_where_its_time_is():
    track = MotionTrack(3.0)
    for i in range(10):
        track.see(i * BIN, texture(224, i % 2))
    window = track.window(9 * BIN, 12)
    assert (window[:3] == 0).all()
    assert (window[3:, 0].mean(axis=(1, 2)) > 0.1).all()
    track.see(3 * BIN, texture(224, 3))
    assert len(track.parts) == 9


def test_sound_is_kept_by_its_time():
    track = SoundTrack(1.0)
    track.hear(5.0, np.ones(1600, np.float32))
    track.hear(5.1, 2 * np.ones(1600, np.float32))
    track.hear(5.3, 3 * np.ones(1600, np.float32))
    np.testing.assert_array_equal(track.window(5.4, 6400)[::1600], [1, 2, 0, 3])
    np.testing.assert_array_equal(track.window(5.45, 1600)[[0, -1]], [3, 0])
    track.hear(5.35, np.full(1600, 4, np.float32))
    np.testing.assert_array_equal(track.window(5.45, 1600)[[0, -1]], [3, 4])
    track.hear(5.45, np.array([np.nan, np.inf], np.float32))
    assert np.isfinite(track.window(5.5, 3200)).all()


def test_levels_of_a_tone_lie_in_its_band():
    tone = np.sin(2 * np.pi * 1000 * np.arange(BEFORE + 16_000) / SAMPLE_RATE).astype(np.float32)
    levels = band_levels(np.stack([tone, 0 * tone]))
    assert levels.shape == (2, 100, 48)
    assert levels[1].max() == levels[1].min() == -85
    assert -12 < levels[0].max() < 0
    assert levels[0].argmax(axis=1).min() == levels[0].argmax(axis=1).max() == 15


def test_attention_on_a_face_is_spread_over_it():
    extent = np.full((5, 14, 14), -8.0, np.float32)
    x, y = np.meshgrid((np.arange(14) + 0.5) / 14, (np.arange(14) + 0.5) / 14)
    edges = (0.25, 0.3, 0.6, 0.8)
    inside = (x > edges[0]) & (x < edges[2]) & (y > edges[1]) & (y < edges[3])
    reach = np.stack([x - edges[0], y - edges[1], edges[2] - x, edges[3] - y])
    extent[0][inside] = 8
    extent[1:, inside] = np.log(reach[:, inside])
    attention = np.zeros((14, 14), np.float32)
    attention[9, 6] = 1
    around, faces = faces_around(extent, attention)
    assert faces > 0.99
    peak, box = region(around, attention)
    assert peak == (6.5 / 14, 9.5 / 14)
    assert overlap(box, (0.25, 0.3, 0.35, 0.5)) > 0.85


def test_a_box_covers_cells_by_their_share():
    shares = covered(np.array([[0.0, 0.0, 1.5 / 14, 1 / 14]], np.float32))[0]
    np.testing.assert_allclose(shares[0, :3], [1, 0.5, 0], atol=1e-6)
    assert shares[1:].max() == 0
