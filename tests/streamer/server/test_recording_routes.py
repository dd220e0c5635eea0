"""Recordings over HTTP: for the host alone, under addresses that end, and nothing but results."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from streamer.rooms.shelf import FAILED, JOURNAL, RESULT, Shelf
from streamer.settings import Settings
from tests.streamer.server.http import bearer, client, join, new_room

OLD = "20260101-120000"


def keep(folder: Path, room: str, begun: str = OLD, *files: str) -> Path:
    """Put a recording on the shelf."""
    made = folder / f"{begun}-{room}-0123456789abcdef"
    (made / RESULT if files else made).mkdir(parents=True)
    for name in files:
        (made / RESULT / name).write_text(f"<p>{name}")
    return made


async def test_the_host_gets_what_is_ready_and_nobody_else(tmp_path: Path) -> None:
    async with client(recordings=tmp_path) as http:
        room = await new_room(http)
        ready = keep(tmp_path, room["room"], OLD, "index.html", "tracks.mkv")
        (keep(tmp_path, room["room"], "20260102-120000") / JOURNAL).touch()
        (keep(tmp_path, room["room"], "20260103-120000") / FAILED).touch()
        keep(tmp_path, "another1", OLD, "index.html")
        address = f"/rooms/{room['room']}/recordings"
        host = (await join(http, room, room["host"])).json()
        guest = (await join(http, room)).json()
        for token in (guest["token"], room["invite"], room["watch_invite"]):
            answer = await http.get(address, headers=bearer(token))
            assert (answer.status_code, answer.json()) == (403, {"reason": "Only the host can do that."})
        assert (await http.get(address)).status_code == 401
        for token in (host["token"], room["host"]):
            listed = (await http.get(address, headers=bearer(token))).json()
            assert [one["progress"] for one in listed] == ["failed", "making", "ready"]
        one = listed[-1]
        assert (one["begun"], one["files"]) == (OLD, ["index.html", "tracks.mkv"])
        assert one["deleted_at"] == pytest.approx(time.time() + 7 * 24 * 3600, abs=60)
        page = await http.get(one["address"] + "index.html")
        assert (page.status_code, page.text) == (200, "<p>index.html")
        assert page.headers["content-security-policy"].startswith("sandbox allow-scripts")
        assert (await http.get(one["address"] + "tracks.mkv", headers={"Range": "bytes=0-1"})).status_code == 206
        for name in ("..%2fcall.earshot", "missing.wav", JOURNAL):
            assert (await http.get(one["address"] + name)).status_code == 404
        # An address is good for its recording, and for an hour.
        other = one["address"].replace(OLD, "20260102-120000") + "index.html"
        assert (await http.get(other)).json() == {"reason": "This address is of another recording."}
        assert (await http.get(f"{address}/{ready.name}/{host['token']}/index.html")).status_code == 403
        http.context.tokens._clock = lambda: time.time() + 3601
        assert (await http.get(one["address"] + "index.html")).status_code == 401


async def test_whether_it_is_recorded_is_said_to_who_holds_its_link() -> None:
    async with client() as http:
        room = await new_room(http)
        address = f"/rooms/{room['room']}/recording"
        assert (await http.get(address)).status_code == 401
        assert (await http.get(address, headers=bearer(room["invite"]))).json()["state"] == "off"
        guest = (await join(http, room)).json()
        http.context.tokens._clock = lambda: time.time() + 24 * 3600
        answer = (await http.get(address, headers=bearer(guest["token"]))).json()
        assert (answer["state"], answer["offered"]) == ("off", False)


async def test_what_has_been_kept_for_long_is_deleted_and_nothing_else(tmp_path: Path) -> None:
    shelf = Shelf(Settings(recordings=tmp_path, recordings_lifetime=3600))
    old, new = keep(tmp_path, "room1", OLD, "index.html"), keep(tmp_path, "room2", OLD, "index.html")
    (tmp_path / "my holiday").mkdir()
    for path in (old, tmp_path / "my holiday"):
        os.utime(path, (time.time() - 4000,) * 2)
    await shelf.sweep()
    assert sorted(await asyncio.to_thread(os.listdir, tmp_path)) == [new.name, "my holiday"]


async def test_what_cannot_be_made_is_kept_and_said_once(tmp_path: Path) -> None:
    shelf = Shelf(Settings(recordings=tmp_path), ("sh", "-c", "echo it is broken >&2; exit 1"))
    folder = keep(tmp_path, "room1")
    (folder / JOURNAL).write_bytes(b"none")
    await shelf._make(folder / JOURNAL)
    assert (folder / FAILED).read_text() == "it is broken\n"
    assert (folder / JOURNAL).exists()
    assert shelf._waiting(tmp_path) == []
    assert [one.progress for one in shelf.of_room("room1")] == ["failed"]
