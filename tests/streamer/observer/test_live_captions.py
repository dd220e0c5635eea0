import numpy as np

from models.active_speaker.alone import Stretch
from models.speech.types import Line
from streamer.observer.live_captions import FORGET, GONE, LiveCaptions


class Voice:
    """Writes a partial line as soon as it hears sound, and ends it after 0.3 s of silence."""

    def __init__(self, numbers):
        self.numbers, self.heard, self.id = numbers, [], None
        self.closed = False

    def hear(self, t, pcm):
        self.heard.append((t, float(np.abs(pcm).max())))

    def lines(self, partials=True):
        loud = [t for t, level in self.heard if level > 0.01]
        if not loud:
            return []
        over = self.heard[-1][0] - loud[-1] >= 0.3
        if not over and not partials:
            return []
        if self.id is None:
            self.id = next(self.numbers)
        line = Line(self.id, f"{len(loud)} pieces", loud[0], loud[-1] + 0.1, over)
        if over:
            self.heard, self.id = [], None
        return [line]

    def close(self):
        self.closed = True
        return []


class Transcriber:
    def __init__(self):
        self.voices = []

    def open(self, numbers, finish=None, known=None):
        self.voices.append(Voice(numbers))
        self.voices[-1].known = known
        return self.voices[-1]


def piece(level: float) -> np.ndarray:
    return np.full(1600, level, np.float32)


def run(captioner, pieces, sid="p"):
    """Feeds (mix, voices, speaking) each 0.1 s from 100 on; returns all captions."""
    captions = []
    for i, (mix, voices, speaking) in enumerate(pieces):
        captioner.hear(sid, 100 + i * 0.1, piece(mix), {f: piece(v) for f, v in voices.items()}, speaking)
        captions += [caption for _, caption in captioner.step()]
    return captions


def test_each_voice_has_its_own_lines_and_residues_of_others_are_not_read():
    captioner = LiveCaptions(Transcriber())
    captioner.open("p")
    one = [(0.3, {1: 0.28, 2: 0.02}, {1: 0.9, 2: 0.1})] * 12
    two = [(0.3, {1: 0.02, 2: 0.28}, {1: 0.1, 2: 0.9})] * 22
    captions = run(captioner, one + two)
    finals = [caption for caption in captions if caption.final]
    assert [caption.face for caption in finals] == [1]
    assert {caption.face for caption in captions} == {1, 2}
    assert len({caption.id for caption in captions}) == 2
    starts = {face: min(c.start for c in captions if c.face == face) for face in (1, 2)}
    assert starts[1] < 100.2 and 100.8 < starts[2] < 101.4


def test_a_sentence_that_is_over_is_read_from_what_its_speaker_said_alone():
    transcriber = Transcriber()
    captioner = LiveCaptions(transcriber)
    captioner.open("p")
    voices = {1: piece(0.2), 2: piece(0.01)}
    for i in range(10):
        alone = [Stretch(100.2, 100.4, 1), Stretch(100.4, 100.6, 2)] if i == 9 else []
        captioner.hear("p", 100 + i * 0.1, piece(0.3), voices, {1: 0.9, 2: 0.1}, alone)
    (voice,) = transcriber.voices
    begin, sound = voice.known(100.0, np.full(16_000, 0.2, np.float32))
    assert begin == 100.0
    assert [round(float(sound[round(t * 16_000)]), 3) for t in (0.1, 0.3, 0.5, 0.7)] == [0.2, 0.3, 0.0, 0.2]


def test_without_faces_the_mixture_is_read():
    captioner = LiveCaptions(Transcriber())
    captioner.open("p")
    captions = run(captioner, [(0.3, {}, {})] * 5 + [(0.0, {}, {})] * 12)
    assert {caption.face for caption in captions} == {None} and captions[-1].final
    assert captions[0].start < 100.2 and 100.4 < captions[-1].end < 101.0


def test_who_is_not_in_the_picture_is_read_from_the_rest_only_while_no_face_talks():
    captioner = LiveCaptions(Transcriber())
    captioner.open("p")
    silent_face = [(0.3, {1: 0.02}, {1: 0.1})] * 8
    assert {caption.face for caption in run(captioner, silent_face)} == {None}
    captioner.open("p")
    talking_face = [(0.3, {1: 0.2}, {1: 0.9})] * 8
    assert {caption.face for caption in run(captioner, talking_face)} == {1}


def test_without_time_partials_are_left_out_and_finals_are_not():
    captioner = LiveCaptions(Transcriber())
    captioner.open("p")
    captions = []
    for i in range(20):
        captioner.hear("p", 100 + i * 0.1, piece(0.3 if i < 5 else 0.0), {}, {})
        captions += [caption for _, caption in captioner.step(partials=False)]
    assert captions and all(caption.final for caption in captions)


def test_a_voice_that_is_silent_for_long_is_closed():
    transcriber = Transcriber()
    captioner = LiveCaptions(transcriber)
    captioner.open("p")
    run(captioner, [(0.3, {1: 0.28}, {1: 0.9})] * 10)
    assert len(transcriber.voices) == 1
    for i in range(10, 10 * round(FORGET) + 20):
        captioner.hear("p", 100 + i * 0.1, piece(0.0), {1: piece(0.0)}, {1: 0.0})
        captioner.step()
    assert transcriber.voices[0].closed


def test_a_face_that_goes_out_of_sight_ends_its_sentence():
    transcriber = Transcriber()
    captioner = LiveCaptions(transcriber)
    captioner.open("p")
    run(captioner, [(0.3, {1: 0.28}, {1: 0.9})] * 10)
    for i in range(10, 10 + 10 * round(GONE) + 5):
        assert not transcriber.voices[0].closed or i > 10 * GONE
        captioner.hear("p", 100 + i * 0.1, piece(0.0), {}, {})
        captioner.step()
    assert transcriber.voices[0].closed


def test_unknown_sessions_are_ignored():
    captioner = LiveCaptions(Transcriber())
    captioner.hear("nobody", 0.0, piece(0.3), {}, {})
    assert captioner.step() == []
    assert captioner.close("nobody") == []
