"""A file in a call, against a WHIP server that is made here of RFC 9725 alone."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from streamer.client.file_tracks import file_tracks
from streamer.commands.join import join
from streamer.errors import UserError
from streamer.media.inspect import inspect
from streamer.rtc.endings import MOVED
from tests.live.conftest import Site
from tests.live.peers import until
from tests.media import grey, tone, write

TOKEN = "an-invite"


class WhipServer:
    """Takes one publisher and keeps what it sends: (arrival, frame) for each kind."""

    def __init__(self) -> None:
        self.frames: dict[str, list[tuple[float, Any]]] = {"audio": [], "video": []}
        self.deleted: list[str] = []
        self.authorization: list[str | None] = []
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._readers: list[asyncio.Task[None]] = []
        routes = [
            Route("/rooms/{room}/whip", self._post, methods=["POST"]),
            Route("/ended/{session}", self._delete, methods=["DELETE"]),
        ]
        config = uvicorn.Config(Starlette(routes=routes), port=0, log_config=None, ws="none", lifespan="off")
        self.uvicorn = uvicorn.Server(config)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.uvicorn.servers[0].sockets[0].getsockname()[1]}"

    async def _post(self, request: Request) -> Response:
        self.authorization.append(request.headers.get("authorization"))
        if self.authorization[-1] != f"Bearer {TOKEN}":
            return JSONResponse({"reason": "The token is\nnot valid."}, 401)
        assert request.headers["content-type"] == "application/sdp"
        self.pc.on("track", self._keep)
        offer = (await request.body()).decode()
        assert "a=sendonly" in offer
        await self.pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await self.pc.setLocalDescription(await self.pc.createAnswer())
        # A relative Location on another path: the client has to resolve it.
        headers = {"Location": "/ended/s1", "ETag": '"1"'}
        return Response(self.pc.localDescription.sdp, 201, headers, "application/sdp")

    async def _delete(self, request: Request) -> Response:
        self.authorization.append(request.headers.get("authorization"))
        self.deleted.append(request.path_params["session"])
        return Response()

    def _keep(self, track: Any) -> None:
        async def read() -> None:
            with contextlib.suppress(MediaStreamError):
                while True:
                    frame = await track.recv()
                    self.frames[track.kind].append((asyncio.get_running_loop().time(), frame))

        self._readers.append(asyncio.create_task(read()))

    async def close(self) -> None:
        await self.pc.close()
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)


@pytest.fixture
async def server() -> AsyncIterator[WhipServer]:
    server = WhipServer()
    serving = asyncio.create_task(server.uvicorn.serve())
    await until(lambda: server.uvicorn.started)
    try:
        yield server
    finally:
        await server.close()
        server.uvicorn.should_exit = True
        await serving


def flash_and_beep(path: Path, seconds: float = 1.2) -> Path:
    """White and loud for 0.2 s from 0.4 s on, else dark and silent."""
    sound = np.zeros((1, round(seconds * 48_000)), np.float32)
    sound[:, 19_200:28_800] = tone(0.2, 48_000, hertz=1000)
    pictures = [(i / 25, grey(235 if 10 <= i < 15 else 16, 160, 120)) for i in range(round(seconds * 25))]
    pieces = [(i * 0.02, sound[:, i * 960 : (i + 1) * 960]) for i in range(round(seconds * 50))]
    return write(path, pictures=pictures, pieces=pieces)


def onsets(times: list[float], levels: list[float], threshold: float) -> list[float]:
    high = np.array(levels) > threshold
    return [times[i] for i in range(1, len(high)) if high[i] and not high[i - 1]]


def loudness(frame: Any) -> float:
    return float(np.abs(frame.to_ndarray().astype(float)).mean())


def brightness(frame: Any) -> float:
    return float(frame.to_ndarray(format="gray").mean())


async def test_a_looped_file_plays_on_without_a_seam_with_flash_and_beep_together(
    server: WhipServer, tmp_path: Path
) -> None:
    path = await asyncio.to_thread(flash_and_beep, tmp_path / "a.mkv")
    stop = asyncio.Event()
    joining = asyncio.create_task(join(server.address, "r", TOKEN, path, loop=True, stop=stop))
    await until(lambda: len(server.frames["video"]) > 100 or joining.done(), 20)
    stop.set()
    await joining
    assert server.deleted == ["s1"]
    assert server.authorization == [f"Bearer {TOKEN}"] * 2

    audio, video = server.frames["audio"], server.frames["video"]
    steps = {b.pts - a.pts for (_, a), (_, b) in itertools.pairwise(audio)}
    assert steps == {960}
    seconds = np.diff([float(f.pts * f.time_base) for _, f in video])
    assert np.allclose(seconds, 0.04, atol=0.001)

    def when(frames: list[tuple[float, Any]], level: Any, threshold: float) -> list[float]:
        # By the media's own clock: both began to be sent at the same moment.
        return onsets([float(f.pts * f.time_base) for _, f in frames], [level(f) for _, f in frames], threshold)

    flashes, beeps = when(video, brightness, 120.0), when(audio, loudness, 500.0)
    assert len(flashes) >= 3
    assert np.allclose(np.diff(flashes), 1.2, atol=0.041)
    assert np.allclose(np.diff(beeps), 1.2, atol=0.021)
    together = min(len(flashes), len(beeps))
    assert np.abs(np.subtract(flashes[:together], beeps[:together])).max() <= 0.1


async def test_a_file_that_ends_leaves_the_call(server: WhipServer, tmp_path: Path) -> None:
    path = await asyncio.to_thread(flash_and_beep, tmp_path / "a.mkv", 0.8)
    await asyncio.wait_for(join(server.address, "r", TOKEN, path), 20)
    assert server.deleted == ["s1"]


async def test_a_refusal_is_told_in_the_servers_words_on_one_line(server: WhipServer, tmp_path: Path) -> None:
    path = await asyncio.to_thread(flash_and_beep, tmp_path / "a.mkv", 0.8)
    with pytest.raises(UserError) as caught:
        await join(server.address, "r", "wrong", path)
    assert str(caught.value) == "the server refused (401): The token is not valid."


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "ftp://example.org", "localhost:8000", ""])
async def test_a_server_that_is_none_is_a_clear_error(address: str, tmp_path: Path) -> None:
    path = await asyncio.to_thread(flash_and_beep, tmp_path / "a.mkv", 0.8)
    with pytest.raises(UserError) as caught:
        await join(address, "r", TOKEN, path)
    assert "\n" not in str(caught.value)


async def test_a_file_that_is_no_media_is_refused_before_the_server_is_asked(
    server: WhipServer, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="no such file"):
        await join(server.address, "r", TOKEN, tmp_path / "missing.mp4")
    assert server.authorization == []


async def test_sigterm_deletes_the_session_and_is_success(server: WhipServer, tmp_path: Path) -> None:
    path = await asyncio.to_thread(flash_and_beep, tmp_path / "a.mkv")
    code = (
        "import sys; from pathlib import Path; from streamer.commands.join import join_command;"
        "sys.exit(join_command(server=sys.argv[1], room='r', invite=sys.argv[2],"
        " file=Path(sys.argv[3]), loop=True))"
    )
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, server.address, TOKEN, str(path))
    await until(lambda: len(server.frames["audio"]) > 5 or child.returncode is not None, 40)
    child.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(child.wait(), 15) == 0
    assert server.deleted == ["s1"]


async def test_pictures_come_late_are_left_out_but_sound_is_not(tmp_path: Path) -> None:
    path = await asyncio.to_thread(flash_and_beep, tmp_path / "a.mkv")
    tracks = await asyncio.to_thread(lambda: file_tracks(path, inspect(path), True))
    sound, picture = tracks
    first = await picture.recv()
    blocks: list[NDArray[np.int16]] = [(await sound.recv()).to_ndarray()]
    await asyncio.sleep(1.0)
    late = await picture.recv()
    assert late.pts - first.pts > 0.5 * 90_000
    times = [(await sound.recv()).pts for _ in range(10)]
    assert times == [960 * i for i in range(1, 11)]
    assert blocks[0].size == 960
    for track in tracks:
        track.stop()


async def test_who_has_no_page_is_told_of_a_move_by_the_end_of_a_session_and_a_file_goes_over(
    site: Site, tmp_path: Path
) -> None:
    room = await site.room()
    path = flash_and_beep(tmp_path / "talk.mkv")
    base, stop = str(site.http.base_url), asyncio.Event()
    playing = asyncio.create_task(join(base, room["room"], room["invite"], path, loop=True, name="Tom", stop=stop))
    bare = await site.watch(room, room["watch_invite"])
    ann = await site.join(room, "Ann")
    await site.control(room, ann["token"])
    page = await site.watch(room, ann["token"])
    found = site.context.rooms.get(room["room"])
    assert found is not None

    def tom() -> Any:
        return next((one for one in found.participants.values() if one.name == "Tom" and one.state().publishing), None)

    await until(lambda: tom() and page.frames.get("audio0"))
    before, session = tom(), tom().publisher
    await site.context.rooms.move(room["room"])
    await until(lambda: tom() is before and before.publisher is not session)
    assert MOVED in (await bare.delete()).json()["reason"]
    assert (await page.delete()).status_code == 200, "a page knows, and leaves when it is there"
    stop.set()
    await asyncio.wait_for(playing, 20)
