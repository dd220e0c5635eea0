"""`earshot load`: calls of puppets at a server, and what a listener in each of them gets."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import logging
import signal
import sys
import time
from typing import Any
from urllib.parse import urlsplit

import av
import httpx
import numpy as np
import soundfile
from aiortc import RTCPeerConnection, RTCRtpSender
from scipy.signal import resample_poly

from models.common.arrays import F32, U8
from streamer.client.caller import Caller
from streamer.client.listening import Listening
from streamer.client.loopback import http_client
from streamer.client.marks import EVERY, RATE, mark
from streamer.client.replay import Loop, LoopTrack, picture_loop, sound_loop
from streamer.client.whep_client import WhepClient
from streamer.client.whip_client import ANSWER_SECONDS, WhipClient, refusal
from streamer.commands.load_report import Room, report, table
from streamer.demo.clip import DemoClip, demo_clip
from streamer.errors import UserError

SECONDS = 8
"""Length of what the puppets say and show, again and again; whole marks fit in."""

HEIGHT, WIDTH, PICTURES = 360, 320, 25
"""Of each face's picture, and how many come a second."""

COME_SECONDS = 60.0
"""In which everybody has to be in the calls; measuring begins then."""


class _Sender(WhipClient):
    """Sends what is encoded already, so in exactly these codecs."""

    def _prepare(self, pc: RTCPeerConnection) -> None:
        for track in self._tracks:
            transceiver = pc.addTransceiver(track, direction="sendonly")
            wanted = "audio/opus" if track.kind == "audio" else "video/VP8"
            known = RTCRtpSender.getCapabilities(track.kind).codecs
            transceiver.setCodecPreferences([codec for codec in known if codec.mimeType == wanted])


