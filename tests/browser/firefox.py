"""A go-between that lets Playwright drive the Firefox that people have: `python firefox.py EXECUTABLE ARGUMENTS`.

Playwright's own Firefox is another program. A stock one it drives by WebDriver BiDi, but begins by emulating media
features, which an ESR may not know yet: what this Firefox cannot emulate is answered here as done, all else passes.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from asyncio.subprocess import PIPE, Process
from functools import partial

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

LISTENS = re.compile(rb"WebDriver BiDi listening on (ws://\S+)")


async def _to_playwright(firefox: ClientConnection, playwright: ServerConnection) -> None:
    async for message in firefox:
        said = json.loads(message)
        if said.get("error") == "unknown command" and "emulation." in said["message"]:
            message = json.dumps({"type": "success", "id": said["id"], "result": {}})
        await playwright.send(message)


async def _relay(address: str, playwright: ServerConnection) -> None:
    request = playwright.request
    async with connect(address + (request.path if request else ""), max_size=None, proxy=None) as firefox:
        back = asyncio.create_task(_to_playwright(firefox, playwright))
        async for message in playwright:
            await firefox.send(message)
        back.cancel()


async def _run(firefox: Process) -> int:
    assert firefox.stderr is not None
    async for line in firefox.stderr:
        if found := LISTENS.search(line):
            async with serve(partial(_relay, found[1].decode()), "127.0.0.1", 0, max_size=None) as server:
                [listener] = server.sockets
                print(
                    f"WebDriver BiDi listening on ws://127.0.0.1:{listener.getsockname()[1]}",
                    file=sys.stderr,
                    flush=True,
                )
                # Nobody else reads it, and a full pipe would hold Firefox up.
                await firefox.stderr.read()
                return await firefox.wait()
    return await firefox.wait()


async def main() -> int:
    return await _run(await asyncio.create_subprocess_exec(*sys.argv[1:], stderr=PIPE))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
