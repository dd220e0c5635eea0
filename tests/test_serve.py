"""The server as a process: it starts, says where it is, and goes when it is told to."""

import asyncio
import json
import os
import signal
import sys

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


async def test_sigterm_closes_sockets_and_ends_well(tmp_path):
    environment = os.environ | {"EARSHOT_PORT": "0", "EARSHOT_ENGINE": "false", "OMP_NUM_THREADS": "1"}
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
