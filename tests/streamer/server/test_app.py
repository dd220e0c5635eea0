"""HTTP without media: statuses, headers, reasons."""

import asyncio
import base64
import hmac
import re
import time

import pytest

from streamer.server import app
from tests.streamer.rtc.test_offer import GOOD
from tests.streamer.server.http import SDP, SECRET, bearer, client, join, new_room


async def test_every_refusal_is_json_with_a_reason():
    async with client() as http:
        room = await new_room(http)
        invite = bearer(room["invite"])
        at = f"/rooms/{room['room']}"
        cases = [
            ("GET", "/nowhere", {}, b"", 404),
            ("GET", "/static/nowhere.js", {}, b"", 404),
            ("GET", "/rooms", {}, b"", 405),
            ("PUT", f"{at}/whip", invite, b"", 405),
            ("GET", f"{at}/whip", invite, b"", 405),
            ("GET", f"{at}/whip/x", invite, b"", 405),
            ("POST", f"{at}/whip/x", invite, b"", 405),
            ("POST", f"{at}/join", {}, b"{}", 422),
            ("POST", f"{at}/join", {}, b"{", 422),
            ("POST", f"{at}/whip", invite | {"Content-Type": "text/plain"}, b"v=0", 415),
            ("POST", f"{at}/whip", invite | SDP, b"", 400),
            ("POST", f"{at}/whip", invite | SDP, b"\xff\xfe", 400),
            ("POST", f"{at}/whip", invite | SDP, b"v=0\n" + b"x" * 70_000, 413),
            ("POST", f"{at}/join", {}, b"x" * 70_000, 413),
            ("DELETE", f"{at}/whip/x", invite, b"", 404),
            ("PATCH", f"{at}/whip/x", invite, b"", 404),
            ("DELETE", "/rooms/other/whip/x", invite, b"", 403),
        ]
        for method, path, headers, body, status in cases:
            answer = await http.request(method, path, headers=headers, content=body)
            assert answer.status_code == status, (method, path, answer.text)
            assert answer.headers["content-type"] == "application/json"
            assert list(answer.json()) == ["reason"]
            assert "\n" not in answer.json()["reason"]
        assert (await http.head(f"{at}/whip")).status_code == 405


async def test_a_body_without_length_is_cut_off_too():
    async def endless():
        for _ in range(1000):
            yield b"x" * 1024

    async with client() as http:
        room = await new_room(http)
        for path, headers in (
            (f"/rooms/{room['room']}/whip", SDP | bearer(room["invite"])),
            (f"/rooms/{room['room']}/join", {"Content-Type": "application/json"}),
        ):
            answer = await http.post(path, content=endless(), headers=headers)
            assert answer.status_code == 413


async def test_a_body_that_does_not_come_is_not_waited_for():
    async def slow():
        yield b"v"
        await asyncio.sleep(5)

    async with client(body_deadline=0.05) as http:
        room = await new_room(http)
        for path, headers in (
            (f"/rooms/{room['room']}/whip", SDP | bearer(room["invite"])),
            (f"/rooms/{room['room']}/join", {"Content-Type": "application/json"}),
        ):
            answer = await http.post(path, content=slow(), headers=headers)
            assert (answer.status_code, list(answer.json())) == (408, ["reason"])
            assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    ("offer", "status", "reason"),
    [
        ("hello", 400, "v=0"),
        ("v=0\r\n", 400, "no m-line"),
        ("v=0\r\nm=application 9 X 0\r\na=mid:0", 422, "application"),
        ("v=0\r\nm=audio 9 X 0\r\na=mid:0\r\nm=audio 9 X 0\r\na=mid:1", 422, "more than 1 audio"),
        ("v=0\r\n" + "".join(f"m=video 9 X 0\r\na=mid:{i}\r\n" for i in range(2)), 422, "more than 1 video"),
        ("v=0\r\nm=audio 9 X 0", 400, "a=mid"),
        ("v=0\r\nm=audio 9 X 0\r\na=mid:0\r\nm=video 9 X 0\r\na=mid:0", 400, "a=mid"),
        ("v=0\r\nm=audio 9 X 0\r\na=mid:0\r\na=recvonly", 422, "sendonly"),
        (GOOD + "a=candidate:x\r\n", 400, "a=candidate"),
        ("v=0\r\nm=audio 9 X 0\r\na=mid:0\r\n" + "a=x\r\n" * 2000, 400, "lines"),
        ("v=0\r\nm=audio 9 X 0\r\na=mid:0\r\n", 400, "a=ice-ufrag"),
        (GOOD.replace("SAVPF 111", "SAVPF 72"), 400, "malformed"),
    ],
)
async def test_offers_that_are_none(offer, status, reason):
    async with client() as http:
        room = await new_room(http)
        answer = await http.post(f"/rooms/{room['room']}/whip", content=offer, headers=SDP | bearer(room["invite"]))
        assert answer.status_code == status, answer.text
        assert reason in answer.json()["reason"]
        assert http.context.rooms.get(room["room"]).participants == {}, "no guest stays behind"
        assert http.context.rooms.peers.open == 0


