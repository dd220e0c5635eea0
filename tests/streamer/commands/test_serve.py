"""The server as a process: it starts, says where it is, and goes when it is told to."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys

import httpx
import pytest
from uvicorn.protocols.http.h11_impl import H11Protocol
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from streamer.client import loopback
from streamer.commands import serve
from streamer.errors import Removed
from streamer.settings import Settings
from tests.streamer.rtc.test_offer import GOOD


@contextlib.asynccontextmanager
async def serving(**environment):
    """A server of its own process, its address, and a way to ask it."""
    own = {"EARSHOT_PORT": "0", "EARSHOT_ENGINE": "false", "EARSHOT_OBSERVER": "false", "OMP_NUM_THREADS": "1"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "streamer", "serve", env=os.environ | own | environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
        address = line.split()[-1].rstrip("/")
        async with httpx.AsyncClient(base_url=address) as http:
            yield process, address, http
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def join(http, room, **more):
    return await http.post(f"/rooms/{room['room']}/join", json={"name": "Ann", "invite": room["invite"]} | more)


async def told(socket, kind):
    """The next message of a type; None if the socket is closed before."""
    try:
        while (message := json.loads(await socket.recv()))["type"] != kind:
            pass
    except ConnectionClosed:
        return None
    return message


@contextlib.asynccontextmanager
async def welcomed(address, room, joined):
    """The control socket of somebody who has joined."""
    url = f"{address.replace('http', 'ws', 1)}/rooms/{room['room']}/control"
    async with connect(url, proxy=None) as socket:
        await socket.send(json.dumps({"type": "hello", "token": joined["token"]}))
        assert await told(socket, "welcome")
        yield socket


async def test_sigterm_is_told_closes_sockets_and_ends_well():
    async with serving() as (process, address, http), asyncio.timeout(30):
        room = (await http.post("/rooms")).json()
        joined = (await join(http, room)).json()
        async with welcomed(address, room, joined) as socket:
            process.send_signal(signal.SIGTERM)
            notice = await told(socket, "notice")
            assert (notice["code"], notice["reason"][:21]) == ("stopping", "The server stops now.")
            assert await told(socket, "notice") is None
            assert socket.close_code in (1001, 1012)
        assert await process.wait() == 0


@pytest.mark.parametrize("end", ["leave", "signal"])
async def test_a_server_that_drains_takes_nobody_in_and_waits_for_calls_to_end(end):
    async with serving(EARSHOT_DRAIN="600") as (process, address, http), asyncio.timeout(30):
        room = (await http.post("/rooms")).json()
        joined = (await join(http, room)).json()
        async with welcomed(address, room, joined) as socket:
            process.send_signal(signal.SIGTERM)
            assert (await told(socket, "notice"))["reason"].startswith("The server will stop in 600 s")
            guest = {"Authorization": f"Bearer {room['invite']}", "Content-Type": "application/sdp"}
            for answer in (
                await join(http, room),
                await http.post("/rooms"),
                await http.post(f"/rooms/{room['room']}/whip", content=GOOD, headers=guest),
            ):
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
                assert answer.json()["reason"].startswith("The server is about to stop")
            again = await join(http, room, resume=joined["resume"])
            assert (again.status_code, again.json()["participant"]) == (201, joined["participant"])
            assert process.returncode is None
            if end == "leave":
                await socket.send(json.dumps({"type": "leave"}))
            else:
                process.send_signal(signal.SIGTERM)
            assert await told(socket, "notice") is None
        assert await process.wait() == 0


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
    assert issubclass(server.config.http, H11Protocol), "httptools bounds no header"
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


async def test_without_a_file_to_open_the_log_stays_small_and_the_server_comes_back():
    program = """
import os, resource, threading, time
from streamer.commands import serve
from streamer.logs import configure_logging
from streamer.settings import Settings
configure_logging("info")
resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300))
def exhaust():
    taken = []
    input()
    try:
        while True:
            taken.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        print("exhausted", flush=True)
    time.sleep(2.5)
    for file in taken:
        os.close(file)
threading.Thread(target=exhaust, daemon=True).start()
raise SystemExit(serve.serve_forever(Settings(port=0, engine=False, observer=False)))
"""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdin=pipe, stdout=pipe, stderr=pipe)
    async with asyncio.timeout(60):
        address = (await process.stdout.readline()).decode().split()[-1]
        port = int(address.rstrip("/").rpartition(":")[2])
        process.stdin.write(b"now\n")
        assert await process.stdout.readline() == b"exhausted\n"
        waiting = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
        async with httpx.AsyncClient(base_url=address, timeout=20) as http:
            assert (await http.get("/health")).status_code == 200, "when there are files again"
        for _, writer in waiting:
            writer.close()
        process.send_signal(signal.SIGTERM)
        _, log = await process.communicate()
    assert process.returncode == 0
    assert 1 <= log.count(b"out of system resource") <= 5 and len(log) < 10_000, log.decode()


def test_more_files_may_be_opened_than_the_shell_lets():
    program = """
import resource
from streamer.server.connections import raise_descriptor_limit
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
assert raise_descriptor_limit() == resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(hard, 65536) > 128
assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] == hard
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


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


def test_the_server_starts_without_what_only_models_need():
    """Torch alone is seconds at the start and 100 MB."""
    code = "import sys, streamer.commands.serve; print(*{'torch', 'scipy', 'moonshine_voice'} & sys.modules.keys())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.split() == []
