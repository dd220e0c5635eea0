import torch

from models.speech2face.network import GROUPS, VoiceToFace


def net():
    torch.manual_seed(0)
    return VoiceToFace().requires_grad_(False)


def test_stretches_are_averaged():
    one, other = torch.randn(2, 448)
    voice = net()
    both, first, second = (voice.guess(torch.stack(rows)) for rows in ([one, other], [one], [other]))
    torch.testing.assert_close(both.embedding, (first.embedding + second.embedding) / 2)


def test_a_voice_like_the_mean_one_gets_the_mean_face_and_others_lie_as_far_from_it_as_they_are_taken():
    voice = net()
    voice.middle += 0.5
    voice.mean_face += 1.0
    torch.testing.assert_close(voice.guess(torch.full((1, 448), 0.5)).embedding, torch.ones(128))
    near = voice.guess(torch.ones(1, 448)).embedding - 1
    voice.reach.fill_(3.0)
    torch.testing.assert_close(voice.guess(torch.ones(1, 448)).embedding - 1, 3 * near)


def test_gender_and_age_are_probabilities():
    guess = net().guess(torch.randn(3, 448))
    assert 0 < float(guess.female) < 1 and guess.age.shape == (len(GROUPS),)
    torch.testing.assert_close(guess.age.sum(), torch.tensor(1.0))
