"""A room made of what was kept of one."""

from __future__ import annotations

import time

import numpy as np

from streamer.clock import now
from streamer.messages.insights import CaptionLine
from streamer.rooms import kept
from streamer.rooms.captions import SaidLine
from streamer.rooms.chat import SIGN, Written
from streamer.rooms.participant import NameOf, Participant
from streamer.rooms.room import Room
from streamer.transcripts.search_index import RETENTION


def restore(room: Room, state: kept.KeptRoom) -> None:
    """Fill a new room with what was kept of one; it may be done by another thread, before anybody knows the room.

    Args:
        room: empty.
        state: checked. Its monotonic times become those of this machine, and lie as far back as they should; a clock
            that is behind the other machine's makes nothing lie in the future.
    """
    shift = time.monotonic() - max(0.0, now() - state.unix) - state.monotonic
    rules = room.rules
    rules.locked, rules.waiting_room, rules.past = state.rules.locked, state.rules.waiting_room, state.rules.past
    rules.links = max(rules.links, state.rules.links)
    room.guests = state.guests
    room.admission.recall({nonce: at + shift for nonce, at in state.let_in}, dict(state.ended))
    people = {one.id: _restored(one, shift) for one in state.people}
    for one in state.people:
        if one.where != "gone":
            (room.participants if one.where == "here" else room.admission.waiting)[one.id] = people[one.id]
    for person in [*room.participants.values(), *room.admission.waiting.values()]:
        for stranger in _heard_by(person) - people.keys():
            person.forget(stranger)
    _recall_words(room, state, people, shift)


def _restored(one: kept.Person, shift: float) -> Participant:
    person = Participant(one.name, one.role, host=one.host)
    person.id, person.nonce = one.id, one.nonce
    person.face_names = dict(one.face_names)
    person.had_control, person.seated, person.muted, person.suppressed = (
        one.had_control,
        one.seated,
        one.muted,
        one.suppressed,
    )
    person.hand = None if one.hand is None else one.hand + shift
    person.sees_from = one.sees_from + shift
    for who, face, gain in one.gains:
        person.faders.set_gain(who, face, gain)
    for who in one.silenced:
        person.faders.set_muted(who, True)
    person.faders.focus = one.focus
    person.widths = dict(one.widths)
    person.memory = one.memory
    return person


def _heard_by(person: Participant) -> set[str]:
    focus, gains, silenced = person.faders.setting
    return {*(who for (who, _), _ in gains), *silenced, *([] if focus is None else [focus[0]])}


def _recall_words(room: Room, state: kept.KeptRoom, people: dict[str, Participant], shift: float) -> None:
    captions, chat, index = room.insights.captions, room.insights.chat, room.insights.search.index
    transcript = captions.transcript
    said: dict[tuple[str, int], SaidLine] = {}
    recent = time.monotonic() - RETENTION
    for kind, who, face, number, start, end, text, at in sorted(state.lines, key=lambda line: line[-1]):
        person = people[who]
        name: NameOf | SaidLine = NameOf(person)
        at += shift
        if kind in ("said", "past"):
            line = CaptionLine(participant=who, face=face, id=number, text=text, start=start, end=end, final=True)
            name = SaidLine(person, line, at)
            if kind == "said":
                said[who, number] = name
        transcript.add(name, start, end, text, sound=kind == "sound", added=at)
        if at >= recent and kind != "sound":
            if kind == "chat":
                index.add_note(who, name, start, text.removeprefix(SIGN), at)
            else:
                # Found by its words; what it means was a vector of the models.
                index.add_words(who, name, start, text, np.zeros(0, np.float32), at)
    if state.begin is not None:
        transcript.begin = state.begin
    transcript.dropped = state.dropped
    captions.recall(said.values(), (said[key] for key in state.latest if key in said))
    written = (Written(people[who], id, t, text, at + shift) for who, id, t, text, at in state.written)
    chat.recall(written, state.written_count)