async def test_full_room_is_503():
    async with client(max_publishers=1) as http:
        room = await new_room(http)
        await join(http, room)
        assert (await join(http, room)).status_code == 201, "who only joins takes no seat"
        for person in http.context.rooms.get(room["room"]).participants.values():
            person.seated = True
        answer = await join(http, room)
        assert answer.status_code == 503
        assert "full" in answer.json()["reason"]
        assert answer.headers["retry-after"]


async def test_too_many_requests_say_when_to_come_back():
    async with client(requests_burst=3, requests_per_second=0.5) as http:
        statuses = [(await http.post("/rooms")).status_code for _ in range(4)]
        assert statuses == [201, 201, 201, 429]
        answer = await http.post("/rooms")
        assert int(answer.headers["retry-after"]) >= 1
        assert (await http.get("/health")).status_code == 200


async def test_pages_elsewhere_may_not_use_the_server():
    async with client(allowed_origins="https://friend.example") as http:
        for origin, status in (
            ("http://127.0.0.1", 201),
            ("https://friend.example", 201),
            ("https://evil.example", 403),
            ("null", 403),
        ):
            answer = await http.post("/rooms", headers={"Origin": origin})
            assert answer.status_code == status, origin


async def test_other_host_names_are_refused_on_loopback():
    async with client(host="rebound.example") as http:
        assert (await http.get("/health")).status_code == 421
    async with client(host="rebound.example", allowed_hosts="rebound.example") as http:
        assert (await http.get("/health")).status_code == 200
    for host in ("localhost:8000", "[::1]:8000"):
        async with client(host=host) as http:
            assert (await http.get("/health")).status_code == 200


