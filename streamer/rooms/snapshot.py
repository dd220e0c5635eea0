"""What is known of a room as plain values: names, voices, faders, words, rules.

Not kept are a made portrait, which goes with its owner, pictures to be searched, a recording, which is begun by telling
everybody, and those who have nothing to come back with: bare clients, and screens, which their owners share anew.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from streamer.clock import now
from streamer.rooms import kept
from streamer.rooms.captions import SaidLine
from streamer.rooms.participant import NameOf, Participant
from streamer.rooms.room import Room


def gather(room: Room) -> dict[str, Any]:
    """Return what `kept.KeptRoom` describes; it changes no more, and may be written out by another thread."""
    said = room.insights.captions.lines()
    lines = [_said(one) for one in said]
    # What is in the transcript and not among them; the search takes its words from both.
    known = set(map(id, said))
    speakers: dict[str, Participant] = {one.participant.id: one.participant for one in said}
    for line in room.insights.captions.transcript.lines:
        name = line.name
        if isinstance(name, NameOf):
            kind = "sound" if line.sound else "chat"
            lines.append((kind, name.participant.id, None, 0, line.start, line.end, line.text, line.added))
            speakers[name.participant.id] = name.participant
        elif isinstance(name, SaidLine) and id(name) not in known:
            lines.append(("past", *_said(name)[1:]))
            speakers[name.participant.id] = name.participant
    chat = room.insights.chat
    speakers |= {one.participant.id: one.participant for one in chat.written}
    let_in, ended = room.admission.stays
    here = [person for person in room.participants.values() if _comes_back(person)]
    waiting = [person for person in room.admission.waiting.values() if _comes_back(person)]
    gone = speakers.keys() - {person.id for person in here + waiting}
    people = [_person(one, "here") for one in here] + [_person(one, "waiting") for one in waiting]
    people += [_named(speakers[who], "gone") for who in speakers if who in gone]
    transcript = room.insights.captions.transcript
    return rules_alone(room) | {
        "guests": room.guests,
        "let_in": list(let_in.items()),
        "ended": list(ended.items()),
        "people": people,
        "begin": transcript.begin,
        "dropped": transcript.dropped,
        "lines": lines,
        "latest": [(one.line.participant, one.line.id) for one in room.insights.captions.latest],
        "written": [(one.participant.id, one.id, one.t, one.text, one.at) for one in chat.written],
        "written_count": chat.count,
    }


def rules_alone(room: Room) -> dict[str, Any]:
    """Return what outlives a call: the rules of its room."""
    return {
        "version": kept.VERSION,
        "monotonic": time.monotonic(),
        "unix": now(),
        "rules": asdict(room.rules),
    }


def _comes_back(person: Participant) -> bool:
    return person.guest_of is None and person.screen_of is None


def _named(person: Participant, where: kept.Where) -> dict[str, Any]:
    return {"where": where, "id": person.id, "name": person.name, "face_names": list(person.face_names.items())}


def _person(person: Participant, where: kept.Where) -> dict[str, Any]:
    focus, gains, silenced = person.faders.setting
    return _named(person, where) | {
        "nonce": person.nonce,
        "role": person.role,
        "host": person.host,
        "had_control": person.had_control,
        "seated": person.seated,
        "muted": person.muted,
        "suppressed": person.suppressed,
        "hand": person.hand,
        "sees_from": person.sees_from,
        "gains": sorted(((who, face, gain) for (who, face), gain in gains), key=repr),
        "silenced": sorted(silenced),
        "focus": focus,
        "widths": list(person.widths.items()),
        "memory": person.memory if person.agent is None else person.agent.memory or person.memory,
    }


def _said(one: SaidLine) -> tuple[str, str, int | None, int, float, float, str, float]:
    line = one.line
    return ("said", one.participant.id, line.face, line.id, line.start, line.end, line.text, one.at)
