"""TextGrid, for Praat: sentences, words and turns of each speaker. Source: Praat manual, "TextGrid file formats"."""

from __future__ import annotations

from collections.abc import Iterable

from streamer.recordings.exports.result import Result
from streamer.recordings.exports.tiers import Stretch, tiers


def textgrid(result: Result) -> str:
    """Return the text; intervals fill every tier from 0 to the end, empty where nothing is said."""
    parts = [
        (name, stretches)
        for tier in tiers(result)
        for name, stretches in (
            (tier.name, tier.sentences),
            (f"{tier.name}: words", tier.words),
            (f"{tier.name}: speaks", tier.turns),
        )
    ]
    end = max([round(result.duration * 1000), 1, *(stretches[-1].end for _, stretches in parts if stretches)])
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {_seconds(end)}"]
    # Praat reads no grid without a tier.
    parts = parts or [("nobody", [])]
    lines += ["tiers? <exists>", f"size = {len(parts)}", "item []:"]
    for number, (name, stretches) in enumerate(parts, 1):
        intervals = list(_filled(stretches, end))
        lines += [
            f"    item [{number}]:",
            '        class = "IntervalTier"',
            f"        name = {_quoted(name)}",
            "        xmin = 0",
            f"        xmax = {_seconds(end)}",
            f"        intervals: size = {len(intervals)}",
        ]
        for i, interval in enumerate(intervals, 1):
            lines += [
                f"        intervals [{i}]:",
                f"            xmin = {_seconds(interval.start)}",
                f"            xmax = {_seconds(interval.end)}",
                f"            text = {_quoted(interval.text)}",
            ]
    return "\n".join(lines) + "\n"


def _filled(stretches: Iterable[Stretch], end: int) -> Iterable[Stretch]:
    """Yield stretches with empty ones between them, from 0 to the end."""
    at = 0
    for stretch in stretches:
        if stretch.start > at:
            yield Stretch(at, stretch.start, "")
        yield stretch
        at = stretch.end
    if at < end:
        yield Stretch(at, end, "")


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f}".rstrip("0").rstrip(".")


def _quoted(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
