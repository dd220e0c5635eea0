"""What takes long to load, and serves one file after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Made = TypeVar("Made")


class Kept:
    """Models by name, each made when it is first wanted."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def get(self, name: str, make: Callable[[], Made]) -> Made:
        """Return what was made under a name, or make it."""
        if name not in self._made:
            self._made[name] = make()
        made: Made = self._made[name]
        return made
