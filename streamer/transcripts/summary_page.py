"""The summary of a call as one page to keep: it needs no server, no script and nothing else."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from streamer.transcripts.keywords import salient
from streamer.transcripts.page_texts import Language, PageTexts
from streamer.transcripts.subtitle_text import clock
from streamer.transcripts.summary import Share, Utterance, exchanges, questions, shares, spread

MOST_PICTURES = 12

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.2rem; font-size: 1.15rem; }
table { width: 100%; border-collapse: collapse; }
td, th { padding: .3rem .6rem .3rem 0; text-align: start; vertical-align: middle; }
td.when { width: 50%; }
.line { position: relative; height: .9rem; border-radius: .3rem;
  background: color-mix(in srgb, currentColor 12%, transparent); }
.line i { position: absolute; top: 0; bottom: 0; min-width: 2px; border-radius: .2rem; background: #b86b00; }
.words span { display: inline-block; margin: 0 .5rem .4rem 0; padding: .1rem .7rem; border-radius: 1rem;
  background: color-mix(in srgb, currentColor 12%, transparent); }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .8rem; }
figure { margin: 0; } img { width: 100%; border-radius: .5rem; } figcaption, time { font-size: .85rem; opacity: .75; }
time { font-variant-numeric: tabular-nums; } p { margin: .3rem 0; overflow-wrap: anywhere; }
summary { cursor: pointer; }
:lang(ko) { word-break: keep-all; }
"""


@dataclass(frozen=True, slots=True)
class Picture:
    """What a camera showed.

    Attributes:
        t: Seconds.
        owner: Whose camera; empty if they have left.
        jpeg: The picture.
    """

    t: float
    owner: str
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a summary is made of, in order of time."""

    lines: Sequence[Utterance]
    pictures: Sequence[Picture] = ()


def summary_page(call: Gathered, language: Language = "en") -> str:
    """Write the page.

    Args:
        call: with one line at least.
        language: of all but what people said.

    Returns:
        HTML; all that people said and are called is text in it.
    """
    begin = call.lines[0].start
    end = max(line.end for line in call.lines)
    day = datetime.fromtimestamp(begin, UTC)
    date = f"{day.year}년 {day.month}월 {day.day}일" if language == "ko" else f"{day:%d %B %Y}"
    t = PageTexts(language)
    about = t(
        "{length} from the first word to the last, {lines}. Counted and collected by Earshot "
        "from what was understood; times are about right, and words may be wrong.",
        length=clock(end - begin),
        lines=_lines(t, len(call.lines)),
    )
    parts = [
        f"<h1>{t('Call of {date}, {time} UTC', date=date, time=f'{day:%H:%M}')}</h1><p>{about}</p>",
        _spoken(t, shares(call.lines), begin, end),
        _words(t, call.lines),
        _exchanges(t, call.lines, begin),
        _section(t("Questions"), [_line(t, line, begin) for line in questions(call.lines)]),
        _pictures(t, call.pictures, begin),
        f"<h2>{t('All that was said and written')}</h2><details><summary>{t('Show')}</summary>",
        *[_line(t, line, begin) for line in call.lines],
        "</details>",
    ]
    title = f"<title>{t('Call of {date}', date=date)}</title>"
    head = f"<meta charset=utf-8><meta name=viewport content='width=device-width'>{title}<style>{STYLE}</style>"
    return f"<!doctype html><html lang={language}>{head}<body>{''.join(parts)}</body></html>\n"


def _lines(t: PageTexts, count: int) -> str:
    return t("1 line") if count == 1 else t("{n} lines", n=count)


def _section(title: str, rows: list[str]) -> str:
    return f"<h2>{title}</h2>{''.join(rows)}" if rows else ""


def _line(t: PageTexts, line: Utterance, begin: float) -> str:
    name = f"<b>{escape(t.speaker(line.speaker))}</b>"
    who = t("{name} (written)", name=name) if line.written else name
    at = f"<time>{clock(max(0.0, line.start - begin))}</time>"
    return f"<p dir=auto>{at} {who}: {escape(line.text)}</p>"


def _spoken(t: PageTexts, spoken: list[Share], begin: float, end: float) -> str:
    whole = max(end - begin, 1e-3)
    rows = []
    for share in spoken:
        bars = "".join(
            f"<i style='left:{100 * (a - begin) / whole:.2f}%;width:{100 * (b - a) / whole:.2f}%'></i>"
            for a, b in share.spans
        )
        name = f"<th dir=auto>{escape(t.speaker(share.speaker))}</th>"
        how = f"<td>{clock(share.seconds)}</td><td>{_lines(t, share.lines)}</td>"
        rows.append(f"<tr>{name}{how}<td class=when><div class=line>{bars}</div></td></tr>")
    return f"<h2>{t('Who spoke how long, and when')}</h2><table>{''.join(rows)}</table>" if rows else ""


def _words(t: PageTexts, lines: Sequence[Utterance]) -> str:
    found = salient(line.text for line in lines)
    chips = "".join(f"<span>{escape(word)}</span>" for word in found)
    return f"<h2>{t('Words that came again')}</h2><p class=words>{chips}</p>" if found else ""


def _exchanges(t: PageTexts, lines: Sequence[Utterance], begin: float) -> str:
    rows = []
    for one in exchanges(lines):
        who = escape(", ".join(map(t.speaker, one.speakers)))
        how = f"{clock(one.seconds)}, {_lines(t, len(one.lines))}"
        title = f"<time>{clock(one.start - begin)}</time> <b dir=auto>{who}</b>, {how}"
        said = "".join(_line(t, line, begin) for line in one.lines)
        rows.append(f"<details><summary>{title}</summary>{said}</details>")
    return _section(t("The longest exchanges"), rows)


def _pictures(t: PageTexts, pictures: Sequence[Picture], begin: float) -> str:
    shown = [pictures[index] for index in spread([picture.t for picture in pictures], MOST_PICTURES)]
    figures = []
    for picture in shown:
        data = base64.b64encode(picture.jpeg).decode("ascii")
        what = escape(f"{clock(max(0.0, picture.t - begin))} {picture.owner}".strip())
        image = f"<img src='data:image/jpeg;base64,{data}' alt='{t('What the camera showed')}'>"
        figures.append(f"<figure>{image}<figcaption dir=auto>{what}</figcaption></figure>")
    return f"<h2>{t('Seen')}</h2><div class=pictures>{''.join(figures)}</div>" if figures else ""