async def test_options_and_preflight():
    async with client(allowed_origins="https://friend.example") as http:
        plain = await http.options("/rooms/r/whip")
        assert plain.status_code == 204
        assert plain.headers["accept-post"] == "application/sdp"
        assert "access-control-allow-origin" not in plain.headers
        asked = await http.options("/rooms/r/whip/s", headers={"Origin": "https://friend.example"})
        assert asked.headers["access-control-allow-origin"] == "https://friend.example"
        assert "If-Match" in asked.headers["access-control-allow-headers"]
        refused = await http.post("/rooms/r/whip", headers={"Origin": "https://friend.example"} | SDP)
        assert refused.status_code == 401
        assert refused.headers["access-control-allow-origin"] == "https://friend.example"
        assert "WWW-Authenticate" in refused.headers["access-control-expose-headers"]
        elsewhere = await http.get("/health", headers={"Origin": "https://friend.example"})
        assert "access-control-allow-origin" not in elsewhere.headers
        stranger = await http.options("/rooms/r/whip", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in stranger.headers


async def test_security_headers_are_on_everything():
    async with client() as http:
        for path in ("/", "/health", "/nowhere", "/static/main.js"):
            headers = (await http.get(path)).headers
            policy = headers["content-security-policy"]
            assert "script-src 'self';" in policy and "unsafe-inline" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cache-control"]


async def test_page_docs_health_ready_metrics():
    async with client() as http:
        for path in ("/", "/r/abcdef"):
            page = await http.get(path)
            assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
        assert (await http.get("/health")).json() == {"status": "ok", "separates": False}
        assert (await http.get("/ready")).json() == {"status": "ready", "voices_separated": False}
        paths = (await http.get("/openapi.json")).json()["paths"]
        assert "/rooms/{room_id}/whip" in paths and "/rooms/{room_id}/whep/{session_id}" in paths
        for path in ("/docs", "/redoc"):
            assert (await http.get(path)).status_code == 404, "their scripts would come from elsewhere"
        text = (await http.get("/metrics")).text
        assert "earshot_rooms 0.0" in text
        assert 'earshot_http_answers_total{method="GET",status="200"}' in text


async def test_ready_is_503_until_the_models_are_up():
    async with client(engine=True) as http:
        answer = await http.get("/ready")
        assert answer.status_code == 503
        assert "plain sound" in answer.json()["reason"]


@pytest.mark.parametrize(
    ("settings", "headers"),
    [
        ({}, {"X-Forwarded-For": "192.0.2.1"}),
        ({}, {"Forwarded": "for=192.0.2.1"}),
        ({}, {"Via": "1.1 proxy"}),
        ({"proxies": "127.0.0.1"}, {}),
        ({"allowed_hosts": "call.example.org,127.0.0.1"}, {"Host": "call.example.org"}),
    ],
)
async def test_behind_a_proxy_nothing_is_open_without_a_secret(settings, headers):
    async with client(**settings) as http:
        for method, path in (("POST", "/rooms"), ("POST", "/rooms/abcd/invites"), ("GET", "/metrics")):
            answer = await http.request(method, path, headers=headers)
            assert answer.status_code == 403, (path, answer.text)
            assert answer.json()["reason"].startswith("Behind a proxy the server needs a secret")
    async with client(secret=SECRET, **settings) as http:
        for method, path, status in (("POST", "/rooms", 201), ("GET", "/metrics", 200)):
            assert (await http.request(method, path, headers=headers)).status_code == 401
            answer = await http.request(method, path, headers=headers | bearer(SECRET))
            assert answer.status_code == status


async def test_ice_servers_are_told_to_who_has_a_token_with_credentials_of_their_own():
    servers = [{"urls": ["stun:stun.example", "turn:turn.example"]}, {"urls": "stun:stun.example"}]
    async with client(ice_servers=servers, turn_secret="shared") as http:
        room = await new_room(http)
        at = f"/rooms/{room['room']}/whip"
        preflight = await http.options(at)
        assert preflight.status_code == 204 and "link" not in preflight.headers, "credentials are not for everybody"
        answer = await http.options(at, headers=bearer(room["invite"]))
        links = answer.headers.get_list("link")
        assert (answer.status_code, len(links)) == (204, 3) and links[2] == '<stun:stun.example>; rel="ice-server"'
        turn = re.fullmatch(
            r'<turn:turn.example>; rel="ice-server"; username="(\d+):(\w+)"; credential="(\S+)"; '
            'credential-type="password"',
            links[1],
        )
        assert 12 * 3600 - 60 < int(turn[1]) - time.time() <= 12 * 3600
        digest = hmac.digest(b"shared", f"{turn[1]}:{turn[2]}".encode(), "sha1")
        assert base64.b64decode(turn[3]) == digest
        joined = (await join(http, room)).json()
        assert joined["ice_servers"][0]["username"].endswith(":" + joined["participant"])
        assert joined["ice_servers"][1] == {"urls": ["stun:stun.example"]}
        refused = await http.options(at, headers=bearer("nonsense"))
        assert refused.status_code == 401 and "link" not in refused.headers


@pytest.mark.parametrize(
    ("form", "advice"),
    [
        ("http://127.0.0.1/r/{room}#{invite}", "it is only what comes after the # of the invite link."),
        ("#{invite}", "it is only what comes after the # of the invite link."),
        ('"{invite}"', "leave out the quotation marks."),
        ("\u201c{invite}\u201d", "leave out the quotation marks."),
        ("Bearer {invite}", "write Bearer once."),
        ("http://127.0.0.1/r/{room}", "it is all that comes after the # of the invite link."),
        ("nonsense", "it is all that comes after the # of the invite link."),
    ],
)
async def test_what_is_pasted_in_place_of_a_token_is_explained(form, advice):
    async with client() as http:
        room = await new_room(http)
        token = form.format(**room)
        headers = {"Authorization": f"Bearer {token}".encode()}
        answers = [await http.post(f"/rooms/{room['room']}/whip", content=GOOD, headers=SDP | headers)]
        answers.append(await join(http, room, token))
        for answer in answers:
            assert answer.status_code == 401
            assert answer.json() == {"reason": f"The token is not valid: {advice}"}


async def test_memory_is_given_back_when_connections_have_ended(monkeypatch):
    given = []
    monkeypatch.setattr(app, "give_back", lambda: given.append(1))
    async with client(room_idle=0.01) as http, http.app.router.lifespan_context(http.app):
        sweeps = []
        monkeypatch.setattr(http.context.rooms, "sweep", lambda: sweeps.append(len(given)))

        async def swept():
            before = len(sweeps)
            while len(sweeps) < before + 3:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.01)
            return sweeps[-1]

        peers = http.context.rooms.peers
        assert await swept() == 0
        peers.opened, peers.open = 2, 1
        assert await swept() == 1
        peers.opened, peers.open = 3, 2
        assert await swept() == 1, "who has come has not ended"
