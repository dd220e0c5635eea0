"""The journal: what is written is read, and what was cut off is where it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer.recordings.calls.journal import (
    MAGIC,
    Begun,
    Ended,
    Heard,
    Joined,
    Packet,
    Record,
    Told,
    is_journal,
    packed,
    records,
)

ALL: list[Record] = [
    Begun(1.5, "room1"),
    Told(2.0, '{"type": "room"}'),
    Packet(2.5, "ada", "VP8", b"\x00\xff" * 20, False),
    Heard(2.52, "ada", b"\x01\x02", {1: b"ab", -2: b"cd"}),
    Joined(3.0, "ada", 2, 1),
    Ended(4.0, "the host ended it"),
]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "call.earshot"
    path.write_bytes(MAGIC + b"".join(map(packed, ALL)))
    return path


def test_what_is_written_is_read(journal: Path) -> None:
    assert list(records(journal)) == ALL
    assert list(records(journal, Packet, Heard)) == ALL[2:4]
    assert is_journal(journal)


def test_cut_off_anywhere_it_ends_with_the_last_whole_record(journal: Path) -> None:
    data = journal.read_bytes()
    ends = [len(MAGIC)]
    for record in ALL:
        ends.append(ends[-1] + len(packed(record)))
    for size in range(len(MAGIC), len(data) + 1):
        journal.write_bytes(data[:size])
        whole = sum(end <= size for end in ends) - 1
        assert list(records(journal)) == ALL[:whole]
        assert list(records(journal, Told)) == [one for one in ALL[:whole] if isinstance(one, Told)]


@pytest.mark.parametrize("junk", [b"\xff\xff\xff\xff more", b"\x00\x00\x00\x03\x93\x01\x02", bytes(64)])
def test_junk_is_the_end_and_no_error(journal: Path, junk: bytes) -> None:
    journal.write_bytes(journal.read_bytes() + junk)
    assert list(records(journal)) == ALL


def test_other_files_are_no_journals(tmp_path: Path) -> None:
    (tmp_path / "talk.mp4").write_bytes(b"\x00\x00\x00\x20ftypisom")
    assert not is_journal(tmp_path / "talk.mp4")
    assert not is_journal(tmp_path / "missing")
    assert not is_journal(tmp_path)
