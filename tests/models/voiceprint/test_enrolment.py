"""The voice book with a made-up embedding: exact numbers."""

from __future__ import annotations

import numpy as np
import pytest

from models.voiceprint.enrolment import DROPPED_AFTER, KEPT, VoiceBook
from models.voiceprint.voice_print import LENGTH, SIZE, SNIPPETS

STEP = 0.04
HEIGHT = 0.1


def tone(index: int, mark: float = HEIGHT) -> np.ndarray:
    """40 ms that `embed` recognises as voice `index`."""
    block = np.full(640, mark, np.float32)
    block[0] = index / 1000
    return block


class Embed:
    """A print with one direction per voice; counts its calls."""

    def __init__(self) -> None:
        self.lengths: list[int] = []

    def __call__(self, pcm: np.ndarray) -> np.ndarray:
        self.lengths.append(len(pcm))
        out = np.zeros(SIZE, np.float32)
        out[round(float(pcm[-640]) * 1000)] = 3.0  # not of length 8: the book scales
        return out


class Call:
    """A book and a clock."""

    def __init__(self) -> None:
        self.embed = Embed()
        self.book = VoiceBook(self.embed)
        self.t = 100.0
        self.pause(1.0, {})

    def pause(self, seconds: float, speaking: dict[int, float]) -> None:
        for _ in range(round(seconds / STEP)):
            self.book.hear(self.t, np.zeros(640, np.float32), speaking)
            self.t += STEP

    def say(self, seconds: float, voice: int, speaking: dict[int, float]) -> None:
        for _ in range(round(seconds / STEP)):
            self.book.hear(self.t, tone(voice), speaking)
            self.t += STEP


def axis(index: int) -> np.ndarray:
    out = np.zeros(SIZE, np.float32)
    out[index] = LENGTH
    return out


def test_unknown_is_zeros() -> None:
    call = Call()
    assert np.array_equal(call.book.print_of(1), np.zeros(SIZE, np.float32))
    assert call.book.print_of(1).dtype == np.float32
    assert not call.book.known(1) and call.book.confidence(1) == 0.0


def test_learns_after_two_seconds_alone() -> None:
    call = Call()
    call.say(1.96, 5, {1: 0.9, 2: 0.1})
    assert not call.book.known(1)
    call.say(0.04, 5, {1: 0.9, 2: 0.1})
    assert call.embed.lengths == [32_000 + 8 * 640]  # with the quiet third of a second before
    assert np.array_equal(call.book.print_of(1), axis(5))
    assert not call.book.known(2)
    assert call.book.confidence(1) == pytest.approx(2 / 5)


@pytest.mark.parametrize("speaking", [{1: 0.9, 2: 0.5}, {1: 0.9, 2: 0.9}, {1: 0.6, 2: 0.0}, {}])
def test_learns_nothing_unless_one_alone_speaks(speaking: dict[int, float]) -> None:
    call = Call()
    call.say(6, 5, speaking)
    assert call.embed.lengths == []


def test_noise_level_is_not_speech() -> None:
    call = Call()
    for _ in range(200):
        call.book.hear(call.t, tone(5, 0.0005), {1: 1.0})
        call.t += STEP
    assert call.embed.lengths == []


def test_pauses_belong_to_the_snippet() -> None:
    call = Call()
    call.say(1.0, 5, {1: 0.9})
    call.pause(0.8, {1: 0.1})
    call.say(1.0, 5, {1: 0.9})
    assert call.embed.lengths == [(8 + 25 + 20 + 25) * 640]


@pytest.mark.parametrize("between", [{1: 0.0, 2: 0.5}, {2: 0.9}])
def test_nobody_else_may_have_spoken_in_between(between: dict[int, float]) -> None:
    call = Call()
    call.say(1.5, 5, {1: 0.9, 2: 0.0})
    call.pause(0.04, between)
    call.say(1.96, 5, {1: 0.9, 2: 0.0})
    assert call.embed.lengths == []
    call.say(0.04, 5, {1: 0.9, 2: 0.0})
    assert call.embed.lengths == [32_000]


def test_speech_of_long_ago_and_before_a_gap_does_not_count() -> None:
    call = Call()
    call.say(1.5, 5, {1: 0.9})
    call.pause(4.6, {1: 0.0})
    call.say(1.0, 5, {1: 0.9})
    assert call.embed.lengths == []
    call.t += 0.6
    call.say(1.96, 5, {1: 0.9})
    assert call.embed.lengths == []


