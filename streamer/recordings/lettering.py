"""Words as pictures, in the letters of any script that the installed fonts have."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from models.common.arrays import U8
from models.common.weights import packaged

FONTS = (
    ("matplotlib", "mpl-data", "fonts", "ttf", "DejaVuSans.ttf"),
    ("koreanize_matplotlib", "fonts", "NanumGothic.ttf"),
)
"""Package and file of each, the first that has a letter draws it: Latin, Greek, Cyrillic, Arabic, Hebrew, Georgian and
Armenian; and with the extra "languages" Korean, which has Chinese characters and kana, too."""

LACKING = "\uffff"
"""No letter: what a font draws in its place stands for all that it lacks."""

UNKNOWN = "□"
"""For letters that no font has and that have no reading of their own."""

READ_ALOUD = ("HANGUL SYLLABLE", "HIRAGANA LETTER", "KATAKANA LETTER")
"""Beginnings of the names that Unicode gives to letters which end in how they are read."""

LONGEST = 400
"""Letters of a line; the rest could not be seen."""

Font = ImageFont.FreeTypeFont


@lru_cache(maxsize=256)
def ink(text: str, size: int) -> U8:
    """Return how far each pixel of a line of text is covered: (height, width), 0..255; all lines are equally high."""
    runs = list(_runs(text[:LONGEST], size))
    up, down = _fonts(size)[0].getmetrics()
    width = max(1, round(sum(font.getlength(part) for font, part in runs)))
    picture = Image.new("L", (width, up + down))
    pen, x = ImageDraw.Draw(picture), 0.0
    for font, part in runs:
        pen.text((round(x), up), part, fill=255, font=font, anchor="ls")
        x += font.getlength(part)
    return np.asarray(picture, np.uint8)


@lru_cache(maxsize=256)
def fitted(text: str, size: int, most: int) -> str:
    """Return a line without its beginning, as far as it is wider than `most` pixels."""
    words = text[-LONGEST:].split(" ")
    while len(words) > 1 and sum(font.getlength(part) for font, part in _runs(" ".join(words), size)) > most:
        del words[0]
    return " ".join(words)


def _runs(text: str, size: int) -> Iterator[tuple[Font, str]]:
    """Yield stretches of a text with the font that draws them."""
    fonts = _fonts(size)
    if text.isascii() and text.isprintable():
        yield fonts[0], text
        return
    shown = unicodedata.normalize("NFC", "".join(c if c.isprintable() else " " for c in text))
    known = "".join(c if _drawn_by(c, size) is not None else _read(c) for c in shown)
    for number, letters in groupby(known, lambda c: _drawn_by(c, size)):
        yield fonts[number or 0], "".join(letters)


@lru_cache(maxsize=4096)
def _drawn_by(letter: str, size: int) -> int | None:
    """Return the number of the first font that has a letter."""
    if letter.isspace() or unicodedata.combining(letter):
        return 0
    for number, font in enumerate(_fonts(size)):
        if bytes(font.getmask(letter)) != bytes(font.getmask(LACKING)):
            return number
    return None


def _read(letter: str) -> str:
    """Return how a letter that no font has is read: 김 is "Gim"."""
    name = unicodedata.name(letter, "")
    return name.split()[-1].capitalize() if name.startswith(READ_ALOUD) else UNKNOWN


@lru_cache(maxsize=8)
def _fonts(size: int) -> list[Font]:
    found = []
    for package, *parts in FONTS:
        try:
            found.append(ImageFont.truetype(str(packaged(package, *parts)), size))
        except (FileNotFoundError, ValueError):
            continue
    if not found:
        raise FileNotFoundError("no font is installed: matplotlib brings one")
    return found
