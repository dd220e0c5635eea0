"""The end of a control connection, without sockets: what was said before it is heard."""

import asyncio
import json

from tests.streamer.server.http import client, join, new_room

PATIENCE = 10


async def test_a_leave_is_heard_though_the_page_had_closed_before_the_server_could_send():
    async with client() as http:
        room = await new_room(http)
        joined = (await join(http, room)).json()
        place = http.context.rooms.get(room["room"])
        failed = asyncio.Event()
        hello = json.dumps({"type": "hello", "token": joined["token"]})
        came = iter(
            [
                {"type": "websocket.connect"},
                {"type": "websocket.receive", "text": hello},
                {"type": "websocket.receive", "text": json.dumps({"type": "leave"})},
            ]
        )

        async def receive():
            message = next(came, {"type": "websocket.disconnect", "code": 1000})
            if "leave" in message.get("text", ""):
                # It waits in the socket's buffer while the server finds that it cannot send any more.
                await failed.wait()
                await asyncio.sleep(0)
            return message

        async def send(message):
            if message["type"] == "websocket.send":
                failed.set()
                raise OSError("closed")

        path = f"/rooms/{room['room']}/control"
        scope = {
            "type": "websocket",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [(b"host", b"127.0.0.1")],
            "scheme": "ws",
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "subprotocols": [],
        }
        async with asyncio.timeout(PATIENCE):
            await http.app(scope, receive, send)
        assert not place.participants, "somebody who has left does not keep a seat"
