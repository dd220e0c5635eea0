"""Where media servers have addresses, programs are sent there and pages passed on; tokens go where TLS does."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from streamer.client.whip_client import MOST_REDIRECTS, post_where_sent
from streamer.front.directory import LocalDirectory
from streamer.front.door import Door, create_front, goes_directly
from streamer.front.placement import Member, Placement
from streamer.front.trust import HEADER, FromDoor, Origin
from streamer.settings import Settings

KEY = "k" * 43
THERE = "http://10.0.0.7:4000"


@pytest.mark.parametrize("path", ["whip", "whep", "whip/some-session", "join", "control"])
def test_programs_go_to_the_media_server_and_pages_do_not(path):
    server, path = Member("10.0.0.7", 4000, url=THERE), f"/rooms/abcd/{path}"
    assert goes_directly(server, path, [(b"Host", b"example.org")])
    assert not goes_directly(server, path, [(b"Origin", b"http://example.org")])
    assert not goes_directly(server, path, [(b"sec-fetch-site", b"same-origin")])
    assert not goes_directly(Member("10.0.0.7", 4000), path, [])


@pytest.mark.parametrize("path", ["/", "/rooms", "/rooms/abcd", "/rooms/abcd/transcript.vtt", "/rooms/abcd/whippet"])
def test_all_else_is_passed_on(path):
    assert not goes_directly(Member("10.0.0.7", 4000, url=THERE), path, [])


async def test_the_door_says_where():
    placement = Placement()
    # Nobody listens at port 1.
    placement.update("0", Member("127.0.0.1", 1, url=THERE))
    app = create_front(Door(Settings(), LocalDirectory(placement), KEY), None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
        answer = await http.post("/rooms/abcd/whip?x=1", content="v=0")
        assert (answer.status_code, answer.headers["location"]) == (307, f"{THERE}/rooms/abcd/whip?x=1")
        assert answer.headers["cache-control"] == "no-store"
        assert (await http.post("/rooms/abcd/whip", headers={"Origin": "http://localhost"})).status_code == 503


async def test_a_media_server_lets_in_who_comes_by_itself_but_nobody_who_says_he_is_the_door():
    def seen(request):
        return JSONResponse([request.client.host, request.url.port])

    app = FromDoor(Starlette(routes=[Route("/seen", seen)]), KEY, direct=True)
    transport = httpx.ASGITransport(app, client=("192.0.2.9", 5))
    async with httpx.AsyncClient(transport=transport, base_url="http://10.0.0.7:4000") as http:
        assert (await http.get("/seen")).json() == ["192.0.2.9", 4000]
        assert (await http.get("/seen", headers={HEADER: "x 10.1.1.1 http 80"})).status_code == 403
        told = Origin("192.0.2.8", "http", 80).header(KEY)
        assert (await http.get("/seen", headers={HEADER: told})).json() == ["192.0.2.8", 4000]


def following(answers):
    asked = []

    def answer(request):
        asked.append((str(request.url), request.headers.get("authorization"), request.content))
        status, there = answers.get(str(request.url), (201, None))
        return httpx.Response(status, headers={"Location": there} if there else {})

    return asked, httpx.AsyncClient(transport=httpx.MockTransport(answer))


async def sent(answers, url):
    asked, http = following(answers)
    async with http:
        answer = await post_where_sent(http, url, content=b"v=0", headers={"Authorization": "Bearer t"})
    return answer.status_code, asked


async def test_a_client_follows_with_token_and_offer():
    answers = {"http://door/whip": (307, "http://one/whip"), "http://one/whip": (308, "/other")}
    status, asked = await sent(answers, "http://door/whip")
    assert status == 201
    assert asked == [(url, "Bearer t", b"v=0") for url in ("http://door/whip", "http://one/whip", "http://one/other")]


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_other_redirects_are_no_answer_to_an_offer(status):
    assert await sent({"http://door/whip": (status, "http://one/")}, "http://door/whip") == (
        status,
        [("http://door/whip", "Bearer t", b"v=0")],
    )


async def test_no_token_leaves_tls_and_nobody_is_sent_round_for_ever():
    status, asked = await sent({"https://door/whip": (307, "http://one/whip")}, "https://door/whip")
    assert status == 307 and len(asked) == 1
    status, asked = await sent({"http://door/whip": (307, "http://door/whip")}, "http://door/whip")
    assert status == 307 and len(asked) == 1 + MOST_REDIRECTS
