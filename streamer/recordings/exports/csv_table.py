"""CSV: a row a sentence, for spreadsheets."""

from __future__ import annotations

import csv
import io

from streamer.recordings.exports.result import Result

HEAD = ("start", "end", "number", "speaker", "text")


def csv_table(result: Result) -> str:
    """Return the table; times are seconds. It begins with the mark by which spreadsheets know UTF-8."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(HEAD)
    for said in result.said:
        number = "" if said.person is None else said.person
        rows.writerow((f"{said.start:.3f}", f"{said.end:.3f}", number, result.label(said.person), said.text))
    return "\ufeff" + out.getvalue()
