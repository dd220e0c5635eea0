"""A small result as a run leaves it, before anything is made of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FACE = {"voice": "known", "voice_known": True, "lips_visible": True, "score": 0.9}


def caption(t: float, end: float, face: int | None, text: str) -> dict[str, Any]:
    words = text.split()
    step = (end - t) / len(words)
    timed = [[word, round(t + i * step, 3), round(t + (i + 1) * step, 3)] for i, word in enumerate(words)]
    return {
        "t": t,
        "type": "caption",
        "face": face,
        "text": text,
        "start": t,
        "end": end,
        "final": True,
        "words": timed,
    }


def face(t: float, id: int, left: float) -> dict[str, Any]:
    return {"t": t, "type": "face", "id": id, "box": [left, 0.2, 0.2, 0.3], "speaking": 0.9, **FACE}


EVENTS: list[dict[str, Any]] = [
    {"t": 0.0, "type": "start", "made_by": "earshot process", "file": "our talk.mp4", "duration": 6.0},
    {"t": 0.0, "type": "audio", "seconds_before": 0.0},
    *[face(t / 10, 2, 0.0) for t in range(60)],
    {"t": 3.0, "type": "sound", "tags": [["dog bark", 0.9], ["speech", 0.5]]},
    caption(2.0, 3.0, -1, 'He said "no".'),
    caption(1.0, 2.5, 2, "Is 1 < 2?"),
    {**caption(0.5, 0.9, 2, "Is"), "final": False, "words": []},
    caption(4.0, 5.0, None, "Far away."),
    {"t": 1.0, "type": "turn", "id": 2, "end": 2.5},
    {"t": 2.0, "type": "turn", "id": -1, "end": 3.0},
    {"t": 6.0, "type": "end", "faces": [2], "voices": [1], "notes": []},
]


def left(folder: Path, events: list[dict[str, Any]] | None = None) -> Path:
    """Write the events of a run that has just ended."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events or EVENTS))
    return folder
