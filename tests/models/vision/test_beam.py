"""Beam search against looking at every sentence there is."""

import itertools
import math

import pytest
import torch

from models.vision.beam import beam_search

START, END, WORDS, LONGEST = 0, 1, 4, 4


def chain(batch, seed):
    """A random language in which the next word depends on the last two and on the picture: (B, V, V, V) logs."""
    generator = torch.Generator().manual_seed(seed)
    logs = torch.log_softmax(2 * torch.randn(batch, WORDS, WORDS, WORDS, generator=generator), dim=-1)
    logs[..., START] = -torch.inf
    return torch.log_softmax(logs, dim=-1)


def stepper(logs):
    """The language as a step; its state is the word before the last and how many words there were."""

    def step(words, state):
        before, count = state
        picture = torch.arange(len(words)).unsqueeze(1)
        return logs[picture, before, words], (words, count + 1), count.unsqueeze(-1) + 100 * words.unsqueeze(-1)

    return step


def begin(batch):
    return torch.full((batch, 1), START), torch.zeros(batch, 1, dtype=torch.long)


def search(logs, width, longest=LONGEST):
    return beam_search(stepper(logs), begin(len(logs)), START, END, width, longest)


def mean_log(logs, picture, words):
    before, last, total = START, START, 0.0
    for word in (*words, END):
        total += float(logs[picture, before, last, word])
        before, last = last, word
    return total / (len(words) + 1)


def every_sentence(longest=LONGEST):
    for length in range(longest + 1):
        yield from itertools.product(range(2, WORDS), repeat=length)


@pytest.mark.parametrize("seed", range(20))
def test_a_wide_beam_finds_what_looking_at_every_sentence_finds(seed):
    logs = chain(3, seed)
    # All that can be alive at once: the sentences of LONGEST words, and those that end beside them.
    for picture, found in enumerate(search(logs, 3**LONGEST)):
        best = max(every_sentence(), key=lambda words: mean_log(logs, picture, words))
        assert found.words == best
        assert found.score == pytest.approx(mean_log(logs, picture, best), abs=1e-5)


@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_scores_are_those_of_the_sentence_and_never_above_the_best(width):
    logs = chain(16, 7)
    for picture, found in enumerate(search(logs, width)):
        assert found.score == pytest.approx(mean_log(logs, picture, found.words), abs=1e-5)
        assert found.score <= max(mean_log(logs, picture, words) for words in every_sentence()) + 1e-5


def test_width_one_is_the_greedy_choice():
    logs = chain(32, 3)
    for picture, found in enumerate(search(logs, 1)):
        before, last, words = START, START, []
        while len(words) < LONGEST:
            word = int(logs[picture, before, last].argmax())
            if word == END:
                break
            words.append(word)
            before, last = last, word
        assert found.words == tuple(words)


@pytest.mark.parametrize("width", [1, 3, 5])
def test_a_batch_gives_what_each_gives_alone(width):
    logs = chain(12, 5)
    together = search(logs, width)
    for picture, found in enumerate(together):
        (alone,) = search(logs[picture : picture + 1], width)
        assert alone.words == found.words
        assert alone.score == pytest.approx(found.score, abs=1e-6)
        assert torch.equal(alone.remembered, found.remembered)


def test_wider_beams_are_better_on_average():
    logs = chain(200, 11)
    means = [sum(found.score for found in search(logs, width)) / 200 for width in (1, 2, 4)]
    assert means[0] < means[1] < means[2]


def test_what_is_remembered_belongs_to_its_word():
    logs = chain(8, 2)
    for found in search(logs, 3):
        heads = (START, *found.words)[: len(found.words)]
        assert found.remembered.shape == (len(found.words), 1)
        assert found.remembered[:, 0].tolist() == [100 * word + t for t, word in enumerate(heads)]


def test_the_mean_decides_and_not_the_sum():
    """Two words at 0.9 each and a sure end are likelier a word than an end at once at 0.5."""
    logs = torch.full((1, WORDS, WORDS, WORDS), -20.0)
    logs[0, START, START, END] = math.log(0.5)
    logs[0, START, START, 2] = math.log(0.45)
    logs[0, START, 2, 3] = math.log(0.9)
    logs[0, 2, 3, END] = math.log(0.9)
    (found,) = search(logs, 2)
    assert found.words == (2, 3)
    assert math.exp(found.score * 3) == pytest.approx(0.45 * 0.81, rel=1e-5)
    assert math.log(0.5) < math.log(0.45 * 0.81) / 3


def test_an_end_is_forced_after_the_longest_sentence():
    logs = torch.full((1, WORDS, WORDS, WORDS), -30.0)
    logs[..., 2] = math.log(0.99)
    logs[..., END] = math.log(0.001)
    (found,) = search(logs, 1, longest=6)
    assert found.words == (2,) * 6
    assert found.score == pytest.approx((6 * math.log(0.99) + math.log(0.001)) / 7, abs=1e-5)


def test_nothing_said_is_no_words():
    logs = torch.full((1, WORDS, WORDS, WORDS), -30.0)
    logs[..., END] = 0.0
    (found,) = search(logs, 3)
    assert found.words == ()
    assert found.remembered.shape == (0, 1)


@pytest.mark.parametrize(("width", "longest"), [(0, 5), (3, 0)])
def test_senseless_sizes_are_refused(width, longest):
    with pytest.raises(ValueError):
        search(chain(1, 0), width, longest)
