"""STUN and TURN servers that are silent, and real ones (coturn): over UDP, TCP and TLS."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiortc import RTCSessionDescription

from streamer.rtc.ingress import GATHER_SECONDS
from tests.live.conftest import SDP, Resource, bundled, serving
from tests.live.peers import BeepTrack, until

AIOICE_WAITS = 5.0
"""Seconds that aioice gives a STUN or TURN server to answer."""


@pytest.mark.parametrize("scheme", ["stun", "turn"])
async def test_a_silent_server_delays_a_join_by_less_than_a_second(scheme):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        server = {"urls": f"{scheme}:127.0.0.1:{silent.getsockname()[1]}", "username": "u", "credential": "p"}
        async with serving(ice_servers=[server]) as site:
            room = await site.room()
            began = time.monotonic()
            whip = await site.publish(room, room["invite"], BeepTrack(began))
            taken = time.monotonic() - began
            await until(lambda: whip.pc.connectionState == "connected")
    assert silent.fileno() == -1 and GATHER_SECONDS < 1
    # Not one second: a busy machine takes some of its own. aioice alone would have taken five.
    assert GATHER_SECONDS <= taken < AIOICE_WAITS - 1, "the server was not asked, or waited for"


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextlib.asynccontextmanager
async def coturn(folder: Path) -> AsyncIterator[dict[str, str]]:
    """Run coturn on loopback; gives the address for each transport."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    request += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(cert)]
    await asyncio.to_thread(subprocess.run, request, check=True, capture_output=True)
    os.environ["SSL_CERT_FILE"] = str(cert)
    plain, tls = free_ports(2)
    command = ["turnserver", "-n", "--no-cli", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--lt-cred-mech"]
    command += ["--user=u:p", "--realm=test", "--allow-loopback-peers", f"--cert={cert}", f"--pkey={key}"]
    command += [f"--listening-port={plain}", f"--tls-listening-port={tls}", "--log-file=stdout", "--simple-log"]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL, cwd=folder)
    try:
        async with asyncio.timeout(20):
            for port in (plain, tls):
                while True:
                    with contextlib.suppress(OSError):
                        _, writer = await asyncio.open_connection("127.0.0.1", port)
                        writer.close()
                        break
                    assert process.returncode is None, "coturn has ended"
                    await asyncio.sleep(0.05)
        yield {
            "udp": f"turn:127.0.0.1:{plain}",
            "tcp": f"turn:127.0.0.1:{plain}?transport=tcp",
            "tls": f"turns:localhost:{tls}?transport=tcp",
        }
    finally:
        process.terminate()
        await process.wait()
        del os.environ["SSL_CERT_FILE"]


def only_relayed(sdp: str) -> str:
    """Leave the candidates of the TURN server alone."""
    lines = sdp.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("a=candidate:") or " typ relay" in line)


@pytest.mark.skipif(not shutil.which("turnserver") or not shutil.which("openssl"), reason="no coturn here")
async def test_media_by_a_turn_server_over_udp_tcp_and_tls(tmp_path):
    async with coturn(tmp_path) as addresses:
        for transport, url in addresses.items():
            server = {"urls": url, "username": "u", "credential": "p"}
            async with serving(ice_servers=[server]) as site:
                room = await site.room()
                whip = Resource(site.http, bundled(), room["invite"])
                site.opened.append(whip)
                whip.pc.addTransceiver(BeepTrack(time.monotonic()), "sendonly")
                await whip.pc.setLocalDescription(await whip.pc.createOffer())
                answer = await site.http.post(
                    f"/rooms/{room['room']}/whip",
                    content=whip.pc.localDescription.sdp,
                    headers=whip.headers | {"Content-Type": SDP},
                )
                assert answer.status_code == 201 and " typ relay" in answer.text, transport
                await whip.pc.setRemoteDescription(RTCSessionDescription(only_relayed(answer.text), "answer"))
                await until(lambda whip=whip: whip.pc.connectionState == "connected")
                [guest] = site.context.rooms.get(room["room"]).participants.values()
                await until(lambda guest=guest: guest.agent.statistics.blocks > 10)


async def test_a_name_server_that_hangs_delays_a_join_and_stops_nothing(monkeypatch):
    answer, asked, threads = threading.Event(), [], set()
    real = socket.gethostbyname

    def hangs(name):
        if name != "stun.hangs.example":
            return real(name)
        asked.append(name)
        threads.add(threading.current_thread().name)
        answer.wait(60)
        raise OSError("Temporary failure in name resolution")

    monkeypatch.setattr(socket, "gethostbyname", hangs)
    try:
        async with serving(ice_servers=[{"urls": "stun:stun.hangs.example:3478"}]) as site:
            room = await site.room()
            for _ in range(3):
                whip = await site.publish(room, room["invite"], BeepTrack(time.monotonic()))
                await until(lambda whip=whip: whip.pc.connectionState == "connected")
            assert len(asked) == 1, "who joins waits for the same answer"
            assert all(name.startswith("names") for name in threads), "sound is encoded on the others"
    finally:
        answer.set()
