"""The server as a process: it starts, says where it is, and goes when it is told to."""

import asyncio
import json
import os
import signal
import subprocess
import sys

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from streamer.client import loopback
from streamer.commands import serve
from streamer.errors import Removed
from streamer.settings import Settings


async def test_sigterm_closes_sockets_and_ends_well(tmp_path):
    environment = os.environ | {
        "EARSHOT_PORT": "0",
        "EARSHOT_ENGINE": "false",
        "EARSHOT_OBSERVER": "false",
        "OMP_NUM_THREADS": "1",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "streamer", "serve", cwd=os.getcwd(), env=environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
        address = line.split()[-1].rstrip("/")
        async with httpx.AsyncClient(base_url=address) as http:
            room = (await http.post("/rooms")).json()
            at = f"/rooms/{room['room']}"
            joined = (await http.post(f"{at}/join", json={"name": "Ann", "invite": room["invite"]})).json()
        async with connect(address.replace("http", "ws", 1) + at + "/control", proxy=None) as socket:
            await socket.send(json.dumps({"type": "hello", "token": joined["token"]}))
            assert json.loads(await socket.recv())["type"] == "welcome"
            process.send_signal(signal.SIGTERM)
            try:
                while True:
                    await socket.recv()
            except ConnectionClosed:
                pass
            assert socket.close_code in (1001, 1012)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def certificate(folder, name):
    """A certificate for one name, that nobody knows, and its key."""
    chain, key = folder / f"{name}.pem", folder / f"{name}.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += [
        "-keyout",
        key,
        "-out",
        chain,
        "-days",
        "2",
        "-subj",
        f"/CN={name}",
        "-addext",
        f"subjectAltName=DNS:{name}",
    ]
    subprocess.run(command, check=True, capture_output=True)
    return chain, key


async def test_the_demo_reaches_its_own_server_by_loopback_whatever_that_is_called(tmp_path, monkeypatch):
    chain, key = await asyncio.to_thread(certificate, tmp_path, "call.example.org")
    other, _ = await asyncio.to_thread(certificate, tmp_path, "other.example.org")
    settings = Settings(
        port=0, engine=False, observer=False, tls_cert=chain, tls_key=key, allowed_hosts="call.example.org"
    )
    server = serve.make_server(settings)
    assert server.config.http == "h11" and server.config.limit_concurrency == serve.MOST_CONNECTIONS
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:  # noqa: ASYNC110 - uvicorn sets a flag and tells nobody
            await asyncio.sleep(0.01)
        address = f"https://localhost:{server.servers[0].sockets[0].getsockname()[1]}"
        async with loopback.http_client(5) as http:
            with pytest.raises(httpx.ConnectError):
                await http.get(f"{address}/health")
        for name, value in loopback.environment(settings).items():
            monkeypatch.setenv(name, value)
        async with loopback.http_client(5) as http:
            assert (await http.get(f"{address}/health")).status_code == 200
        monkeypatch.setenv(loopback.CERTIFICATE, other.read_text())
        async with loopback.http_client(5) as http:
            with pytest.raises(httpx.ConnectError):
                await http.get(f"{address}/health")
    finally:
        server.should_exit = True
        await serving


async def test_the_demo_comes_back_each_time_with_a_fresh_invite(monkeypatch):
    invites, pauses = [], []

    class Child:
        returncode = None

        async def wait(self):
            self.returncode = 2 if len(invites) % 2 else 1
            return self.returncode

    async def start(*command, env, **more):
        assert env["EARSHOT_INVITE"] not in command
        invites.append(env["EARSHOT_INVITE"])
        return Child()

    async def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 6:
            raise asyncio.CancelledError

    monkeypatch.setattr(serve.asyncio, "create_subprocess_exec", start)
    monkeypatch.setattr(serve.asyncio, "sleep", pause)
    minted = (f"invite {n}" for n in range(100))
    with pytest.raises(asyncio.CancelledError):
        await serve.keep_demo("http://localhost:1", "r", lambda: next(minted), Settings())
    assert invites == [f"invite {n}" for n in range(6)]
    assert pauses == [2, 4, 8, 16, 30, 30]


def test_a_thread_that_never_ends_does_not_keep_the_process():
    """SIGTERM, a server that has closed, and a decoder's thread that hangs: the process ends all the same."""
    program = """
import os, signal, threading
from streamer.commands import serve
from streamer.settings import Settings
serve.HARD_EXIT_SECONDS = 3.0
threading.Thread(target=threading.Event().wait, name="video-decoder").start()
threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
print(serve.serve_forever(Settings(port=0, engine=False, observer=False)), flush=True)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ended.stdout.splitlines()[-1] == "0", "the server itself closed well"
    assert ended.returncode == 1 and "threads: MainThread, video-decoder" in ended.stderr


async def test_a_demo_that_the_host_removed_stays_away(monkeypatch):
    class Child:
        returncode = None

        async def wait(self):
            self.returncode = Removed.exit_code
            return self.returncode

    started = []

    async def start(*command, **more):
        started.append(command)
        return Child()

    monkeypatch.setattr(serve.asyncio, "create_subprocess_exec", start)
    await serve.keep_demo("http://localhost:1", "r", lambda: "invite", Settings())
    assert len(started) == 1
