from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from streamer.recordings.read_ahead import ReadAhead


def test_items_come_in_order_from_another_thread() -> None:
    threads = set()

    def source() -> Iterator[int]:
        for i in range(50):
            threads.add(threading.get_ident())
            yield i

    assert list(ReadAhead(source(), 3)) == list(range(50))
    assert threading.get_ident() not in threads


def test_an_error_comes_after_the_items_before_it() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    ahead = ReadAhead(source(), 3)
    assert next(ahead) == 1
    with pytest.raises(ValueError, match="broken"):
        next(ahead)
    assert list(ahead) == []


def test_the_source_is_never_more_than_the_depth_ahead_and_can_be_stopped() -> None:
    made: list[int] = []

    def source() -> Iterator[int]:
        while True:
            made.append(len(made))
            yield made[-1]

    ahead = ReadAhead(source(), 4)
    for wanted in range(20):
        assert next(ahead) == wanted
        assert len(made) <= wanted + 1 + 4 + 2
    ahead.close()
    count = len(made)
    assert list(ahead) == []
    assert len(made) == count
    assert not any(thread.name == "read ahead" for thread in threading.enumerate())
