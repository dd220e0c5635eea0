"""Rooms as files: whole, readable by their owner alone, and gone when their time is over."""

import os
import resource

import pytest

from streamer.errors import UserError
from streamer.keep.directory import SWEEP_EVERY, DirectoryKeeper
from streamer.keep.keeper import LARGEST
from tests.clock import Clock


@pytest.fixture
def clock():
    return Clock(1_000_000.0)


async def test_what_was_put_last_comes_back_in_another_process_too(tmp_path, clock):
    keeper = DirectoryKeeper(tmp_path / "rooms", clock)
    await keeper.put("abcd", b"one", 60)
    await keeper.put("abcd", b"two", 60)
    assert await DirectoryKeeper(tmp_path / "rooms", clock).get("abcd") == b"two"
    assert await keeper.get("efgh") is None
    assert [path.name for path in (tmp_path / "rooms").iterdir()] == ["abcd.room"], "nothing half is left"


async def test_only_its_owner_can_read_it(tmp_path):
    before = os.umask(0)
    try:
        await DirectoryKeeper(tmp_path / "rooms").put("abcd", b"names", 60)
    finally:
        os.umask(before)
    assert (tmp_path / "rooms").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "rooms" / "abcd.room").stat().st_mode & 0o777 == 0o600


async def test_it_is_forgotten_when_its_time_is_over_and_the_file_goes(tmp_path, clock):
    keeper = DirectoryKeeper(tmp_path, clock)
    await keeper.put("abcd", b"old", 100)
    clock.now += 99
    assert await keeper.get("abcd") == b"old"
    clock.now += 1
    assert await keeper.get("abcd") is None
    (tmp_path / "notes.txt").write_text("not ours")
    await keeper.put("efgh", b"new", 100)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["efgh.room", "notes.txt"]


async def test_a_server_that_starts_clears_up(tmp_path, clock):
    await DirectoryKeeper(tmp_path, clock).put("abcd", b"old", 100)
    (tmp_path / "abcd-00000000.part").write_bytes(b"ha")
    clock.now = (tmp_path / "abcd-00000000.part").stat().st_ctime + SWEEP_EVERY + 1
    DirectoryKeeper(tmp_path, clock)
    assert list(tmp_path.iterdir()) == []


async def test_a_room_is_dropped(tmp_path):
    keeper = DirectoryKeeper(tmp_path)
    await keeper.put("abcd", b"x", 60)
    await keeper.drop("abcd")
    await keeper.drop("abcd")
    assert list(tmp_path.iterdir()) == []


async def test_a_disk_that_is_full_leaves_what_was_there_and_for_as_long(tmp_path, clock):
    keeper = DirectoryKeeper(tmp_path, clock)
    await keeper.put("abcd", b"before", 60)
    clock.now += 50
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The kernel writes so much of it, and then refuses, as it does on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            await keeper.put("abcd", bytes(1000), 60)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in tmp_path.iterdir()] == ["abcd.room"]
    clock.now += 50
    assert await keeper.get("abcd") == b"before"


async def test_neither_too_much_nor_another_path_is_written(tmp_path):
    keeper = DirectoryKeeper(tmp_path)
    with pytest.raises(ValueError, match="too many"):
        await keeper.put("abcd", bytes(LARGEST + 1), 60)
    for name in ("../x", "a/b", ""):
        with pytest.raises(ValueError, match="no room id"):
            await keeper.put(name, b"x", 60)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="rooms cannot be kept"):
        DirectoryKeeper(tmp_path / "file" / "rooms")
