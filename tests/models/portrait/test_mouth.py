import numpy as np
import torch

from models.portrait.mouth import AHEAD, POINTS, STEP, Mouth, MouthNet, opening


def test_a_shape_every_40_ms_and_few_weights(mouth, speech):
    shapes = mouth.shapes(speech)
    assert shapes.shape == (75, POINTS, 2) and np.isfinite(shapes).all()
    assert sum(p.numel() for p in MouthNet().parameters()) < 400_000


def test_nothing_is_decided_by_what_is_said_more_than_200_ms_later(mouth, speech):
    changed = speech.copy()
    changed[(20 + AHEAD) * STEP :] = 0.3 * np.sin(np.arange(len(changed) - (20 + AHEAD) * STEP))
    first, second = (mouth.hear(pcm, mouth.begin()) for pcm in (speech, changed))
    np.testing.assert_array_equal(first[:21], second[:21])
    assert np.abs(first[22:] - second[22:]).max() > 0.005
    assert AHEAD * STEP <= 0.2 * 16_000


def test_sound_may_come_in_any_pieces(mouth, speech):
    whole = mouth.hear(speech, mouth.begin())
    assert len(whole) == 75 - (AHEAD - 1)
    voice = mouth.begin()
    parts = [mouth.hear(speech[at : at + 1_111], voice) for at in range(0, len(speech), 1_111)]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-4)


def test_what_may_not_wait_is_foretold_and_put_right_later(mouth, speech):
    sure, voice, newest = mouth.hear(speech, mouth.begin()), mouth.begin(), []
    for at in range(0, len(speech), STEP // 2):
        if len(rows := mouth.newest(speech[at : at + STEP // 2], voice)):
            assert voice.steps == len(newest) + 1 and len(rows) == min(AHEAD, voice.steps)
            newest.append(opening(mouth.shape(rows)))
    whole = [openings for openings in newest if len(openings) == AHEAD]
    np.testing.assert_allclose([openings[0] for openings in whole], opening(sure), atol=1e-5)
    # Of each later row less of what follows is known.
    errors = [np.abs([o[k] for o in whole[:-AHEAD]] - opening(sure)[k : k + len(whole) - AHEAD]) for k in range(AHEAD)]
    means = [float(error.mean()) for error in errors]
    assert means == sorted(means) and means[1] < 0.004 and 0.006 < means[-1] < 0.02


def test_long_recordings_are_looked_at_in_pieces_that_do_not_show(mouth, speech, monkeypatch):
    whole = mouth.shapes(speech)
    monkeypatch.setattr("models.portrait.mouth.PIECE", 7_001)
    np.testing.assert_allclose(mouth.shapes(speech), whole, atol=1e-4)


def test_the_mouth_is_shut_in_silence_and_opens_when_something_is_said(mouth, speech):
    pause = np.zeros(16_000, np.float32)
    gap = opening(mouth.shapes(np.concatenate([pause, speech, pause])))
    assert gap[5:15].max() < 0.03 and gap[-15:-5].max() < 0.03
    assert gap[25:100].max() > 0.06 and opening(mouth.rest) < 0.015


def test_how_loud_a_recording_is_makes_little_difference(mouth, speech):
    normal, soft = (opening(mouth.shapes(gain * speech)) for gain in (1.0, 0.1))
    assert np.abs(normal - soft).mean() < 0.005


def test_shapes_are_mean_plus_amounts_times_components():
    net = MouthNet()
    net.mean.copy_(torch.arange(80.0))
    net.components[3, 7] = 2.0
    amounts = torch.zeros(1, 10)
    amounts[0, 3] = 0.5
    shape = net.points(amounts)[0]
    assert shape.shape == (40, 2) and shape[3, 1] == 8.0 and shape[3, 0] == 6.0
    assert Mouth(net.eval()).rest.shape == (40, 2)
