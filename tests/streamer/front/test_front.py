"""What goes through the front door: who says so, where to, what is left out, and what all servers count together."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from streamer.auth import Tokens
from streamer.errors import UserError
from streamer.front.directory import LocalDirectory
from streamer.front.door import Door, _passed, create_front
from streamer.front.merged_metrics import merged
from streamer.front.placement import Member, Placement
from streamer.front.servers import shares
from streamer.front.trust import HEADER, FromDoor, Origin
from streamer.settings import Settings

KEY = "k" * 43


def seen(request):
    state = request.scope["state"]
    return JSONResponse(
        [request.client.host, request.url.scheme, request.url.port, state["new_room"], HEADER in request.headers]
    )


@pytest.fixture
def inside():
    app = FromDoor(Starlette(routes=[Route("/seen", seen)]), KEY)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://example.org:8443")


async def test_a_media_server_sees_the_client_and_the_door(inside):
    told = Origin("2001:db8::7", "https", 8443, "abcd").header(KEY)
    answer = await inside.get("/seen", headers={HEADER: told})
    assert answer.json() == ["2001:db8::7", "https", 8443, "abcd", False]
    answer = await inside.get("/seen", headers={HEADER: Origin("10.0.0.1", "http", 80).header(KEY)})
    assert answer.json() == ["10.0.0.1", "http", 8443, "", False]


@pytest.mark.parametrize("told", [None, "", "x 10.0.0.1 http 80", KEY, f"{KEY} 10.0.0.1", f"{KEY}é 10.0.0.1 http 80"])
async def test_who_does_not_come_by_the_door_is_refused(inside, told):
    answer = await inside.get("/seen", headers={} if told is None else {HEADER: told.encode()})
    assert answer.status_code == 403 and "front door" in answer.json()["reason"]


def test_what_is_for_one_connection_or_made_up_is_left_out():
    headers = [
        (b"Host", b"example.org"),
        (b"Connection", b"keep-alive, X-Own"),
        (b"X-Own", b"1"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Content-Length", b"7"),
        (HEADER.title().encode(), b"a lie"),
        (b"Authorization", b"Bearer x"),
        (b"X-Forwarded-For", b"10.1.1.1"),
    ]
    assert _passed(headers) == [
        (b"host", b"example.org"),
        (b"authorization", b"Bearer x"),
        (b"x-forwarded-for", b"10.1.1.1"),
    ]


async def test_a_door_without_servers_says_so_and_one_that_has_gone_is_no_mistake():
    placement = Placement()
    door = Door(Settings(), LocalDirectory(placement), KEY)
    app = create_front(door, None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
        assert (await http.get("/health")).status_code == 200
        for path in ("/ready", "/metrics", "/", "/rooms/abcd"):
            answer = await http.get(path)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        # Nobody listens at port 1.
        placement.update("0", Member("127.0.0.1", 1))
        assert (await http.post("/rooms", json={})).status_code == 503
        assert (await http.get("/ready")).json()["reason"].startswith("0: ")
        assert (await http.post("/rooms", content=b"x" * 70_000)).status_code == 413
        assert (await http.get("/health", headers={"Host": "evil.example"})).status_code == 421
    await door.close()


def test_metrics_of_all_are_one_text():
    one = '# HELP a_total A.\n# TYPE a_total counter\na_total{b="c"} 1.0\n'
    own = "# HELP up U.\n# TYPE up gauge\nup 2.0\n"
    lines = merged({"0": one, "1": one.replace("1.0", "3.0")}, own).decode().splitlines()
    assert lines == [
        "# HELP a_total A.",
        "# TYPE a_total counter",
        'a_total{b="c",server="0"} 1.0',
        'a_total{b="c",server="1"} 3.0',
        "# HELP up U.",
        "# TYPE up gauge",
        "up 2.0",
    ]


def test_udp_ports_are_shared_out():
    settings = Settings(servers=3, udp_ports="50000-50010")
    assert [own.udp_ports for own in shares(settings)] == ["50000-50002", "50003-50005", "50006-50008"]
    assert [own.udp_ports for own in shares(Settings(servers=2))] == [None, None]
    with pytest.raises(UserError, match="too few for 3 servers"):
        shares(Settings(servers=3, udp_ports="50000-50001"))


def test_servers_with_one_key_take_each_others_tokens():
    ours, theirs, others = (Tokens(Settings(token_key=text * 16)) for text in "aab")
    assert theirs.verify(ours.mint("invite", "abcd", "publish"), "abcd", "invite").role == "publish"
    with pytest.raises(Exception, match="not valid"):
        others.verify(ours.mint("invite", "abcd", "publish"), "abcd", "invite")
