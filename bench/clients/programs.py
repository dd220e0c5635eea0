"""The clients that may be installed here, how each is started, and what it said of its connections."""

from __future__ import annotations

import asyncio
import base64
import functools
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent.parent

INSTALL = "scripts/clients installs it"

A_CONNECTION, A_START = 60.0, 120.0
"""Seconds after which a program is ended: for each connection, and for its start."""

SYSTEM_PYTHON = "/usr/bin/python3"
"""Debian's, which has GStreamer's bindings."""


@dataclass(frozen=True)
class Program:
    """A client.

    Attributes:
        name: what it is called in tables.
        command: starts it; the call follows as one more argument.
        version: says which one is installed.
        missing: why it cannot be started here; None if it can.
    """

    name: str
    command: tuple[str, ...]
    version: Callable[[], str]
    missing: str | None = None


@dataclass(frozen=True)
class Connection:
    """What one connection came to.

    Attributes:
        publish: seconds from the offer until media can flow to the server; None if that failed.
        watch: seconds from the second offer until sound and picture came back; None if that failed.
        error: why it failed, else None.
    """

    publish: float | None
    watch: float | None
    error: str | None = None


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    return (re.search(r"\d+(\.\d+)+", done.stdout) or [""])[0]


def _browser(name: str, *executables: str) -> Program:
    found = next((path for executable in executables if (path := shutil.which(executable))), None)
    command = (sys.executable, "-m", "bench.clients.browser", found or "")
    return Program(name, command, lambda: _said(found or "", "--version"), None if found else f"no {name}: {INSTALL}")


def _node(name: str, package: str, script: str) -> Program:
    manifest = FOLDER / "node_modules" / package / "package.json"
    missing = None if shutil.which("node") and manifest.exists() else f"no {name}: {INSTALL}"
    version = lambda: f"{package} {json.loads(manifest.read_text())['version']}"  # noqa: E731
    return Program(name, ("node", str(FOLDER / script)), version, missing)


def _gstreamer() -> Program:
    probe = "import gi; gi.require_version('Gst','1.0'); gi.require_version('GstWebRTC','1.0'); "
    probe += "from gi.repository import Gst, GstWebRTC; Gst.init(None); print(Gst.version_string()); "
    probe += "assert all(Gst.ElementFactory.find(e) for e in ('webrtcbin','nicesrc','opusenc','vp8enc','rtpvp8pay'))"
    works = (
        shutil.which(SYSTEM_PYTHON) and not subprocess.run([SYSTEM_PYTHON, "-c", probe], capture_output=True).returncode
    )
    missing = None if works else f"no GStreamer with webrtcbin: {INSTALL}"
    command = (SYSTEM_PYTHON, str(FOLDER / "webrtcbin.py"))
    return Program("GStreamer webrtcbin", command, lambda: _said(SYSTEM_PYTHON, "-c", probe), missing)


PROGRAMS: dict[str, Callable[[], Program]] = {
    "chromium": lambda: _browser("Chromium", "chromium", "google-chrome"),
    "firefox": lambda: _browser("Firefox", "firefox-esr", "firefox"),
    "libdatachannel": lambda: _node("libdatachannel", "node-datachannel", "datachannel.mjs"),
    "libwebrtc": lambda: _node("libwebrtc", "@roamhq/wrtc", "wrtc.mjs"),
    "gstreamer": _gstreamer,
}


@functools.cache
def encoded() -> dict[str, Any]:
    """Half a second of a tone as packets of Opus, and a key frame of VP8, for a client that encodes nothing."""
    opus = av.CodecContext.create("libopus", "w")
    opus.sample_rate, opus.layout, opus.format = 48_000, "mono", "s16"
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(24_000) / 48_000)).astype(np.int16)
    packets = []
    for n, piece in enumerate(tone.reshape(-1, 960)):
        frame = av.AudioFrame.from_ndarray(piece.reshape(1, -1), "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, 960 * n, Fraction(1, 48_000)
        packets += opus.encode(frame)
    vp8 = av.CodecContext.create("libvpx", "w")
    vp8.width, vp8.height, vp8.pix_fmt, vp8.time_base = 64, 48, "yuv420p", Fraction(1, 30)
    vp8.options = {"deadline": "realtime", "lag-in-frames": "0"}
    picture = av.VideoFrame.from_ndarray(np.full((72, 64), 120, np.uint8), "yuv420p")
    picture.pts = 0
    [key, *_] = [*vp8.encode(picture), *vp8.encode(None)]
    return {
        "opus": [base64.b64encode(bytes(p)).decode() for p in packets],
        "vp8": base64.b64encode(bytes(key)).decode(),
    }


def free_port() -> int:
    """A port for a browser's page, whose origin the server is told to allow."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def connections(program: Program, server: str, room: dict[str, str], count: int, page: int) -> list[Connection]:
    """Have a client publish and watch, time after time.

    Args:
        program: the client.
        server: the server's address.
        room: what the server said of the room.
        count: how many times.
        page: port of a browser's page.

    Returns:
        What came of each; those of which it said nothing, because it ended, have failed.
    """
    call = {"server": server, "room": room["room"], "invite": room["invite"], "watch": room["watch_invite"]}
    argument = json.dumps(call | {"count": count, "page": page} | encoded())
    process = await asyncio.create_subprocess_exec(
        *program.command,
        argument,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(A_START + count * A_CONNECTION):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    lines = [json.loads(line) for line in out.decode().splitlines() if line.startswith("{")]
    made = [_connection(line) for line in lines]
    if len(made) < count or process.returncode:
        said = " ".join([*(c.error for c in made if c.error), err.decode()[-1000:]])
        made += (count - len(made)) * [Connection(None, None, f"ended with {process.returncode}: {said}")]
    return made


def _connection(line: dict[str, Any]) -> Connection:
    if error := line.get("error") or line.get("fatal"):
        return Connection(None, None, error)
    return Connection(line["publish"] / 1000, line["watch"] / 1000)