@pytest.mark.parametrize(("share", "learned"), [(0.9, True), (0.6, False), (0.0, False)])
def test_sound_that_is_not_the_face_own_is_not_learned(share: float, learned: bool) -> None:
    call = Call()
    for _ in range(100):
        call.book.hear(call.t, tone(5), {1: 0.9}, {1: np.float32(share) * tone(5)})
        call.t += STEP
    assert call.book.known(1) is learned


def test_a_voice_nobody_separated_is_not_learned() -> None:
    call = Call()
    for _ in range(100):
        call.book.hear(call.t, tone(5), {1: 0.9}, {})
        call.t += STEP
    assert not call.book.known(1)


def test_refreshes_rarely_and_keeps_five_snippets() -> None:
    call = Call()
    call.say(60, 5, {1: 0.9})
    assert len(call.embed.lengths) == 15  # one in 4 s
    known = call.book._known[1]
    assert len(known.snippets) == SNIPPETS
    assert known.seconds == pytest.approx(2 + 14 * 4, abs=0.5)
    assert call.book.confidence(1) == pytest.approx(58 / 61, abs=0.01)


def test_mean_of_snippets_has_length_eight() -> None:
    call = Call()
    angles = iter([0.0, 0.3])

    def embed(pcm: np.ndarray) -> np.ndarray:
        a = next(angles)
        out = np.zeros(SIZE, np.float32)
        out[:2] = np.cos(a), np.sin(a)
        return out

    call.book = VoiceBook(embed)
    call.say(6, 0, {1: 0.9})
    expected = np.zeros(SIZE)
    expected[:2] = LENGTH * np.cos(0.15), LENGTH * np.sin(0.15)
    assert np.allclose(call.book.print_of(1), expected, atol=1e-5)
    assert call.book.confidence(1) == pytest.approx(6 / 9 * np.cos(0.15), abs=1e-6)


def test_refuses_a_voice_that_disagrees_then_believes_it() -> None:
    call = Call()
    call.say(2, 5, {1: 0.9})
    call.pause(4, {1: 0.0})
    call.say(2, 9, {1: 0.9})
    assert np.array_equal(call.book.print_of(1), axis(5))
    call.say(12, 9, {1: 0.9})
    assert np.array_equal(call.book.print_of(1), axis(9))


def test_one_wrong_snippet_changes_nothing() -> None:
    call = Call()
    call.say(2, 5, {1: 0.9})
    call.pause(4, {1: 0.0})
    call.say(2, 9, {1: 0.9})
    call.pause(4, {1: 0.0})
    call.say(30, 5, {1: 0.9})
    assert np.array_equal(call.book.print_of(1), axis(5))


def test_face_that_comes_back_has_its_print() -> None:
    call = Call()
    call.say(2, 5, {1: 0.9})
    call.pause(8, {2: 0.0})
    assert not call.book.known(1)
    call.pause(0.04, {1: 0.0, 2: 0.0})
    assert np.array_equal(call.book.print_of(1), axis(5))


def test_new_number_adopts_the_print_of_the_same_voice_only() -> None:
    call = Call()
    call.say(12, 5, {1: 0.9})
    before = call.book.confidence(1)
    call.pause(8, {})
    call.say(2, 7, {2: 0.9})
    assert np.array_equal(call.book.print_of(2), axis(7))
    assert call.book.confidence(2) == pytest.approx(2 / 5)
    call.say(2, 5, {2: 0.0, 3: 0.9})
    assert np.array_equal(call.book.print_of(3), axis(5))
    assert call.book.confidence(3) > before
    assert not call.book._absent


def test_present_face_keeps_its_print_from_another() -> None:
    call = Call()
    call.say(2, 5, {1: 0.9, 2: 0.0})
    call.say(2, 5, {1: 0.0, 2: 0.9})
    assert call.book.known(1) and call.book.confidence(2) == pytest.approx(2 / 5)


def test_at_most_twelve_absent_prints_and_no_old_sound() -> None:
    call = Call()
    for id in range(1, 21):
        call.say(2, id, {id: 0.9})
        call.say(1, id, {id: 0.9})
        call.pause(6, {})
    assert list(call.book._absent) == list(range(21 - KEPT, 21))
    assert call.book._known == {} and len(call.book._past) <= 150 and call.book._seen == {}


def test_readers_hold_a_print_that_never_changes() -> None:
    call = Call()
    call.say(2, 5, {1: 0.9})
    held = call.book.print_of(1)
    copy = held.copy()
    call.say(40, 9, {1: 0.9})
    assert np.array_equal(held, copy)
    assert not np.array_equal(call.book.print_of(1), copy)


def test_embedding_without_direction_is_ignored() -> None:
    call = Call()
    call.book = VoiceBook(lambda pcm: np.full(SIZE, np.nan, np.float32))
    call.say(3, 5, {1: 0.9})
    assert not call.book.known(1)


