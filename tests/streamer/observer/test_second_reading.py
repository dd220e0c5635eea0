"""Sentences that are read again: held for two seconds of sound at most, and final only once."""

from dataclasses import replace

import numpy as np
import pytest

from models.speech.types import Line, Reading
from streamer.observer.live_captions import GONE, LiveCaptions
from streamer.observer.second_reading import MOST_SOUND, WAITS, SecondReadings

RATE = 16_000
FIRST = Line(5, "A bucket.", 100.0, 101.0, True)


class Voice:
    """Ends the sentences that a test puts into `over`: text, and whether some of it was shown."""

    def __init__(self, numbers, finish):
        self.numbers, self.finish, self.over = numbers, finish, []

    def hear(self, t, pcm):
        pass

    def lines(self, partials=True):
        over, self.over = self.over, []
        lines = [
            self.finish(replace(FIRST, id=next(self.numbers), text=text), shown, np.ones(RATE, np.float32))
            for text, shown in over
        ]
        return [line for line in lines if line is not None]

    close = lines


class Transcriber:
    def __init__(self):
        self.voices = []

    def open(self, numbers, finish, known):
        self.voices.append(Voice(numbers, finish))
        return self.voices[-1]


class Call:
    """One session with one face that talks; its clock is at 100 s."""

    def __init__(self, sid="p", first_line=5, **more):
        self.readings, transcriber = SecondReadings(), Transcriber()
        self.captions = LiveCaptions(transcriber, self.readings, **more)
        self.captions.open(sid, first_line)
        for t in np.arange(98.0, 100.05, 0.1):
            self.until(t)
        self.until(100.0)
        self.voice = transcriber.voices[-1]

    def until(self, t, talking=True):
        """Hear so much that the session's clock stands at `t`."""
        sound = np.full(1600, 0.1, np.float32)
        voices = ({1: sound}, {1: 1.0}) if talking else ({}, {})
        self.captions.hear("p", t - 0.1, sound, *voices)

    def step(self, partials=True):
        return [(c.id, c.text, c.final) for _, c in self.captions.step(partials)]

    def counts(self, **other):
        return self.readings.counts == {"read": 0, "late": 0, "dropped": 0, "failed": 0} | other


def answer(readings, text):
    request, sound = readings.take()
    assert len(sound) == RATE
    readings.answer(request, Reading(text, -0.2, ()))


def test_a_sentence_is_held_until_it_is_read_again():
    call = Call()
    call.voice.over = [("A bucket.", True)]
    assert call.step() == [(5, "A bucket.", False)]
    call.until(101.9)
    assert call.step() == [] and not call.readings.news
    answer(call.readings, "A budget.")
    assert call.readings.news
    ((_, caption),) = call.captions.step()
    assert (caption.id, caption.text, caption.final, caption.face) == (5, "A budget.", True, 1)
    assert (caption.start, caption.end) == (100.0, 101.0)
    assert not call.readings.news and call.counts(read=1)
    call.until(110.0)
    assert call.step() == []


def test_after_two_seconds_of_sound_it_is_final_as_it_was_and_stays_so():
    call = Call()
    call.voice.over = [("A bucket.", True)]
    call.step()
    request, _ = call.readings.take()
    call.until(100.0 + WAITS - 0.01)
    assert call.step() == []
    call.until(100.0 + WAITS)
    assert call.step() == [(5, "A bucket.", True)]
    call.readings.answer(request, Reading("A budget.", -0.2, ()))
    call.until(103.0)
    assert call.step() == [] and not call.readings.news and call.counts(late=1)
    assert request.reading is None and request.sound is None


def test_a_reading_that_is_there_at_once_is_taken():
    call = Call()
    ask = call.readings.ask

    def ask_and_read(sound, hurried, choose):
        request = ask(sound, hurried, choose)
        answer(call.readings, "A budget.")
        return request

    call.readings.ask = ask_and_read
    call.voice.over = [("A bucket.", True)]
    assert call.step() == [(5, "A bucket.", False), (5, "A budget.", True)]


def test_a_later_sentence_may_be_final_first():
    call = Call()
    call.voice.over = [("One.", True)]
    call.step()
    call.voice.over = [("Two.", True)]
    assert call.step() == [(6, "Two.", False)]
    answer(call.readings, "Two!")
    assert call.step() == [(6, "Two!", True)]
    answer(call.readings, "One!")
    assert call.step() == [(5, "One!", True)]


