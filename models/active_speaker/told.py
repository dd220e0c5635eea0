"""What somebody said about who speaks: stronger than lips and voice together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from models.common.arrays import F64

TOLD = 12.0
"""Log-likelihood ratio of what somebody says: more than lips and voice together can say."""


class Told:
    """Of some chunks, who speaks in them; None is none of the faces."""

    def __init__(self) -> None:
        self._by_chunk: dict[int, int | None] = {}

    def set(self, numbers: Iterable[int], id: int | None) -> None:
        """Take somebody's word for some chunks."""
        self._by_chunk |= dict.fromkeys(numbers, id)

    def rename(self, gone: int, stays: int) -> None:
        """Count what was said of one speaker for another."""
        self._by_chunk = {number: stays if id == gone else id for number, id in self._by_chunk.items()}

    def forget(self, number: int) -> None:
        """Drop what was said of a chunk, if anything was."""
        self._by_chunk.pop(number, None)

    @property
    def denied(self) -> list[int]:
        """Numbers of the chunks in which none of the faces speaks."""
        return [number for number, id in self._by_chunk.items() if id is None]

    def weigh(self, scores: F64, first: int, ids: Sequence[int]) -> None:
        """Change the log-likelihood ratios of chunks from number `first` on, (N, speakers + 1), in place."""
        faces = [j for j, id in enumerate(ids) if id > 0]
        for number, id in self._by_chunk.items():
            if id is None:
                scores[number - first, faces] -= TOLD
            elif id in ids:
                scores[number - first, ids.index(id)] += TOLD
