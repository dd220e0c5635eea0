import numpy as np

from models.active_speaker.alone import Stretch
from streamer.engine.types import BLOCK
from streamer.observer.types import Caption, Description, Localization, Sounds
from streamer.recordings.findings import SESSION, Findings


class Observer:
    """Says one of everything at the first step."""

    def __init__(self):
        self.seen, self.heard, self.steps = [], [], 0

    def open(self, sid):
        assert sid == SESSION

    def see(self, sid, t, rgb, aspect=1.0):
        self.seen.append((t, rgb.shape, aspect))

    def hear(self, sid, t, mix, voices=None):
        self.heard.append((t, len(mix), sorted(voices)))

    def step(self):
        self.steps += 1
        if self.steps > 1:
            return []
        return [
            (SESSION, Localization(0.08, 0.91234, (0.5, 0.25), (0.1, 0.2, 0.3, 0.4), bytes(196))),
            (SESSION, Sounds(0.1, [("speech", 0.98765)])),
            (SESSION, Description(0.0, "a dog", [])),
        ]


ALONE = (Stretch(0.0, 0.2, 2),)


class LiveCaptions:
    def __init__(self):
        self.heard, self.steps = [], 0

    def open(self, sid):
        assert sid == SESSION

    def hear(self, sid, t, mix, voices, speaking, alone=()):
        self.heard.append(speaking)
        self.alone = alone

    def step(self, partials=True):
        self.steps += 1
        return [(SESSION, Caption(0, "we", 0.0, 0.1, False, 2))] if self.steps == 1 else []

    def close(self, sid):
        return [Caption(0, "We met.", 0.0, 0.5, True, 2), Caption(1, "Who?", 1.0, 1.5, True, None)]


def test_blocks_and_pictures_become_events_and_marks():
    events = []
    observer, captions = Observer(), LiveCaptions()
    findings = Findings(observer, captions, lambda t, type, **fields: events.append((t, type, fields)))
    findings.picture(0.0, np.zeros((224, 224, 3), np.uint8), 640 / 480)
    for i in range(10):
        findings.block(i * 0.02, np.zeros(BLOCK, np.float32), {2: np.zeros(BLOCK, np.float32)}, {2: 0.75}, ALONE)
    assert captions.alone == ALONE
    assert observer.seen == [(0.0, (224, 224, 3), 640 / 480)]
    assert observer.heard[3] == (0.06, BLOCK, [2]) and captions.heard[0] == {2: 0.75}
    assert events == [
        (
            0.08,
            "localization",
            {"peak": [0.5, 0.25], "box": [0.1, 0.2, 0.3, 0.4], "score": 0.912, "heat": "AAAA" * 65 + "AA=="},
        ),
        (0.1, "sound", {"tags": [["speech", 0.988]]}),
        (0.0, "scene", {"text": "a dog"}),
        (0.0, "caption", {"face": 2, "text": "we", "start": 0.0, "end": 0.1, "final": False, "words": []}),
    ]
    annotations = findings.annotations
    assert annotations.tags == ("speech",) and annotations.description == "a dog" and annotations.place is not None
    findings.finish()
    # "We" had been read after 0.1 s.
    words = [["We", 0.0, 0.1], ["met.", 0.1, 0.5]]
    said = {"face": 2, "text": "We met.", "start": 0.0, "end": 0.5, "final": True, "words": words}
    assert events[-2] == (0.0, "caption", said)
    said = {"face": None, "text": "Who?", "start": 1.0, "end": 1.5, "final": True, "words": [["Who?", 1.0, 1.5]]}
    assert events[-1] == (1.0, "caption", said)


def test_pictures_without_sound_are_described_too():
    events = []
    findings = Findings(Observer(), None, lambda t, type, **fields: events.append(type))
    findings.picture(0.0, np.zeros((224, 224, 3), np.uint8), 64 / 48)
    assert "scene" in events


def test_without_sound_nothing_is_said():
    events = []
    findings = Findings(Observer(), LiveCaptions(), lambda t, type, **fields: events.append(type))
    findings.picture(0.0, np.zeros((224, 224, 3), np.uint8), 64 / 48)
    findings.finish()
    assert events.count("caption") <= 1
