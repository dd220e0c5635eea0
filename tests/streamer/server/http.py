"""An HTTP client of an application without sockets, and what most tests ask of it."""

import contextlib

import httpx

from streamer.server.app import create_app
from streamer.settings import Settings
from tests.streamer.rtc.test_offer import GOOD

SECRET = "a secret of some length"
SDP = {"Content-Type": "application/sdp"}
OFFERS = {"whip": GOOD, "whep": GOOD.replace("sendonly", "recvonly")}


@contextlib.asynccontextmanager
async def client(host="127.0.0.1", **settings):
    settings = {"engine": False, "observer": False, "requests_burst": 10_000} | settings
    app = create_app(Settings(**settings))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as http:
        http.app, http.context = app, app.state.context
        yield http
    await app.state.context.rooms.close()


async def new_room(http, **headers):
    answer = await http.post("/rooms", headers=headers)
    assert answer.status_code == 201
    return answer.json()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


async def join(http, room, invite=None, **more):
    body = {"name": "Ann", "invite": invite or room["invite"]} | more
    return await http.post(f"/rooms/{room['room']}/join", json=body)