def media(clip: DemoClip) -> list[tuple[Loop, Loop]]:
    """Return sound and picture of each of the two puppets; the first one's sound carries the marks.

    Args:
        clip: of the demo.
    """
    sounds = []
    for number, path in enumerate(clip.sources):
        pcm, rate = soundfile.read(path, frames=SECONDS * 16_000, dtype="float32")
        voice = resample_poly(pcm, RATE // rate, 1).astype(np.float32)[: SECONDS * RATE]
        sounds.append(sound_loop(marked(voice) if number == 0 else voice))
    halves: tuple[list[U8], list[U8]] = ([], [])
    with av.open(str(clip.path)) as container:
        for frame in container.decode(video=0):
            if len(halves[0]) == SECONDS * PICTURES:
                break
            picture: Any = frame.to_ndarray(format="rgb24")
            middle = picture.shape[1] // 2
            for half, part in zip(halves, (picture[:, :middle], picture[:, middle:]), strict=True):
                cut = av.VideoFrame.from_ndarray(np.ascontiguousarray(part), "rgb24")
                small: Any = cut.reformat(WIDTH, HEIGHT).to_ndarray(format="rgb24")
                half.append(small)
    return [(sound, picture_loop(half, PICTURES)) for sound, half in zip(sounds, halves, strict=True)]


@functools.cache
def _demo_media() -> list[tuple[Loop, Loop]]:
    return media(demo_clip())


def marked(voice: F32) -> F32:
    """Return a voice (N,) with a mark at the beginning of every two seconds."""
    out = voice.copy()
    for start in range(0, out.size - mark().size, round(EVERY * RATE)):
        out[start : start + mark().size] += mark()
    return out


async def load(server: str, rooms: int, faces: int, seconds: float, secret: str | None) -> dict[str, Any]:
    """Hold calls for a while.

    Args:
        server: its address.
        rooms: how many calls.
        faces: people who talk in each.
        seconds: for which it is measured when everybody is in.
        secret: the server's, if it has one.

    Returns:
        What was measured, by room and in all; what was measured until then if the task is cancelled.

    Raises:
        UserError: the server is not reached, or refuses somebody.
    """
    parts = urlsplit(server)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(f"{server!r} is not the address of a server, such as http://localhost:8000")
    base = server.rstrip("/")
    loops = await asyncio.to_thread(_demo_media)
    calls: list[Room] = []
    try:
        for _ in range(rooms):
            calls.append(  # noqa: PERF401 - those that are open are closed if the next is refused
                await _open(base, loops, faces, secret)
            )
        tasks = [task for call in calls for task in call.tasks]
        came = asyncio.gather(*(caller.came.wait() for call in calls for caller in call.callers))
        await _first(COME_SECONDS, came, *tasks)
        if not came.done():
            raise UserError(f"not everybody was in the calls after {COME_SECONDS:g} s")
        for call in calls:
            # What was cut or waited for while others came in is the beginning's.
            call.listening.longest_gap = 0.0
            call.listening.delays.clear()
        began, pictures = time.monotonic(), [call.listening.pictures for call in calls]
        with contextlib.suppress(asyncio.CancelledError):
            await _first(seconds, *tasks)
        lasted = time.monotonic() - began
        for call in calls:
            call.counted = await _packets(call.callers[-1])
        shown = [(call.listening.pictures - before) / lasted for call, before in zip(calls, pictures, strict=True)]
        return report(calls, shown, lasted, faces)
    finally:
        for call in calls:
            call.listening.end()
            for task in call.tasks:
                task.cancel()
        await asyncio.gather(*(task for call in calls for task in call.tasks), return_exceptions=True)


async def _first(seconds: float, *waited: asyncio.Future[Any]) -> None:
    """Wait so long, or until one is done; raise what it raises."""
    done, _ = await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for one in done:
        one.result()


async def _open(base: str, loops: list[tuple[Loop, Loop]], faces: int, secret: str | None) -> Room:
    async with http_client(ANSWER_SECONDS) as http:
        try:
            answer = await http.post(f"{base}/rooms", headers={"Authorization": f"Bearer {secret}"} if secret else {})
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UserError(f"{base} cannot be reached: {error or type(error).__name__}") from error
    if answer.status_code != 201:
        raise UserError(f"the server refused ({answer.status_code}): {refusal(answer)}")
    made = answer.json()
    origin = time.monotonic()
    call = Room(made["room"], [], Listening(origin))

    def sender(number: int) -> Caller:
        loop = loops[number % len(loops)]
        if number >= len(loops):
            # More than two puppets say what the second one says: marks are the first one's alone.
            loop = loops[1]

        def open_media(at: str, token: str) -> WhipClient:
            return _Sender(f"{at}/whip", token, [LoopTrack(part, origin) for part in loop])

        return Caller(base, made["room"], made["invite"], f"Face {number + 1}", open_media)

    def listener(at: str, token: str) -> WhipClient:
        return WhepClient(f"{at}/whep", token, faces, call.listening.take)

    call.callers = [sender(number) for number in range(faces)]
    call.callers.append(Caller(base, made["room"], made["watch_invite"], "Listener", listener))
    call.tasks = [asyncio.create_task(caller.run()) for caller in call.callers]
    return call


async def _packets(caller: Caller) -> dict[str, tuple[int, int]]:
    """Return how many packets were lost and came, by kind, since the last reconnection."""
    found = {"audio": (0, 0), "video": (0, 0)}
    if caller.media is not None:
        for entry in (await caller.media.stats()).values():
            if entry.type == "inbound-rtp":
                lost, came = found[entry.kind]
                found[entry.kind] = lost + max(0, entry.packetsLost), came + entry.packetsReceived
    return found


def load_command(*, server: str, rooms: int, faces: int, minutes: float, secret: str | None) -> int:
    """`load` as a command; Ctrl-C ends it early, with what was measured until then.

    Args:
        server: its address.
        rooms: how many calls.
        faces: people who talk in each.
        minutes: for which it is measured.
        secret: the server's.

    Returns:
        Exit code 0.

    Raises:
        UserError: see `load`.
    """

    async def main() -> dict[str, Any]:
        loading = asyncio.ensure_future(load(server, rooms, faces, 60 * minutes, secret))
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, loading.cancel)
        return await loading

    # Pictures that come before the first key frame are told one by one.
    logging.getLogger("aiortc").setLevel(logging.ERROR)
    try:
        said = asyncio.run(main())
    except asyncio.CancelledError:
        raise UserError("it was ended before anything was measured") from None
    print(table(said), file=sys.stderr)
    print(json.dumps(said, indent=1))
    return 0
