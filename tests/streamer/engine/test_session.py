"""One participant: who keeps a row, who is alone, what a first pass changes."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from models.active_speaker.attribution import Attribution, Networks, VoicePrint
from models.active_speaker.settled import Settled
from models.common.arrays import F32
from models.faces.tracker import Face
from streamer.engine.looker import RemoteSenses
from streamer.engine.looking import Looking
from streamer.engine.session import FACE_MEMORY, MOST_ROWS, UNKNOWN_MEMORY, EngineSession
from streamer.engine.survey import Known, KnownSenses
from streamer.engine.survey import Survey as EngineSurvey
from streamer.engine.types import BLOCK

PRINT = VoicePrint(np.ones(256, np.float32), 2.0, 0.9)


@dataclass(frozen=True)
class Activity:
    speech: F32
    overlap: F32


def silent(pcm: F32) -> Activity:
    return Activity(np.zeros(100, np.float32), np.zeros(100, np.float32))


NETWORKS = Networks(silent, lambda pcm: np.eye(192, dtype=np.float32)[0], lambda pcm: np.ones(256, np.float32))


def face(id: int, visible: bool = True) -> Face:
    return Face(
        id, (0.1, 0.1, 0.2, 0.2), 0.9, np.array([0.3, 4, 10, 9], np.float32), visible, np.zeros((468, 2), np.float32)
    )


MODELS: Any = SimpleNamespace(detector=None, mesher=None, encoder=None)


class Told:
    """Senses that say what the test says."""

    def __init__(self) -> None:
        self.latest = Attribution()
        self.heard: list[tuple[float, int]] = []

    def find(self, t: float, rgb: Any) -> tuple[list[Face], bool]:
        return [], False

    def take(self, t: float, found: list[Face]) -> None:
        pass

    def hear(self, t: float, pcm: F32) -> None:
        self.heard.append((round(t, 3), len(pcm)))


def session(known: Known | None = None) -> EngineSession:
    return EngineSession(Told(), known)


def knows(one: EngineSession, **more: Any) -> None:
    assert isinstance(one.senses, Told)
    one.senses.latest = Attribution(**{"t": 0.0, **more})


def test_a_voice_off_camera_has_a_row_while_it_takes_part() -> None:
    one = session()
    one.seen(0.0, [face(2)])
    knows(one, prints={-1: PRINT, -2: PRINT}, lately=frozenset({-1}))
    assert one.present() == [2, -1]
    one.rows = {2: 0, -1: 1}
    knows(one, prints={-1: PRINT}, speakers={-1: 0.9})
    (other,) = one.others()
    assert (other.id, other.voice, other.voice_confidence) == (-1, "known", 0.9)
    assert one.present() == [2]


def test_a_face_out_of_sight_keeps_its_row_only_if_its_voice_is_known() -> None:
    one = session()
    knows(one, prints={1: PRINT})
    one.seen(0.0, [face(1), face(2)])
    one.seen(UNKNOWN_MEMORY - 0.1, [])
    assert one.present() == [1, 2]
    one.seen(UNKNOWN_MEMORY + 0.01, [])
    assert one.present() == [1]
    assert [state.id for state in one.states()] == [1]
    one.seen(FACE_MEMORY + 0.01, [])
    assert one.present() == []
    # Heard on without being seen it is a speaker still.
    knows(one, prints={1: PRINT}, lately=frozenset({1}))
    assert one.present() == [1] and one.states() == []


def test_after_a_cut_who_is_not_in_the_picture_and_not_known_goes_at_once() -> None:
    one = session()
    knows(one, prints={1: PRINT})
    one.seen(0.0, [face(1), face(2), face(3)])
    one.seen(0.04, [face(3)], cut=True)
    assert one.present() == [1, 3]


def test_no_more_rows_than_can_be_separated_and_faces_first() -> None:
    one = session()
    one.seen(0.0, [face(id) for id in (1, 2, 3, 4)])
    knows(one, prints=dict.fromkeys(range(-9, 0), PRINT), lately=frozenset(range(-9, 0)))
    assert one.present() == [1, 2, 3, 4, -9, -8] and len(one.present()) == MOST_ROWS


@pytest.mark.parametrize(
    ("speech", "overlap", "own", "alone"),
    [(0.9, 0.1, 0.95, 1), (0.4, 0.1, 0.95, None), (0.9, 0.3, 0.95, None), (0.9, 0.1, 0.85, None)],
)
def test_who_is_surely_alone(speech: float, overlap: float, own: float, alone: int | None) -> None:
    one = session(Known(Settled(0.0, [], {}, {})))
    knows(one, speech=speech, overlap=overlap, speakers={1: own, 2: 1 - own}, prints={1: PRINT})
    assert one.alone(0.0) == alone and one.alone(2.0) is None


def test_nobody_is_taken_to_be_alone_in_a_call() -> None:
    one = session()
    knows(one, speech=0.9, speakers={1: 0.99}, prints={1: PRINT})
    assert one.alone(0.0) is None


def test_nobody_is_alone_whose_voice_is_not_known() -> None:
    one = session(Known(Settled(0.0, [], {}, {})))
    assert one.alone(0.0) is None
    knows(one, speech=0.9, speakers={1: 0.99})
    assert one.alone(0.0) is None


def test_lips_are_shown_to_the_separator_also_beside_a_known_voice() -> None:
    one = session()
    for i in range(10):
        one.seen(i * 0.04, [face(1)])
    assert one.lips_at(1, 0.3)[1]
    assert not one.voice_of(1).any() and one.lips_at(9, 0.3)[1] is False
    knows(one, prints={1: PRINT})
    lips, seen = one.lips_at(1, 0.3)
    assert seen and lips.any()
    np.testing.assert_array_equal(one.voice_of(1), PRINT.print)


def test_a_voice_becomes_known_in_states_and_changes() -> None:
    one = session()
    one.seen(0.0, [face(1)])
    one.rows = {1: 0}
    block = np.zeros(BLOCK, np.float32)

    def hear(t: float) -> None:
        for k in range(2):
            one.heard(t + k * 0.02, block, block[None])

    knows(one, speakers={1: 0.9}, speech=0.9)
    hear(0.0)
    assert one.states()[0].voice == "listening"
    knows(one, speakers={1: 0.9}, speech=0.9, prints={1: PRINT})
    hear(0.04)
    assert (one.states()[0].voice, one.states()[0].voice_confidence) == ("known", 0.9)
    assert [(change.id, change.why) for change in one.voice_changes()] == [(1, "heard"), (1, "learned")]


def test_a_speaker_that_comes_between_two_blocks_is_silent_in_the_first() -> None:
    one = session()
    first, second = np.ones((1, BLOCK), np.float32), np.full((2, BLOCK), 2.0, np.float32)
    joined = one._align((first, second))
    assert joined.shape == (2, 2 * BLOCK)
    assert (joined[0, :BLOCK] == 1).all() and not joined[1, :BLOCK].any() and (joined[:, BLOCK:] == 2).all()


def test_all_sound_is_attributed_in_pieces_of_two_blocks() -> None:
    one = session()
    block = np.zeros(BLOCK, np.float32)
    for i in range(6):
        one.heard(i * 0.02, block, np.zeros((0, BLOCK), np.float32))
    assert isinstance(one.senses, Told)
    assert one.senses.heard == [(0.0, 2 * BLOCK), (0.04, 2 * BLOCK), (0.08, 2 * BLOCK)]


def test_after_a_first_pass_faces_and_voices_are_looked_up() -> None:
    settled = Settled(0.0, [], {1: PRINT, -1: PRINT}, {})
    known = Known(settled, {0.0: [face(1)], 0.04: [face(1), face(2)]}, frozenset({0.04}))
    one = EngineSession(KnownSenses(known), known)
    picture = np.zeros((8, 8, 3), np.uint8)
    assert [one.senses.find(t, picture)[1] for t in (0.0, 0.04)] == [False, True]
    assert [state.id for state in one.see(0.0, picture)] == [1]
    assert [state.id for state in one.see(0.04, picture)] == [1, 2]
    assert one.see(0.08, np.zeros((8, 8, 3), np.uint8)) == []


def test_memory_carries_prints() -> None:
    one, other = Looking(MODELS, NETWORKS, 6), Looking(MODELS, NETWORKS, 6)
    one._attributor.recall({1: PRINT})
    one.hear(0.0, np.zeros(8000, np.float32))
    other.recall(one.memory())
    other.hear(0.0, np.zeros(8000, np.float32))
    (id, print_), *more = other.latest.prints.items()
    assert (id, print_.seconds, more) == (1, 2.0, [])
    np.testing.assert_array_equal(print_.print, PRINT.print)


def test_who_spoke_is_learnt_of_those_who_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    looking, told = Looking(MODELS, NETWORKS, 6), list[tuple[float, float, int | None]]()
    monkeypatch.setattr(looking._attributor, "tell", lambda *what: told.append(what))
    monkeypatch.setattr(looking._tracker, "step", lambda rgb, t: [face(1, visible=False)])
    looking._attributor.recall({-1: PRINT})
    looking.see(0.0, np.zeros((8, 8, 3), np.uint8))
    looking._attributor.latest = Attribution(speakers={-1: 0.5})
    for id in (1, -1, None, 2, -2):
        looking.tell(0.0, 1.0, id)
    assert told == [(0.0, 1.0, 1), (0.0, 1.0, -1), (0.0, 1.0, None)]


def test_a_face_that_turned_out_to_be_another_goes_at_once_and_is_said_once() -> None:
    senses = RemoteSenses(lambda t, pcm: None)
    session = EngineSession(senses)
    senses.latest = Attribution(prints={1: PRINT, 3: PRINT})
    session.seen(0.0, [face(3)])
    assert session.present() == [3]
    senses.latest = Attribution(prints={1: PRINT}, joined=((3, 1),))
    session.seen(0.1, [face(1)])
    assert session.present() == [1] and [one.id for one in session.states()] == [1]


def test_a_survey_gives_one_person_one_number_in_all_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    survey = EngineSurvey(MODELS, NETWORKS, 6)
    seen = iter([[face(1)], [face(3), face(2)], [face(1), face(2)]])

    def step(rgb: Any, t: float) -> list[Face]:
        survey._tracker._people.merged = [(3, 1)] if t > 0.07 else []
        return next(seen)

    monkeypatch.setattr(survey._tracker, "step", step)
    for i in range(3):
        survey.see(i * 0.04, *survey.find(i * 0.04, np.zeros((8, 8, 3), np.uint8)))
    known = survey.finish()
    assert [[one.id for one in found] for found in known.faces.values()] == [[1], [1, 2], [1, 2]]


def test_a_survey_keeps_faces_by_the_time_of_their_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    survey = EngineSurvey(MODELS, NETWORKS, 6)
    monkeypatch.setattr(survey._tracker, "step", lambda rgb, t: [face(1)] if t < 0.1 else [])
    for i in range(4):
        survey.see(i * 0.04, *survey.find(i * 0.04, np.zeros((8, 8, 3), np.uint8)))
        survey.hear(i * 0.04, np.zeros(640, np.float32))
    known = survey.finish()
    assert [len(known.faces[i * 0.04]) for i in range(4)] == [1, 1, 1, 0]
    assert known.faces[0.0][0].landmarks is None and known.settled.at(0.0).prints == {}


def test_memory_lasts_before_anything_is_heard_or_seen() -> None:
    one, other = Looking(MODELS, NETWORKS, 6), Looking(MODELS, NETWORKS, 6)
    one._attributor.recall({-1: PRINT})
    other.recall(one.memory())
    assert other.memory() == one.memory() and list(other.latest.prints) == [-1]
