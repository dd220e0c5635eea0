"""What `earshot load` measured, as figures and as a table."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from streamer.client.caller import Caller
from streamer.client.listening import Listening


@dataclass
class Room:
    """One call of the load.

    Attributes:
        name: room id.
        callers: who talks, and last who listens.
        listening: what that one gets.
        lost: packets that did not come, of those that should have, by kind.
    """

    name: str
    callers: list[Caller]
    listening: Listening
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    counted: dict[str, tuple[int, int]] = field(default_factory=dict)


def report(calls: list[Room], shown: list[float], seconds: float, faces: int) -> dict[str, Any]:
    """Put together what was measured.

    Args:
        calls: after they were held.
        shown: pictures a second, of each.
        seconds: how long it was measured.
        faces: in each.

    Returns:
        Figures that JSON can carry; those that could not be had are None.
    """
    rows = []
    for call, pictures in zip(calls, shown, strict=True):
        joins = [caller.joins[0] for caller in call.callers if caller.joins]
        rows.append(
            {
                "room": call.name,
                "delay_p50": _quantile(call.listening.delays, 0.5),
                "delay_p95": _quantile(call.listening.delays, 0.95),
                "delay_p99": _quantile(call.listening.delays, 0.99),
                "marks": len(call.listening.delays),
                "sound_lost": _share(*call.counted.get("audio", (0, 0))),
                "pictures_lost": _share(*call.counted.get("video", (0, 0))),
                "longest_gap": round(call.listening.longest_gap, 3),
                "pictures_a_second": round(pictures, 1),
                "join_p50": _quantile(joins, 0.5),
                "join_longest": _quantile(joins, 1.0),
                "cuts": sum(caller.cuts for caller in call.callers),
            }
        )
    return {"rooms": len(calls), "faces": faces, "seconds": round(seconds, 1), "calls": rows}


def _quantile(values: list[float], quantile: float) -> float | None:
    return round(float(np.quantile(values, quantile)), 3) if values else None


def _share(lost: int, came: int) -> float | None:
    return round(lost / (lost + came), 5) if lost + came else None


COLUMNS = (
    ("delay p50", "delay_p50", "ms"),
    ("p95", "delay_p95", "ms"),
    ("p99", "delay_p99", "ms"),
    ("sound lost", "sound_lost", "%"),
    ("pictures lost", "pictures_lost", "%"),
    ("longest gap", "longest_gap", "ms"),
    ("pictures/s", "pictures_a_second", ""),
    ("join p50", "join_p50", "ms"),
    ("longest", "join_longest", "ms"),
    ("cuts", "cuts", ""),
)
"""Head, figure, and unit of the table's columns."""


def table(said: dict[str, Any]) -> str:
    """Write the report for a person, a call a line."""

    def cell(value: float | None, unit: str) -> str:
        if value is None:
            return "-"
        return (
            {"ms": f"{1000 * value:.0f} ms", "%": f"{100 * value:.2f} %"}.get(unit, f"{value:g}")
            if unit
            else f"{value:g}"
        )

    lines = [["call", *(head for head, _, _ in COLUMNS)]]
    lines += [[row["room"], *(cell(row[name], unit) for _, name, unit in COLUMNS)] for row in said["calls"]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join("  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)) for line in lines)
