"""Inputs that are nearly right: seeded changes of good ones."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

LONGEST = 16_384
"""Bytes or characters of an input; what is longer is refused by its length, mostly."""

INTERESTING = (
    *("0", "-1", "1", "255", "256", "65535", "65536", "2147483647", "2147483648", "-2147483649", "4294967296"),
    *(
        "18446744073709551616",
        "1e309",
        "-0.0",
        "NaN",
        "Infinity",
        "0x10",
        "٣",
        "٤٢",
        "",
        " ",
        "null",
        "true",
        "[]",
        "{}",
    ),
    *(
        '""',
        "\0",
        "\r",
        "\n",
        "\r\n\r\n",
        "\u202e",
        "\ufeff",
        "\U0001f600",
        "\ud800",
        "é",
        "%00",
        "%ff",
        "../",
        "'",
        '"',
    ),
    *("<b>", "\\", "a" * 300, "[" * 2000, '{"a":' * 2000),
)
NUMBERS = (0, 1, 2, 3, 4, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)

PARTS = re.compile(r"\d+|\w+|\s+|[^\w\s]")


def text(source: random.Random, seeds: Sequence[str]) -> str:
    """Return one of the good texts, changed up to six times."""
    made = source.choice(seeds)
    for _ in range(source.randint(1, 6)):
        made = source.choice(_TEXT)(source, made, source.choice(seeds))[:LONGEST]
    return made


def data(source: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Return one of the good packets or files, changed up to six times."""
    made = source.choice(seeds)
    for _ in range(source.randint(1, 6)):
        made = source.choice(_DATA)(source, made, source.choice(seeds))[:LONGEST]
    return made


def _span(source: random.Random, length: int) -> tuple[int, int]:
    begin = source.randint(0, length)
    return begin, min(length, begin + source.choice((1, 2, 4, 8, 40, 400)))


def _replace_part(source: random.Random, made: str, other: str) -> str:
    parts = list(PARTS.finditer(made))
    if not parts:
        return source.choice(INTERESTING)
    part = source.choice(parts)
    return made[: part.start()] + source.choice(INTERESTING) + made[part.end() :]


def _insert(source: random.Random, made: str, other: str) -> str:
    at = source.randint(0, len(made))
    return made[:at] + source.choice(INTERESTING) + made[at:]


def _drop(source: random.Random, made: str, other: str) -> str:
    begin, end = _span(source, len(made))
    return made[:begin] + made[end:]


def _repeat(source: random.Random, made: str, other: str) -> str:
    begin, end = _span(source, len(made))
    return made[:end] + made[begin:end] * source.choice((1, 2, 50)) + made[end:]


def _lines(source: random.Random, made: str, other: str) -> str:
    lines, others = made.splitlines(keepends=True), other.splitlines(keepends=True)
    if not lines:
        return other
    at = source.randrange(len(lines))
    what = source.randrange(4)
    if what == 0:
        del lines[at]
    elif what == 1:
        lines.insert(at, lines[at] * source.choice((1, 3, 200)))
    elif what == 2 and others:
        lines.insert(at, source.choice(others))
    else:
        source.shuffle(lines)
    return "".join(lines)


def _cut(source: random.Random, made: str, other: str) -> str:
    return made[: source.randint(0, len(made))]


def _letter(source: random.Random, made: str, other: str) -> str:
    at = source.randint(0, len(made))
    return made[:at] + chr(source.choice((source.randrange(0x80), source.randrange(0xD800)))) + made[at + 1 :]


def _flip(source: random.Random, made: bytes, other: bytes) -> bytes:
    changed = bytearray(made)
    for _ in range(source.choice((1, 2, 8))):
        if changed:
            changed[source.randrange(len(changed))] ^= 1 << source.randrange(8)
    return bytes(changed)


def _number(source: random.Random, made: bytes, other: bytes) -> bytes:
    size = source.choice((1, 2, 4))
    at = source.randint(0, max(0, len(made) - size))
    value = (source.choice(NUMBERS) & (1 << 8 * size) - 1).to_bytes(size, "big")
    return made[:at] + value + made[at + size :]


def _remove(source: random.Random, made: bytes, other: bytes) -> bytes:
    begin, end = _span(source, len(made))
    return made[:begin] + made[end:]


def _add(source: random.Random, made: bytes, other: bytes) -> bytes:
    at = source.randint(0, len(made))
    return made[:at] + source.randbytes(source.choice((1, 4, 100, 2000))) + made[at:]


def _splice(source: random.Random, made: bytes, other: bytes) -> bytes:
    return made[: source.randint(0, len(made))] + other[source.randint(0, len(other)) :]


def _end(source: random.Random, made: bytes, other: bytes) -> bytes:
    return made[: source.randint(0, len(made))]


_TEXT: tuple[Callable[[random.Random, str, str], str], ...] = (
    *(_replace_part, _replace_part, _insert, _drop, _repeat, _lines, _cut, _letter),
)
_DATA: tuple[Callable[[random.Random, bytes, bytes], bytes], ...] = (
    _flip,
    _number,
    _number,
    _remove,
    _add,
    _splice,
    _end,
)
