"""Subtitles as the files that players read: WebVTT and SubRip."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator

from streamer.transcripts.subtitles import Cue, Spoken
from streamer.transcripts.words import Word

LABEL = 24
"""Most characters of a speaker's name before what is said."""

Named = Callable[[Hashable], str]
"""Gives a speaker's name; empty if there is none."""


def webvtt(cues: Iterable[Cue], name: Named, settings: Callable[[Cue], str] = lambda cue: "") -> str:
    """Return WebVTT, speakers as voice tags. Source: W3C WebVTT, 4.2 and 6.1.

    Args:
        cues: In order of time.
        name: Of each speaker.
        settings: Where a cue stands, such as "position:30%".
    """
    return "".join(["WEBVTT\n", *(f"\n{vtt_cue(cue, name(cue.speaker), settings(cue))}" for cue in cues)])


def vtt_cue(cue: Cue, name: str = "", settings: str = "") -> str:
    """Return one cue of a WebVTT file."""
    voice = f"<v {escaped(name)}>" if name else ""
    times = f"{span(cue.start, cue.end, '.')} {settings}".rstrip()
    return f"{times}\n{voice}{escaped(chr(10).join(cue.lines))}\n"


def subrip(cues: Iterable[Cue]) -> str:
    """Return SubRip; who speaks has to be in the words (see `labelled`)."""
    return "\n".join(srt_cue(number, cue) for number, cue in enumerate(cues, 1))


def srt_cue(number: int, cue: Cue) -> str:
    """Return one cue of a SubRip file."""
    return f"{number}\n{span(cue.start, cue.end, ',')}\n{harmless(chr(10).join(cue.lines))}\n"


def labelled(spoken: Iterable[Spoken], name: Named) -> Iterator[Spoken]:
    """Put the speaker's name before what is said wherever another one begins to speak."""
    before: Hashable = None
    for sentence in sorted((one for one in spoken if one.words), key=lambda one: one.words[0].start):
        words, label = sentence.words, name(sentence.speaker)
        if label and sentence.speaker != before:
            short = label if len(label) <= LABEL else label[: LABEL - 1].rstrip() + "…"
            words = (Word(f"{short}:", words[0].start, words[0].start, opens=True), *words)
        before = sentence.speaker
        yield Spoken(sentence.speaker, words)


def one_line(text: str) -> str:
    """Return text without line breaks and other characters that are not to be seen."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def escaped(text: str) -> str:
    """Return WebVTT cue text; the arrow between times loses its head with it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def harmless(text: str) -> str:
    r"""Return SubRip text. It has no escapes: players take <...> for markup and {\...} for positions."""
    return text.translate(str.maketrans("<>{", "\u2039\u203a("))


def span(start: int, end: int, point: str) -> str:
    """Return the line of times of a cue, from milliseconds; `point` stands before the thousandths."""
    return f"{_stamp(start, point)} --> {_stamp(end, point)}"


def _stamp(milliseconds: int, point: str) -> str:
    """Return HH:MM:SS.mmm, hours as long as they need to be."""
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{point}{rest % 1000:03}"


def clock(seconds: float) -> str:
    """Return H:MM:SS, to be read."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