@pytest.mark.parametrize(
    ("text", "shown", "second", "held", "final"),
    [
        ("A bucket.", True, "", [(5, "A bucket.", False)], [(5, "A bucket.", True)]),
        ("", True, "A budget.", [], [(5, "A budget.", True)]),
        ("", True, "", [], [(5, "", True)]),
        ("", False, "A budget.", [], [(5, "A budget.", True)]),
        ("", False, "", [], []),
    ],
)
def test_what_one_reading_is_not_sure_of_is_left_to_the_other(text, shown, second, held, final):
    call = Call()
    call.voice.over = [(text, shown)]
    assert call.step() == held
    answer(call.readings, second)
    assert call.step() == final


def test_without_time_nothing_is_read_again():
    call = Call()
    call.voice.over = [("A bucket.", True)]
    assert call.step(partials=False) == [(5, "A bucket.", True)]
    assert not call.readings.waiting and call.counts(dropped=1)


def test_nobody_waits_for_the_last_words_of_a_session():
    call = Call()
    call.voice.over = [("One.", True)]
    call.step()
    call.voice.over = [("Two.", True)]
    last = [(caption.id, caption.text, caption.final) for caption in call.captions.close("p")]
    assert sorted(last) == [(5, "One.", True), (6, "Two.", True)]
    assert not call.readings.waiting and call.counts(late=1, dropped=1)


def test_a_sentence_outlives_its_voice():
    call = Call()
    call.until(100.0 + GONE + 0.5, talking=False)
    call.voice.over = [("A bucket.", True)]
    call.step()
    call.until(103.0, talking=False)
    assert 1 not in call.captions._sessions["p"].voices
    answer(call.readings, "A budget.")
    assert call.step() == [(5, "A budget.", True)]


def test_without_a_reader_all_is_final_as_it_was():
    call = Call()
    call.voice.over = [("One.", True)]
    call.step()
    call.readings.close()
    assert call.readings.news
    call.voice.over = [("Two.", True)]
    assert sorted(call.step()) == [(5, "One.", True), (6, "Two.", True)]
    assert call.counts()


def test_the_newest_is_read_first_and_the_oldest_makes_room():
    readings = SecondReadings()
    ten = np.zeros(10 * RATE, np.float32)
    requests = [readings.ask(ten) for _ in range(round(MOST_SOUND) // 10)]
    assert not any(request.over for request in requests)
    requests.append(readings.ask(ten[:1600]))
    assert [request.over for request in requests] == [True, False, False, False]
    assert requests[0].sound is None and readings.counts["dropped"] == 1
    readings.give_up(requests[2])
    assert [readings.take()[0] for _ in range(2)] == [requests[3], requests[1]]
    assert readings.take() is None and not readings.waiting


def test_one_sentence_longer_than_all_that_may_wait_is_read():
    readings = SecondReadings()
    request = readings.ask(np.zeros(round(MOST_SOUND + 1) * RATE, np.float32))
    assert readings.take()[0] is request


class Polyglot:
    """Hears Arabic for sure."""

    def __init__(self, text):
        self.text, self.asked = text, []

    def read(self, pcm, draft=()):
        return Reading("English.", -0.2, ())

    def read_as(self, pcm, language):
        self.asked.append(language({"ar": 0.9999}))
        return Reading(self.text, -0.2, ())


@pytest.mark.parametrize(
    ("language", "asked", "text", "final"),
    [
        ("auto", ["ar"], "أهلا", "أهلا"),
        ("ko", ["ko"], "안녕", "안녕"),
        # Of another language what the first reader made is not to stand.
        ("auto", ["ar"], "", ""),
        ("en", [], "", "English."),
    ],
)
def test_a_call_s_language_is_heard_out_and_read(language, asked, text, final):
    call, reader = Call(language=language), Polyglot(text)
    call.voice.over = [("A bucket.", True)]
    call.step()
    request, sound = call.readings.take()
    call.readings.answer(request, request.read(reader, sound))
    assert call.step() == [(5, final, True)] and reader.asked == asked