def test_a_print_that_could_be_two_people_is_not_adopted() -> None:
    call = Call()
    call.say(2, 5, {1: 0.9})
    call.pause(6, {})
    twin = call.book._absent[1]
    call.book.recall({1: twin, 2: twin})
    call.say(2, 5, {3: 0.9})
    assert call.book.known(3) and sorted(call.book._absent) == [1, 2]


def hear(call: Call, seconds: float, share: float, by_lips: dict[int, float], voice: int = 5) -> None:
    """Sound of which the separator gives face 1 a share, while lips say who seems to talk."""
    speaking = {1: 0.9 if share > 0.5 else 0.0, 2: 0.0}
    for _ in range(round(seconds / STEP)):
        sound = tone(voice)
        call.book.hear(call.t, sound, speaking, {1: np.float32(share) * sound, 2: 0 * sound}, by_lips)
        call.t += STEP


def states(call: Call) -> list[tuple[int, str, str]]:
    return [(change.id, change.state, change.why) for change in call.book.take_changes()]


def test_life_of_a_print_is_told() -> None:
    call = Call()
    assert call.book.state(1) == "unknown" and states(call) == []
    call.say(1.0, 5, {1: 0.9, 2: 0.1})
    assert call.book.state(1) == "listening" and call.book.state(2) == "unknown"
    call.say(1.0, 5, {1: 0.9, 2: 0.1})
    assert call.book.state(1) == "known"
    assert states(call) == [(1, "listening", "heard"), (1, "known", "learned")]
    call.say(4.0, 5, {1: 0.9, 2: 0.1})
    change = call.book.take_changes()[-1]
    assert (change.state, change.why) == ("known", "more")
    assert change.confidence == pytest.approx(call.book.confidence(1)) and change.t == pytest.approx(call.t - STEP)
    call.pause(8, {2: 0.1})
    assert call.book.state(1) == "unknown"
    call.pause(0.04, {1: 0.1, 2: 0.1})
    assert call.book.state(1) == "known" and states(call) == [(1, "known", "returned")]


def test_words_of_long_ago_are_lost() -> None:
    call = Call()
    call.say(1.0, 5, {1: 0.9})
    call.pause(6.1, {1: 0.0})
    assert states(call) == [(1, "listening", "heard"), (1, "unknown", "lost")]


def test_print_that_silences_its_face_is_dropped_and_restored() -> None:
    call = Call()
    call.say(2, 5, {1: 0.9})
    hear(call, DROPPED_AFTER - STEP, 0.1, {1: 0.9, 2: 0.1})
    assert call.book.known(1) and states(call)[-1] == (1, "known", "learned")
    hear(call, 2 * STEP, 0.1, {1: 0.9, 2: 0.1})
    assert states(call) == [(1, "dropped", "silenced")]
    assert not call.book.known(1) and call.book.confidence(1) == 0.0 and not call.book.print_of(1).any()
    hear(call, 2.0, 0.95, {1: 0.9, 2: 0.1})
    assert states(call) == [(1, "known", "restored")]
    assert np.array_equal(call.book.print_of(1), axis(5))


def test_dropped_print_is_replaced_by_the_first_other_voice() -> None:
    call = Call()
    call.say(2, 9, {1: 0.9})
    hear(call, DROPPED_AFTER + STEP, 0.1, {1: 0.9, 2: 0.1})
    hear(call, 2.0, 0.95, {1: 0.9, 2: 0.1})
    assert states(call)[-1] == (1, "known", "replaced")
    assert np.array_equal(call.book.print_of(1), axis(5))


@pytest.mark.parametrize(
    ("share", "by_lips"),
    [(0.8, {1: 0.9, 2: 0.0}), (0.1, {1: 0.9, 2: 0.9}), (0.1, {1: 0.5, 2: 0.0}), (0.1, {2: 0.9}), (0.1, {})],
)
def test_print_is_kept_while_its_voice_comes_out_or_lips_tell_nothing(share: float, by_lips: dict[int, float]) -> None:
    call = Call()
    call.say(2, 5, {1: 0.9})
    hear(call, 3 * DROPPED_AFTER, share, by_lips)
    assert call.book.known(1)


def test_changes_nobody_reads_do_not_pile_up() -> None:
    call = Call()
    for _ in range(40):
        call.say(0.2, 5, {k: 0.9 if k == 1 else 0.0 for k in range(1, 4)})
        call.pause(6.2, {k: 0.0 for k in range(1, 4)})
    assert len(call.book.take_changes()) == 80
    assert call.book.take_changes() == []
