"""`index.html`: a page to be opened from the folder, with picture, voices, who speaks when, and what was said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from pathlib import Path
from string import Template

from streamer.recordings.exports.placement import Spot
from streamer.recordings.exports.result import Result
from streamer.transcripts.subtitle_text import escaped
from streamer.transcripts.subtitles import Cue

WEB = Path(__file__).parents[3] / "web"

COLOURS = 6
"""Faces and voices have these in turn, as on the page of a call."""

EVERYTHING_ELSE = "Everything else"
"""What no voice accounts for."""

UNITS = 100
"""Of the timeline's drawing, a second."""


def report(
    result: Result, files: Iterable[str], spots: Mapping[Cue, Spot], overlay: str | None, subtitled: bool
) -> str:
    """Return the page.

    Args:
        result: What it tells.
        files: Names of the files beside it that it points to.
        spots: Subtitles, and where they stand.
        overlay: Name of the video; None without.
        subtitled: Whether subtitles are shown until somebody wants none.
    """
    heard = [person for person in result.people if person.sound is not None]
    voices = [_voice(result, person.number, person.label, person.sound or "") for person in heard]
    if result.has_sound:
        voices.append(_voice(result, None, EVERYTHING_ELSE if heard else "All sound", "rest.wav"))
    count = len(heard)
    facts = [
        _clock(result.duration),
        f"{count} {'voice' if count == 1 else 'voices'}" if result.has_sound else "no sound",
    ]
    said = 'preload="auto" playsinline aria-label="The recording, with a box on every face"'
    video = "" if overlay is None else f'<video src="{escape(overlay)}" {said}></video>'
    cues = [
        [cue.start / 1000, cue.end / 1000, escaped("\n".join(cue.lines)), spot.across, spot.top, spot.width]
        for cue, spot in spots.items()
    ]
    return Template(_part("report/report.html")).substitute(
        title=escape(result.file),
        style=_part("style.css") + _part("report/report.css"),
        logo=_part("logo.svg").replace("<svg ", '<svg aria-hidden="true" ').strip(),
        facts=escape(", ".join(facts)),
        duration=f"{result.duration:.3f}",
        sound_begins=f"{result.sound_begins:.4f}",
        video=video,
        subtitled=str(subtitled and bool(cues) and overlay is not None).lower(),
        no_subtitles="" if cues and overlay is not None else "hidden",
        voices="\n".join(voices),
        transcript=_transcript(result),
        files=", ".join(f'<a href="{escape(name)}">{escape(name)}</a>' for name in files),
        # A "<" could end the element it stands in.
        cues=json.dumps(cues).replace("<", "\\u003c"),
        texts=json.dumps({"ko": _texts("ko")}, ensure_ascii=False).replace("<", "\\u003c"),
        script=_script(),
    )


def _voice(result: Result, number: int | None, label: str, sound: str) -> str:
    """Return the row of a speaker: name, whether only it is heard, fader, and when it speaks."""
    turns = [turn for turn in result.turns if number is not None and turn.person == number]
    spans = [(round(turn.start * UNITS), max(round(turn.end * UNITS), round(turn.start * UNITS) + 1)) for turn in turns]
    path = "".join(f"M{start} 1h{end - start}v8h-{end - start}z" for start, end in spans)
    length = max(round(result.duration * UNITS), 1)
    name = escape(label)
    spoken = f"{name} speaks {'once' if len(turns) == 1 else f'{len(turns)} times'}"
    return f"""<div class="voice" style="--colour: {_colour(number)}">
            <h2><span class="dot"></span><span>{name}</span></h2>
            <button class="button small solo" type="button" aria-pressed="false" aria-label="Only {name}">Only</button>
            <input type="range" min="0" max="100" step="5" value="100" aria-label="Loudness of {name}">
            <svg viewBox="0 0 {length} 10" preserveAspectRatio="none" role="img" aria-label="{spoken}">
              <path d="{path}"/>
            </svg>
            <audio src="{escape(sound)}" preload="auto"></audio>
          </div>"""


def _transcript(result: Result) -> str:
    """Return the lines of the transcript, each of which leads to its place."""
    lines = [(said.start, result.label(said.person), said.text, said.person, "") for said in result.said]
    lines += [(t, "", text, None, " sound") for t, text in result.sounds]
    if not lines:
        return ""
    items = [
        f'<li><button class="line{kind}" type="button" data-start="{t:.3f}" style="--colour: {_colour(person)}">'
        f"{f'<b>{escape(name)}</b> ' if name else ''}<time>{_clock(t)}</time>"
        f'<span translate="no">{escape(text)}</span></button></li>'
        for t, name, text, person, kind in sorted(lines, key=lambda line: line[0])
    ]
    head = '<section class="said-list" aria-label="Transcript">\n<h2>Transcript</h2>\n<ol>'
    return "\n".join([head, *items, "</ol>\n</section>"])


def _colour(number: int | None) -> str:
    return "var(--quiet)" if number is None else f"var(--face-{(number - 1) % COLOURS})"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@cache
def _script() -> str:
    """Return the page's script with what it imports in front of it: a page in a folder may import nothing."""
    names = ("texts/catalogue.js", "texts/translate.js", "ui/keys.js", "report/report.js")
    modules = [_part(name) for name in names]
    return "\n".join(re.sub(r"^import .*|^export (\{\};)?", "", module, flags=re.MULTILINE) for module in modules)


@cache
def _texts(language: str) -> dict[str, str]:
    """Return what the page says in a language, by its English."""
    texts: dict[str, dict[str, str]] = json.loads(_part(f"texts/{language}.json"))
    return texts["report"] | texts["sounds"]


@cache
def _part(name: str) -> str:
    return (WEB / name).read_text(encoding="utf-8")
