"""What is said of pictures of a call, and how much of it is wrong: `python -m bench.descriptions FOLDER`.

FOLDER holds conversations (`models.train.data.conversations`) with what `python -m bench.conversations FOLDER` made
of them. A hundred pictures are looked at, at even distances. A statement about people counts as wrong if there are not
as many, or who is said to talk does not within `NEAR` seconds. A caption counts as wrong if it tells of another number
of people, or of anything that no picture of somebody filmed talking shows. `--sheet PNG` draws the pictures with what
is said, to look at.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from bench.page import publish, table
from models.common.arrays import U8
from models.common.audio import SAMPLE_RATE
from models.sounds.runtime import SoundTagger
from models.sounds.tags import UNKNOWN
from models.train.data.conversations import FRAME, Conversation, load
from models.vision.captioning_runtime import Captioner, gist
from models.vision.familiar import Familiar
from models.vision.image_runtime import ImageRuntime, fit
from streamer.engine.types import FaceState
from streamer.rooms.situation import PAUSE, Situation, people

PICTURES = 100
NEAR = 0.5
LIMIT = 0.05
"""Share of wrong statements about people and sounds."""

COUNTS = dict.fromkeys("man woman boy girl person lady child".split(), 1) | dict.fromkeys("men women people".split(), 2)
TRUE = set(
    "a an the is are in on with and of his her their at to for it that this who while another other two three one has "
    "have man woman boy girl person lady men women people young old older adult smiling smiles talking talks speaking "
    "looking looks face hair dark blond brown black white blue red grey gray green shirt suit jacket tie glasses beard "
    "wearing standing stands sitting sits microphone camera up wall background front posing poses holding hold hands "
    "head".split()
)
"""Words of a caption that may be true of somebody filmed talking; generous: colours and clothes are not checked."""


@dataclass
class Shown:
    """A picture, with what is said of it and what is true.

    Attributes:
        picture: (H, W, 3).
        facts: of the call.
        caption: of the captioner.
        familiar: whether the captioner knows such pictures.
        wrong: statements of the facts that are wrong.
        stated: statements of the facts.
        caption_wrong: whether the caption is.
    """

    picture: U8
    facts: str
    caption: str
    familiar: bool
    wrong: list[str]
    stated: int
    caption_wrong: bool


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


def mistakes(facts: str, conversation: Conversation, t: float, sounds: int) -> tuple[list[str], int]:
    """Return what is wrong of the facts, and of how many statements."""
    shown = next((int(who) for begin, end, who in conversation.shots if begin <= t < end), -1)
    seen = [shown] if shown >= 0 else conversation.seen
    talks = conversation.talks()
    frames = [int((t + d) * SAMPLE_RATE / FRAME) for d in (-PAUSE - NEAR, NEAR)]
    said = {k for k, row in enumerate(talks) if row[max(frames[0], 0) : frames[1]].any()}
    wrong, stated = [], 0
    for part in (p.strip() for half in facts.split(";") for p in half.split(",")):
        if not part:
            continue
        stated += 1
        if part.endswith("talking"):
            claimed = part.rsplit(" is ", 1)[0].rsplit(" are ", 1)[0]
            if claimed.startswith("person"):
                named = {int(number) for number in re.findall(r"person(\d+)", claimed)}
                right = named <= said
            elif claimed == "somebody who is not to be seen":
                right = bool(said - set(seen))
            else:
                right = len(said & set(seen)) >= {"one of them": 1, "both": 2}.get(claimed, len(seen))
        elif "face" in part or "person" in part or "people" in part:
            right = part == people(len(seen))
        else:
            # Nothing but speech sounds in these.
            right = False
        if not right:
            wrong.append(part)
    return wrong, stated


def caption_is_wrong(caption: str, count: int) -> bool:
    """Whether a caption is certainly wrong of `count` people filmed talking."""
    words = caption.split()
    claimed = next((COUNTS[word] for word in words if word in COUNTS), 0)
    if "three" in words or "group" in words:
        claimed = 3
    another = " and " in caption and sum(word in COUNTS for word in words) > 1
    return not set(words) <= TRUE or (2 if another else claimed) != count


def look(folder: Path) -> list[Shown]:
    encoder, captioner, familiar, tagger = ImageRuntime(), Captioner(), Familiar.load(), SoundTagger()
    conversations = [one for one in load(folder) if (one.path.with_suffix("") / "events.jsonl").exists()]
    found = []
    for conversation in conversations:
        film, who = cv2.VideoCapture(str(conversation.path)), numbered(conversation)
        for t, situation in moments(conversation, -(-PICTURES // len(conversations))):
            film.set(cv2.CAP_PROP_POS_MSEC, 1000 * t)
            read, frame = film.read()
            if not read:
                continue
            picture = np.ascontiguousarray(frame[:, :, ::-1])
            end = int(t * SAMPLE_RATE)
            sound = conversation.mixture[max(0, end - SoundTagger.WINDOW) : end]
            sound = np.pad(sound, (SoundTagger.WINDOW - len(sound), 0)).astype(np.float32)
            tags = [name for name, _ in tagger.tags(sound[None])[0] if name != UNKNOWN]
            situation.hear(tags)
            names: dict[int | None, str] = {face: f"person{person}" for face, person in who.items()}
            facts = situation.text(names.get)
            grids = encoder.encode(fit(picture)[None])
            caption = captioner.caption(grids)[0].text
            shown = next((int(p) for begin, stop, p in conversation.shots if begin <= t < stop), -1)
            count = 1 if shown >= 0 else len(conversation.seen)
            wrong, stated = mistakes(facts, conversation, t, len(tags))
            knows = bool(familiar.of(gist(grids))[0])
            found.append(Shown(picture, facts, caption, knows, wrong, stated, caption_is_wrong(caption, count)))
    return found[:PICTURES]


def draw(shown: list[Shown], path: Path) -> None:
    tiles = []
    for one in shown:
        tile = np.full((250, 320, 3), 255, np.uint8)
        small = cv2.resize(one.picture[:, :, ::-1], (320, 180))
        tile[:180] = small
        verdict = f"familiar {one.familiar} wrong {one.wrong} {one.caption_wrong}"
        lines = [one.facts[:52], one.caption[:52], verdict[:60]]
        for k, line in enumerate(lines):
            cv2.putText(tile, line, (2, 198 + 20 * k), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (0, 0, 0), 1, cv2.LINE_AA)
        tiles.append(tile)
    rows = [np.hstack((tiles[k : k + 5] + [np.full_like(tiles[0], 255)] * 5)[:5]) for k in range(0, len(tiles), 5)]
    cv2.imwrite(str(path), np.vstack(rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    shown = look(options.folder)
    if options.sheet:
        draw(shown, options.sheet)
    captions = [one for one in shown if one.familiar]
    stated, wrong = sum(one.stated for one in shown), sum(len(one.wrong) for one in shown)
    rows = [
        ["before: the caption, always", str(len(shown)), str(sum(one.caption_wrong for one in shown))],
        ["now: what the call knows", str(stated), str(wrong)],
        ["now: the caption, of familiar pictures", str(len(captions)), str(sum(one.caption_wrong for one in captions))],
    ]
    told = sum(bool(one.facts) for one in shown)
    verdict = "kept" if wrong <= LIMIT * stated else "**not kept**"
    note = (
        f"{len(shown)} pictures of composed conversations of strangers; of {told} something is said. A caption "
        "counts as wrong where it is certainly so (another number of people, or things foreign to such pictures). "
        f"At most {LIMIT:.0%} of what the call knows may be wrong: {verdict}."
    )
    page = table(["what is said", "statements", "wrong"], rows)
    publish("descriptions", "python -m bench.descriptions FOLDER", f"{page}\n\n{note}")


if __name__ == "__main__":
    main()
