"""What a call says of its people, and how much of it is wrong: `python -m bench.descriptions FOLDER`.

FOLDER holds conversations (`models.train.data.conversations`) with what `python -m bench.conversations FOLDER` made
of them, which is replayed. A hundred moments are looked at, at even distances. A statement counts as wrong if there are
not as many people, or if who is said to talk does not within `NEAR` seconds.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.page import publish, table
from models.common.audio import SAMPLE_RATE
from models.train.data.conversations import FRAME, Conversation, load
from streamer.engine.types import FaceState
from streamer.rooms.situation import PAUSE, Situation, people

MOMENTS = 100
NEAR = 0.5
LIMIT = 0.05
"""Share of statements that may be wrong."""


def moments(conversation: Conversation, count: int) -> Iterator[tuple[float, Situation]]:
    """Replay what was found in a conversation; yield times at even distances with what is known then."""
    events = [json.loads(line) for line in (conversation.path.with_suffix("") / "events.jsonl").open()]
    duration = conversation.voices.shape[1] / SAMPLE_RATE
    wanted = [duration * (k + 1) / (count + 1) for k in range(count)]
    now = 0.0
    situation = Situation(clock=lambda: now)
    at: dict[float, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        if event["type"] == "face":
            at[event["t"]].append(event)
    for t in sorted(at):
        if wanted and t >= wanted[0]:
            yield wanted.pop(0), situation
        now = t
        faces = [
            FaceState(e["id"], tuple(e["box"]), e["score"], e["lips_visible"], e["speaking"], e["voice"], 0, None)
            for e in at[t]
        ]
        situation.look(faces, [])


def numbered(conversation: Conversation) -> dict[int, int]:
    """Return whose face each number is, as most pictures say."""
    votes: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for line in (conversation.path.with_suffix("") / "events.jsonl").open():
        event = json.loads(line)
        if event["type"] == "face" and (person := conversation.person_at(event["t"], event["box"])) is not None:
            votes[event["id"]][person] += 1
    return {number: max(count, key=lambda person: count[person]) for number, count in votes.items()}


def judged(facts: str, conversation: Conversation, t: float) -> Iterator[tuple[str, bool]]:
    """Yield each statement, and whether it is right."""
    shown = next((int(who) for begin, end, who in conversation.shots if begin <= t < end), -1)
    seen = [shown] if shown >= 0 else conversation.seen
    talks = conversation.talks()
    frames = [int((t + d) * SAMPLE_RATE / FRAME) for d in (-PAUSE - NEAR, NEAR)]
    said = {k for k, row in enumerate(talks) if row[max(frames[0], 0) : frames[1]].any()}
    for part in (p.strip() for half in facts.split(";") for p in half.split(", ")):
        if part.endswith("talking"):
            claimed = part.rsplit(" is ", 1)[0].rsplit(" are ", 1)[0]
            if claimed.startswith("person"):
                right = {int(number) for number in re.findall(r"person(\d+)", claimed)} <= said
            else:
                right = len(said & set(seen)) >= {"one of them": 1, "both": 2}.get(claimed, len(seen))
            yield part, right
        elif part:
            yield part, part == people(len(seen))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    conversations = [one for one in load(options.folder) if (one.path.with_suffix("") / "events.jsonl").exists()]
    counts = {"how many people": [0, 0], "who talks": [0, 0]}
    for conversation in conversations:
        names: dict[int | None, str] = {face: f"person{person}" for face, person in numbered(conversation).items()}
        for t, situation in moments(conversation, -(-MOMENTS // len(conversations))):
            for statement, right in judged(situation.text(names.get), conversation, t):
                count = counts["who talks" if statement.endswith("talking") else "how many people"]
                count[0] += 1
                count[1] += not right
    stated, wrong = (sum(count[k] for count in counts.values()) for k in (0, 1))
    rows = [[kind, *map(str, count)] for kind, count in counts.items()]
    verdict = "kept" if wrong <= LIMIT * stated else "**not kept**"
    note = (
        f"{len(conversations)} composed conversations of strangers, {wrong} of {stated} statements wrong; limit "
        f"{LIMIT:.0%}: {verdict}."
    )
    publish(
        "descriptions", "python -m bench.descriptions FOLDER", f"{table(['said', 'times', 'wrong'], rows)}\n\n{note}"
    )


if __name__ == "__main__":
    main()
