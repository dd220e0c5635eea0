"""What was seen and said in a running call, to be searched: bounded, in memory only, gone with the call.

Holds no model: vectors come from `models/vision/meaning.py`. Those of pictures and lines are at most 1 long, and a text
is the shorter the less of it is known, so that an inner product is a similarity that nonsense never has.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

import numpy as np

from models.common.arrays import F32
from streamer.transcripts.keywords import Keywords

ROWS = 64
"""Vectors for which there is room at a time."""

RETENTION = 3600.0
"""Seconds after which a moment is forgotten."""

PICTURES, LINES = 1000, 4000
"""Moments held at most; the oldest goes first."""

LARGEST_THUMBNAIL = 32_768
"""Bytes of a JPEG."""

LONGEST_TEXT = 400
"""Characters of a line that are kept."""

SAME_PICTURE, SAME_FOR = 0.97, 60.0
"""A picture this near to the participant's last one adds nothing for this many seconds."""

APART = 10.0
"""Seconds between pictures of one participant in an answer; of those nearer together the best is shown."""

LIKE_PICTURE, LIKE_LINE = 0.3, 0.5
"""Similarity from which a picture is found, and a line in other words; the embedding's card says what passes."""

_LINE_WORTH = 0.6
"""What a similarity of 1 counts, where the words themselves count 1."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Something found.

    Attributes:
        participant: In whose stream.
        t: Unix seconds of the publisher's clock.
        kind: A picture, or a line somebody said, or wrote.
        text: The line; empty for a picture.
        name: Gives the name of who said it; None if unknown.
        score: 0 to 1; only for putting moments in order.
        thumbnail: JPEG of a picture.
    """

    participant: str
    t: float
    kind: Literal["picture", "words", "chat"]
    text: str
    name: Callable[[], str] | None
    score: float
    thumbnail: bytes | None

    @property
    def speaker(self) -> str | None:
        """Who said it, as they are called now."""
        return None if self.name is None else self.name()


