"""Agreement of sentences with people's, against numbers worked out by hand."""

import math

import pytest

from models.train.vision.cider import References

END, DOG, RUNS, CAT, SITS, RED = 2, 10, 11, 12, 13, 14


@pytest.fixture
def references():
    return References([[[DOG, RUNS, END], [DOG, END]], [[CAT, SITS, END], [CAT, END]]])


def test_a_person_s_own_sentence_agrees_most(references):
    own = references.cider(0, [DOG, RUNS, END])
    assert own > references.cider(0, [DOG, END]) > references.cider(0, [CAT, SITS, END]) == 0.0
    assert references.bleu(0, [DOG, RUNS, END]) == pytest.approx(1.0)


def test_cider_by_hand(references):
    """Words of one of two pictures weigh log 2; the end, in both, weighs nothing.

    Against "dog runs ." every one of the runs of 1, 2 and 3 words is equal: cosine 1 (there are none of 4). Against
    "dog ." single words give 1 / sqrt(2), pairs nothing, and a word of difference in length exp(-1/72).
    """
    wanted = 10 / 4 * (3 + math.exp(-1 / 72) / math.sqrt(2)) / 2
    assert references.cider(0, [DOG, RUNS, END]) == pytest.approx(wanted)


def test_saying_a_word_twice_earns_it_once(references):
    for once, twice in (([DOG, RUNS, END], [DOG, RUNS, RUNS, END]), ([DOG, END], [DOG, DOG, END])):
        assert references.cider(0, twice) < references.cider(0, once)
        assert references.bleu(0, twice) < references.bleu(0, once)


def test_bleu_by_hand(references):
    """Two of three words, (0 + 1) / (2 + 1) pairs, (0 + 1) / (1 + 1) triples, (0 + 1) / (0 + 1) of four."""
    assert references.bleu(0, [RED, DOG, END]) == pytest.approx((2 / 3 * 2 / 3 * 1 / 2 * 1) ** 0.25)
    assert references.bleu(0, [CAT]) == 0.0


def test_too_short_is_punished():
    whole = References([[[DOG, RUNS, CAT, SITS, END]]])
    assert whole.bleu(0, [DOG, RUNS, CAT]) == pytest.approx(math.exp(1 - 5 / 3))
