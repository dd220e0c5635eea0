"""The gate: whose sound is let through, sample by sample."""

import numpy as np
import pytest

from models.common.audio import SAMPLE_RATE
from models.speech.voice_gate import AHEAD, EARLY, FADE, FRAME, LATE, CaptionGate, _Voice

rng = np.random.default_rng(3)


def noise(seconds, level):
    return (rng.standard_normal(round(seconds * SAMPLE_RATE)) * level).astype(np.float32)


def through(gate, voices, speaking, step, t=10.0):
    """Everything the gate gives; each face's pieces must join."""
    size = len(next(iter(voices.values())))
    out = {face: [] for face in voices}
    for at in range(0, size, step):
        talks = speaking(at / SAMPLE_RATE) if callable(speaking) else speaking
        given = gate.step(t + at / SAMPLE_RATE, {f: v[at : at + step] for f, v in voices.items()}, talks)
        for face, (begin, pcm) in given.items():
            assert begin == pytest.approx(t + sum(map(len, out[face])) / SAMPLE_RATE, abs=1e-6)
            out[face].append(pcm)
    return {face: np.concatenate(parts) for face, parts in out.items()}


def passed(pcm, voice):
    """Share of frames that came through unchanged."""
    frames = len(pcm) // FRAME
    a, b = pcm[: frames * FRAME].reshape(frames, -1), voice[: frames * FRAME].reshape(frames, -1)
    return (a == b).all(axis=1)


def test_a_residue_is_muted_and_the_talker_is_not():
    voices = {1: noise(3, 0.1), 2: noise(3, 0.01)}
    out = through(CaptionGate(), voices, {1: 0.95, 2: 0.3}, 1600)
    assert passed(out[1], voices[1])[1:].all()
    assert not out[2].any()


def test_two_at_once_both_come_through():
    voices = {1: noise(3, 0.1), 2: noise(3, 0.065)}
    out = through(CaptionGate(), voices, {1: 0.95, 2: 0.95}, 1600)
    assert passed(out[1], voices[1])[1:].all() and passed(out[2], voices[2])[1:].all()


def test_a_voice_alone_needs_no_lips():
    voices = {1: noise(2, 0.05)}
    out = through(CaptionGate(), voices, {}, 1600)
    assert passed(out[1], voices[1])[1:].all()


def test_the_rest_is_heard_where_no_face_accounts_for_it():
    voices = {1: noise(2, 0.003), None: noise(2, 0.05)}
    out = through(CaptionGate(), voices, {1: 0.1}, 1600)
    assert passed(out[None], voices[None])[1:].all() and not out[1].any()
    voices = {1: noise(2, 0.05), None: noise(2, 0.02)}
    out = through(CaptionGate(), voices, {1: 0.9}, 1600)
    assert passed(out[1], voices[1])[1:].all() and not out[None].any()


def test_silence_is_nobodys():
    voices = {1: np.zeros(SAMPLE_RATE, np.float32), 2: np.zeros(SAMPLE_RATE, np.float32)}
    out = through(CaptionGate(), voices, {1: 0.3, 2: 0.3}, 800)
    assert not out[1].any() and not out[2].any()


@pytest.mark.parametrize("step", [320, 640, 1600, 1111, 4800])
def test_it_does_not_matter_how_the_sound_is_cut(step):
    one = np.concatenate([noise(1, 0.1), noise(1, 0.005), noise(1, 0.1)])
    two = np.concatenate([noise(1, 0.005), noise(1, 0.1), noise(1, 0.005)])
    voices = {1: one, 2: two}
    state = rng.bit_generator.state
    wanted = through(CaptionGate(), voices, {1: 0.5, 2: 0.5}, 640)
    out = through(CaptionGate(), voices, {1: 0.5, 2: 0.5}, step)
    rng.bit_generator.state = state
    for face in voices:
        size = min(len(out[face]), len(wanted[face]))
        assert size >= len(one) - (EARLY + AHEAD + 1) * FRAME - step
        np.testing.assert_array_equal(out[face][:size], wanted[face][:size])


def test_words_keep_their_soft_edges():
    one, two = noise(3, 0.003), noise(3, 0.003)
    one[SAMPLE_RATE : 2 * SAMPLE_RATE] = noise(1, 0.1)
    out = through(CaptionGate(), {1: one, 2: two}, lambda t: {1: 0.9 if 1 <= t < 2 else 0.0, 2: 0.0}, 640)
    whole = passed(out[1], one)
    assert whole[25 - EARLY + 1 : 50 + LATE - 1].all()
    assert not whole[: 25 - EARLY - 4].any() and not whole[50 + LATE + 8 :].any()


def test_what_is_open_comes_at_once_and_so_does_silence():
    gate = CaptionGate()
    for i in range(20):
        out = gate.step(i * 0.04, {1: noise(0.04, 0.1), 2: np.zeros(FRAME, np.float32)}, {1: 0.9, 2: 0.0})
        assert i < EARLY or (len(out[1][1]) == FRAME and out[1][1].any())
        assert len(out[2][1]) == FRAME and not out[2][1].any()


def test_faces_come_and_go():
    gate = CaptionGate()
    gate.step(0.0, {1: noise(1, 0.1)}, {1: 0.9})
    out = gate.step(1.0, {1: noise(1, 0.1), 2: noise(1, 0.1)}, {1: 0.9, 2: 0.9})
    assert [len(pcm) for _, pcm in out.values()] == [SAMPLE_RATE, SAMPLE_RATE] and [t for t, _ in out.values()] == [
        1.0,
        1.0,
    ]
    assert out[2][1][-FRAME:].any()
    out = gate.step(2.0, {2: noise(1, 0.1)}, {2: 0.9})
    assert set(out) == {2} and out[2][0] == 2.0
    assert gate.step(3.0, {}, {}) == {}
    assert gate.step(3.04, {5: noise(1, 0.1)}, {})[5][0] == 3.04


def test_a_hole_begins_anew():
    gate = CaptionGate()
    gate.step(0.0, {1: noise(1, 0.1)}, {1: 0.9})
    begin, pcm = gate.step(5.0, {1: noise(1, 0.1)}, {1: 0.9})[1]
    assert begin == 5.0 and len(pcm) == SAMPLE_RATE // FRAME * FRAME


def test_what_is_not_finite_does_no_harm():
    bad = noise(1, 0.1)
    bad[::7] = np.nan
    bad[3] = np.inf
    out = through(CaptionGate(), {1: bad, 2: noise(1, 0.01)}, {1: 0.9, 2: 0.0}, 640)
    assert np.isfinite(out[1]).all() and out[1].any() and not out[2].any()


def test_voices_must_be_equally_long():
    with pytest.raises(ValueError, match="equally long"):
        CaptionGate().step(0.0, {1: noise(1, 0.1), 2: noise(0.5, 0.1)}, {})


def test_a_voice_is_faded_in_and_out():
    voice, sound = _Voice(first=0), np.full(FRAME, 0.5, np.float32)
    opening, open_, closing, closed = (voice._faded(sound, gain) for gain in (1.0, 1.0, 0.0, 0.0))
    assert opening[0] == 0 and (np.diff(opening[:FADE]) > 0).all() and (opening[FADE:] == 0.5).all()
    assert (open_ == 0.5).all() and not closed.any()
    assert closing[0] == 0.5 and (np.diff(closing[:FADE]) < 0).all() and not closing[FADE:].any()