class _Ring:
    """Items with their vectors, in the order they came; numbers count from the first one ever."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.first = 0
        self.items: deque[Moment] = deque()
        self.added: deque[float] = deque()
        # By number // `ROWS`. Most calls are short, and room for as many as may come would be 8 MB of each.
        self._vectors: dict[int, F32] = {}

    def add(self, item: Moment, vector: F32, now: float) -> int:
        """Keep an item, for which there must be room, and return its number."""
        number = self.first + len(self.items)
        if len(vector):
            if number // ROWS not in self._vectors:
                self._vectors[number // ROWS] = np.zeros((ROWS, len(vector)), np.float32)
            self._vectors[number // ROWS][number % ROWS] = vector
        self.items.append(item)
        self.added.append(now)
        return number

    def outdated(self, before: float, room: int = 0) -> Iterator[int]:
        """Remove what is too old, and as many as it takes to have room; yield their numbers."""
        while self.items and (self.added[0] < before or len(self.items) + room > self.most):
            self.items.popleft()
            self.added.popleft()
            self.first += 1
            if self.first % ROWS == 0:
                self._vectors.pop(self.first // ROWS - 1, None)
            yield self.first - 1

    def near(self, vector: F32) -> F32:
        """Return the inner product with every item; 0 where one has no vector, or `vector` is empty."""
        before = self.first % ROWS
        product = np.zeros(before + len(self.items) + ROWS, np.float32)
        for place, rows in self._vectors.items():
            begin = place * ROWS - self.first + before
            product[begin : begin + ROWS] = rows @ vector if len(vector) else 0.0
        return product[before : before + len(self.items)]


class SearchIndex:
    """The index of one call. Not thread-safe.

    Args:
        retention: seconds for which a moment is kept, counted from when it was added.
        pictures: pictures held at most, each with a thumbnail of up to 32 KiB.
        lines: spoken lines held at most.
        clock: seconds that only go forward.

    Raises:
        ValueError: for bounds that are not positive.
    """

    def __init__(
        self,
        retention: float = RETENTION,
        pictures: int = PICTURES,
        lines: int = LINES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if retention <= 0 or pictures < 1 or lines < 1:
            raise ValueError(f"bounds must be positive, not {retention} s, {pictures} pictures, {lines} lines")
        self.retention = retention
        self._clock = clock
        self._pictures, self._lines = _Ring(pictures), _Ring(lines)
        self._keywords = Keywords()
        self._last: dict[str, tuple[float, F32]] = {}

    @property
    def pictures(self) -> int:
        """Pictures held."""
        return len(self._pictures.items)

    @property
    def lines(self) -> int:
        """Spoken lines held."""
        return len(self._lines.items)

    def add_picture(self, participant: str, t: float, vector: F32, thumbnail: bytes) -> bool:
        """Take in what a camera shows, unless that participant's last picture showed the same.

        Args:
            participant: whose camera.
            t: Unix seconds of the publisher's clock.
            vector: (D,) of unit length; D is always the same.
            thumbnail: JPEG of at most 32 KiB.

        Returns:
            Whether it was taken in.

        Raises:
            ValueError: for a vector that is not finite, or a larger thumbnail.
        """
        if len(thumbnail) > LARGEST_THUMBNAIL:
            raise ValueError(f"a thumbnail may have {LARGEST_THUMBNAIL} bytes, not {len(thumbnail)}")
        vector, now = _finite(vector), self._clock()
        if participant in self._last:
            then, last = self._last[participant]
            if now - then < SAME_FOR and float(last @ vector) > SAME_PICTURE:
                return False
        self._expire(now, pictures=1)
        self._pictures.add(Moment(participant, t, "picture", "", None, 0.0, thumbnail), vector, now)
        self._last[participant] = now, vector
        return True

    def add_words(
        self,
        participant: str,
        speaker: Callable[[], str] | None,
        t: float,
        text: str,
        vector: F32,
        added: float | None = None,
    ) -> None:
        """Take in a line that somebody said.

        Args:
            participant: in whose stream.
            speaker: gives the name of who said it, which may change; None if unknown.
            t: when it began, Unix seconds of the publisher's clock.
            text: the words; of more than 400 characters the first 400 are kept.
            vector: (D,) at most 1 long; zeros, or empty, where the text has none.
            added: when that was, on the index's clock, not before what was added last; None for now.

        Raises:
            ValueError: for a vector that is not finite.
        """
        self._add_line(Moment(participant, t, "words", text.strip()[:LONGEST_TEXT], speaker, 0.0, None), vector, added)

    def add_note(
        self, participant: str, writer: Callable[[], str] | None, t: float, text: str, added: float | None = None
    ) -> None:
        """Take in a line that somebody wrote: it is found by its words. Arguments as of `add_words`."""
        moment = Moment(participant, t, "chat", text.strip()[:LONGEST_TEXT], writer, 0.0, None)
        self._add_line(moment, np.zeros(0, np.float32), added)

    def search(
        self, vector: F32, text: str, limit: int = 10, since: float = float("-inf"), said: F32 | None = None
    ) -> list[Moment]:
        """Find moments.

        Args:
            vector: (D,) of the query, at most 1 long; zeros if it means nothing to the embedding.
            text: the query as it was typed.
            limit: moments at most.
            since: nothing is found that was added earlier, seconds of the index's clock.
            said: (D,) of the query among lines, if these have a space of their own; None for `vector`.

        Returns:
            The best first; few or none where nothing fits.

        Raises:
            ValueError: for a vector that is not finite.
        """
        self._expire(self._clock())
        vector, said = _finite(vector), _finite(vector if said is None else said)
        found = [*islice(self._seen(vector, since), limit), *self._said(said, text, since)]
        return sorted(found, key=lambda moment: (-moment.score, -moment.t))[:limit]

    def _add_line(self, moment: Moment, vector: F32, added: float | None) -> None:
        now, vector = self._clock() if added is None else added, _finite(vector)
        if moment.text:
            self._expire(now, lines=1)
            self._keywords.add(self._lines.add(moment, vector, now), moment.text)

    def scenes(self, since: float = float("-inf")) -> list[Moment]:
        """Return the pictures that are held and were added since then, in order of time."""
        self._expire(self._clock())
        held = zip(self._pictures.items, self._pictures.added, strict=True)
        return sorted((picture for picture, added in held if added >= since), key=lambda picture: picture.t)

    def _expire(self, now: float, pictures: int = 0, lines: int = 0) -> None:
        before = now - self.retention
        for _ in self._pictures.outdated(before, pictures):
            pass
        for number in self._lines.outdated(before, lines):
            self._keywords.drop(number)
        self._last = {name: last for name, last in self._last.items() if last[0] >= before}

    def _seen(self, vector: F32, since: float) -> Iterator[Moment]:
        alike, shown = self._pictures.near(vector), dict[str, list[float]]()
        for row in np.argsort(-alike, kind="stable").tolist():
            if alike[row] < LIKE_PICTURE:
                return
            if self._pictures.added[row] < since:
                continue
            item = self._pictures.items[row]
            times = shown.setdefault(item.participant, [])
            if all(abs(item.t - other) >= APART for other in times):
                times.append(item.t)
                yield _scored(item, 1 - (1 - min(1.0, float(alike[row]))) ** 2)

    def _said(self, vector: F32, text: str, since: float) -> Iterator[Moment]:
        scores = self._keywords.search(text)
        alike = self._lines.near(vector)
        for row in np.flatnonzero(alike >= LIKE_LINE).tolist():
            number = self._lines.first + row
            scores[number] = max(scores.get(number, 0.0), _LINE_WORTH * min(1.0, float(alike[row])))
        for number, score in scores.items():
            row = number - self._lines.first
            if self._lines.added[row] >= since:
                yield _scored(self._lines.items[row], score)


def _scored(item: Moment, score: float) -> Moment:
    return replace(item, score=score)


def _finite(vector: F32) -> F32:
    if vector.ndim != 1 or not np.isfinite(vector).all():
        raise ValueError(f"a vector must be one row of finite numbers, not of shape {vector.shape}")
    return np.asarray(vector, np.float32)
