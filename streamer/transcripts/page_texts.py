"""Texts of a page that the server writes, in its reader's language; as in the page's scripts, English is the key."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Literal

Language = Literal["en", "ko"]

FOLDER = Path(__file__).parents[2] / "web" / "texts"

UNNAMED = re.compile(r"(?P<owner>.+), (?P<kind>face|voice) (?P<n>\d+)")
"""Who speaks and has no name of their own."""


class PageTexts:
    """Texts of one language.

    Args:
        language: Which.
    """

    def __init__(self, language: Language) -> None:
        self.language = language
        self._entries = _entries(language)

    def __call__(self, english: str, **values: str | int) -> str:
        """Return a text with its places filled."""
        return self._entries.get(english, english).format_map(values)

    def speaker(self, name: str) -> str:
        """Return how somebody is called, who may have been called by the server."""
        if (unnamed := UNNAMED.fullmatch(name)) is None:
            return name
        return self(f"{{owner}}, {unnamed['kind']} {{n}}", owner=unnamed["owner"], n=unnamed["n"])


@cache
def _entries(language: Language) -> dict[str, str]:
    if language == "en":
        return {}
    texts: dict[str, dict[str, str]] = json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    return texts["told"] | texts["summary"]
