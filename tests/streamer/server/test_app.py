"""HTTP without media: statuses, headers, reasons."""

import asyncio

import pytest

from tests.streamer.rtc.test_offer import GOOD
from tests.streamer.server.http import SDP, bearer, client, join, new_room


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
        assert (await http.get("/health")).json() == {"status": "ok"}
        assert (await http.get("/ready")).json() == {"status": "ready", "voices_separated": False}
        paths = (await http.get("/openapi.json")).json()["paths"]
        assert "/rooms/{room_id}/whip" in paths and "/rooms/{room_id}/whep/{session_id}" in paths
        assert (await http.get("/docs")).status_code == 200
        text = (await http.get("/metrics")).text
        assert "earshot_rooms 0.0" in text
        assert 'earshot_http_answers_total{method="GET",status="200"}' in text


async def test_ready_is_503_until_the_models_are_up():
    async with client(engine=True) as http:
        answer = await http.get("/ready")
        assert answer.status_code == 503
        assert "plain sound" in answer.json()["reason"]
