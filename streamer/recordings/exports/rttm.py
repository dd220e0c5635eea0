"""RTTM: who speaks when, as tools that measure diarisation read it. Source: NIST, "RT-09", appendix A."""

from __future__ import annotations

from streamer.recordings.exports.result import Result


def rttm(result: Result) -> str:
    """Return a line a turn; blanks in names become underscores, for fields are parted by them."""
    file = _field(result.file.rpartition(".")[0] or result.file)
    return "".join(
        f"SPEAKER {file} 1 {turn.start:.3f} {turn.end - turn.start:.3f} <NA> <NA> "
        f"{_field(result.label(turn.person))} <NA> <NA>\n"
        for turn in result.turns
    )


def _field(text: str) -> str:
    return "_".join(text.split()) or "<NA>"
