"""Many listeners of one stream, from this server or from Janus: what they cost it, how late they are, what freezes.

`python -m bench.network_fan CLIP START SECONDS COUNT URL [ROOM INVITE]` runs listeners in a process of their own. They
say "up", watch for some seconds, and print what they saw as JSON; with a room they watch it, else they watch Janus.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
from aiortc import RTCSessionDescription
from aiortc.codecs.vpx import VpxPayloadDescriptor
from aiortc.rtp import RtpPacket

from bench.network_media import BLOCK, FPS, LOUD, SOFT, Clip
from bench.network_peers import FREEZE, connection
from streamer.rtc.packet_sender import vp8_chunks, vp8_payloads

JANUS_PORT, AUDIO_PORT, VIDEO_PORT = 9388, 5102, 5104

PLUGINS = (
    "audiobridge duktape echotest lua nosip recordplay sip streaming textroom videocall videoroom voicemail".split()
)

STREAM = (
    f'bench: {{ type = "rtp" id = 1 description = "bench" audio = true video = true\n'
    f'  audioport = {AUDIO_PORT} audiopt = 111 audiocodec = "opus"\n'
    f'  videoport = {VIDEO_PORT} videopt = 100 videocodec = "vp8" }}\n'
)


class Seen:
    """What one listener gets, judged by packets and not decoded: it is the server's time that counts.

    Args:
        clip: what is sent.
        start: when its first piece was due, on the system's steady clock.
    """

    def __init__(self, clip: Clip, start: float) -> None:
        self.picture_delays: list[float] = []
        self.sound_delays: list[float] = []
        self.pictures: list[float] = []
        self._places = {data[:32]: n for n, data in enumerate(clip.pictures)}
        self._period = len(clip.pictures) / FPS
        self._start = start
        self._due: float | None = None
        self._loud = True
        self._decoder = av.CodecContext.create("libopus", "r")
        self._decoder.sample_rate, self._decoder.layout, self._decoder.format = 48_000, "stereo", "s16"

    async def video(self, packet: RtpPacket, arrival_time_ms: int) -> None:
        """Take a packet of a picture."""
        now = time.monotonic()
        descriptor, data = VpxPayloadDescriptor.parse(packet.payload)
        if descriptor.partition_start:
            place = self._places.get(data[:32])
            self._due = None if place is None else self._start + place / FPS
        if packet.marker:
            self.pictures.append(now)
            if self._due is not None:
                self.picture_delays.append((now - self._due) % self._period)

    async def audio(self, packet: RtpPacket, arrival_time_ms: int) -> None:
        """Take a packet of sound."""
        now = time.monotonic()
        for frame in self._decoder.decode(av.Packet(packet.payload)):
            pcm = np.frombuffer(memoryview(frame.planes[0]), np.int16)[: frame.samples * 2 : 2].astype(np.float32)
            for place, part in enumerate(pcm.reshape(-1, 240)):
                loud = float(np.sqrt(np.mean(part**2))) > 32767 * (LOUD + SOFT) / 2 / np.sqrt(2)
                if loud and not self._loud and len(self.pictures):
                    # The burst begins in this part, which is played as long after the packet as it lies in it.
                    self.sound_delays.append((now - self._start + 0.005 * place) % 1.0)
                self._loud = loud

    def freezes(self, since: float) -> int:
        """Count the freezes since a moment."""
        times = [t for t in self.pictures if t >= since]
        return sum(b - a > FREEZE for a, b in itertools.pairwise(times))


async def earshot(http: httpx.AsyncClient, seen: Seen, room: str, invite: str) -> Any:
    """Watch a room."""
    pc = connection()
    pc.addTransceiver("audio", "recvonly")
    pc.addTransceiver("video", "recvonly")
    await pc.setLocalDescription(await pc.createOffer())
    headers = {"content-type": "application/sdp", "authorization": f"Bearer {invite}"}
    answer = await http.post(f"/rooms/{room}/whep", content=pc.localDescription.sdp, headers=headers)
    answer.raise_for_status()
    look(pc, seen)
    await pc.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
    return pc


async def janus_offer(http: httpx.AsyncClient) -> tuple[str, Callable[[str], Awaitable[Any]]]:
    """Ask for the one stream of Janus' streaming plugin: its offer, and what is to be called with the answer."""

    async def ask(path: str, **body: Any) -> Any:
        return (await http.post(f"/janus{path}", json={"transaction": f"{random.random()}", **body})).json()

    session = f"/{(await ask('', janus='create'))['data']['id']}"
    handle = f"{session}/{(await ask(session, janus='attach', plugin='janus.plugin.streaming'))['data']['id']}"
    await ask(handle, janus="message", body={"request": "watch", "id": 1})
    event: dict[str, Any] = {}
    while "jsep" not in event:
        event = (await http.get(f"/janus{session}")).json()

    def start(answer: str) -> Awaitable[Any]:
        jsep = {"type": "answer", "sdp": answer}
        return ask(handle, janus="message", body={"request": "start"}, jsep=jsep)

    return event["jsep"]["sdp"], start


async def janus(http: httpx.AsyncClient, seen: Seen) -> Any:
    """Watch the one stream of Janus' streaming plugin."""
    offer, start = await janus_offer(http)
    pc = connection()
    await pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
    await pc.setLocalDescription(await pc.createAnswer())
    look(pc, seen)
    await start(pc.localDescription.sdp)
    return pc


def look(pc: Any, seen: Seen) -> None:
    """Have packets judged rather than decoded."""
    for transceiver in pc.getTransceivers():
        transceiver.receiver._handle_rtp_packet = seen.video if transceiver.kind == "video" else seen.audio


async def listen(clip: str, start: str, seconds: str, count: str, url: str, *room: str) -> None:
    """Run listeners, and print what they saw."""
    made = await asyncio.to_thread(Clip.load, Path(clip))
    everybody = [Seen(made, float(start)) for _ in range(int(count))]
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as http:
        pcs = [await (earshot(http, seen, *room) if room else janus(http, seen)) for seen in everybody]
        async with asyncio.timeout(30):
            while not all(len(seen.pictures) > FPS for seen in everybody):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.1)
        since = time.monotonic()
        for seen in everybody:
            seen.picture_delays.clear()
            seen.sound_delays.clear()
        print("up", flush=True)
        await asyncio.sleep(float(seconds))
        pictures = [delay for seen in everybody for delay in seen.picture_delays]
        sounds = [delay for seen in everybody for delay in seen.sound_delays]
        freezes = sum(seen.freezes(since) for seen in everybody) / len(everybody)
        print(json.dumps({"pictures": pictures, "sounds": sounds, "freezes": freezes}), flush=True)
        for pc in pcs:
            await pc.close()


class Feed:
    """Sends a clip to Janus by plain RTP, as a publisher sends it to this server.

    Args:
        clip: what is sent.
        start: when its first piece is due.
    """

    def __init__(self, clip: Clip, start: float) -> None:
        self._clip, self._start = clip, start

    async def run(self) -> None:
        """Send until cancelled."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, family=2)
        try:
            await asyncio.gather(
                self._send(transport, "video", self._clip.pictures, 1 / FPS),
                self._send(transport, "audio", self._clip.sound, BLOCK),
            )
        finally:
            transport.close()

    async def _send(self, to: asyncio.DatagramTransport, kind: str, pieces: list[bytes], period: float) -> None:
        port, payload_type, rate = (VIDEO_PORT, 100, 90_000) if kind == "video" else (AUDIO_PORT, 111, 48_000)
        number = 0
        n = int((time.monotonic() - self._start) / period)
        while True:
            await asyncio.sleep(max(0.0, self._start + n * period - time.monotonic()))
            piece = pieces[n % len(pieces)]
            payloads = vp8_payloads(vp8_chunks(piece), n) if kind == "video" else [piece]
            for place, payload in enumerate(payloads):
                marker = 0x80 if place == len(payloads) - 1 else 0
                timestamp = round(n * period * rate) & 0xFFFFFFFF
                header = struct.pack("!BBHLL", 0x80, payload_type | marker, number & 0xFFFF, timestamp, port)
                to.sendto(header + payload, ("127.0.0.1", port))
                number += 1
            n += 1


def start_janus(plugin: str = "streaming", configuration: str = STREAM) -> subprocess.Popen[bytes]:
    """Start Janus with one plugin alone.

    Raises:
        FileNotFoundError: it is not installed.
    """
    folder = Path(tempfile.mkdtemp(prefix="janus-"))
    others = [name for name in PLUGINS if name != plugin]
    transports = "mqtt websockets pfunix rabbitmq nanomsg".split()
    plugins, unused = (",".join(f"libjanus_{name}.so" for name in names) for names in (others, transports))
    (folder / "janus.jcfg").write_text(
        f'general: {{ }}\nplugins: {{ disable = "{plugins}" }}\ntransports: {{ disable = "{unused}" }}\n'
    )
    (folder / "janus.transport.http.jcfg").write_text(
        f'general: {{ base_path = "/janus" http = true port = {JANUS_PORT} ip = "127.0.0.1" https = false }}\n'
        "admin: { admin_http = false }\n"
    )
    (folder / f"janus.plugin.{plugin}.jcfg").write_text(configuration)
    log = (folder / "log").open("wb")
    return subprocess.Popen(["janus", "-F", str(folder), "-d", "2"], stdout=log, stderr=subprocess.STDOUT)


if __name__ == "__main__":
    asyncio.run(listen(*sys.argv[1:]))
