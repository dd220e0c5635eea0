"""HTTP without media: statuses, headers, reasons."""

import asyncio
import contextlib
import time

import httpx
import pytest

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
        http.context = app.state.context
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


async def test_room_and_join():
    async with client() as http:
        room = await new_room(http)
        assert room["link"] == f"/r/{room['room']}#{room['invite']}"
        answer = await join(http, room)
        assert answer.status_code == 201
        joined = answer.json()
        assert joined["role"] == "publish"
        assert (joined["expires_in"], joined["heartbeat"], joined["ice_servers"]) == (300, 2.5, [])
        state = (await http.get(f"/rooms/{room['room']}", headers=bearer(joined["token"]))).json()
        assert [p["name"] for p in state["participants"]] == ["Ann"]
        assert not state["participants"][0]["connected"]
        watching = (await join(http, room, room["watch_invite"])).json()
        assert watching["role"] == "watch"


async def test_who_is_in_the_room_comes_back_when_the_invite_has_expired():
    async with client() as http:
        tokens, now, room = http.context.tokens, [time.time()], await new_room(http)
        tokens._clock = lambda: now[0]
        now[0] += 11 * 3600
        first = (await join(http, room)).json()
        now[0] += 2 * 3600
        assert (await join(http, room)).status_code == 401
        again = (await join(http, room, resume=first["resume"])).json()
        assert again["participant"] == first["participant"]
        assert (await join(http, room, role="watch", resume=again["resume"])).status_code == 401
        now[0] += 11 * 3600
        assert (await join(http, room, resume=first["resume"])).status_code == 401, "that token is too old"
        assert (await join(http, room, resume=again["resume"])).status_code == 201
        place = http.context.rooms.get(room["room"])
        place.leave(place.participants[first["participant"]])
        assert (await join(http, room, resume=again["resume"])).status_code == 401, "who has left needs an invite"


async def test_resume_is_the_same_participant_only_with_its_own_token():
    async with client() as http:
        room = await new_room(http)
        first = (await join(http, room)).json()
        again = (await join(http, room, resume=first["resume"])).json()
        assert again["participant"] == first["participant"]
        watcher = (await join(http, room, room["watch_invite"], resume=first["resume"])).json()
        assert watcher["participant"] != first["participant"], "an invite to watch does not resume a publisher"
        other = await new_room(http)
        for resume in ("nonsense", first["token"]):
            assert (await join(http, room, resume=resume)).json()["participant"] != first["participant"]
        assert (await join(http, other, resume=first["resume"])).json()["participant"] != first["participant"]
        http.context.rooms.get(room["room"]).leave(
            http.context.rooms.get(room["room"]).participants[first["participant"]]
        )
        assert (await join(http, room, resume=first["resume"])).status_code == 201


async def test_an_invite_to_take_part_is_good_for_watching_too():
    async with client(max_publishers=1) as http:
        room = await new_room(http)
        await join(http, room)
        watcher = (await join(http, room, role="watch")).json()
        assert watcher["role"] == "watch", "no publisher's place is needed"
        again = (await join(http, room, role="watch", resume=watcher["resume"])).json()
        assert (again["participant"], again["role"]) == (watcher["participant"], "watch")
        offer = GOOD
        at = f"/rooms/{room['room']}/whip"
        assert (await http.post(at, content=offer, headers=SDP | bearer(watcher["token"]))).status_code == 403
        assert (await join(http, room, resume=watcher["resume"])).status_code == 503, "a watcher is no publisher"
        assert (await join(http, room, room["watch_invite"], role="publish")).status_code == 422


async def test_wrong_tokens():
    async with client() as http:
        room, other = await new_room(http), await new_room(http)
        token = (await join(http, room)).json()["token"]
        at = f"/rooms/{room['room']}"
        assert (await join(http, room, "nonsense")).status_code == 401
        assert (await join(http, room, other["invite"])).status_code == 403
        assert (await join(http, room, token)).status_code == 403, "a session token is no invite"
        cases = [
            ("whip", {}, 401),
            ("whip", bearer("nonsense"), 401),
            ("whip", bearer(other["invite"]), 403),
            ("whip", bearer(room["watch_invite"]), 403),
            ("whep", {}, 401),
            ("whep", bearer(other["watch_invite"]), 403),
        ]
        for endpoint, headers, status in cases:
            answer = await http.post(f"{at}/{endpoint}", content=OFFERS[endpoint], headers=SDP | headers)
            assert answer.status_code == status, (endpoint, headers)
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.json()["reason"]
        assert (await http.get(at)).status_code == 401
        assert len(http.context.rooms.get(room["room"]).participants) == 1


async def test_session_token_of_someone_who_left():
    async with client() as http:
        room = await new_room(http)
        joined = (await join(http, room)).json()
        place = http.context.rooms.get(room["room"])
        place.leave(place.participants[joined["participant"]])
        answer = await http.post(
            f"/rooms/{room['room']}/whip",
            content=GOOD,
            headers=SDP | bearer(joined["token"]),
        )
        assert answer.status_code == 401
        assert "join again" in answer.json()["reason"]


async def test_the_transcript_is_for_those_in_the_room():
    async with client() as http:
        room, other = await new_room(http), await new_room(http)
        ann = (await join(http, room)).json()
        watcher = (await join(http, room, room["watch_invite"])).json()
        stranger = (await join(http, other)).json()
        here = http.context.rooms.get(room["room"])
        transcript = here.insights.captions.transcript
        transcript.add("Ann", transcript._begin + 1, 0, "Hello.")
        address = f"/rooms/{room['room']}/transcript"
        for token in (ann["token"], watcher["token"]):
            for kind, media_type, begin in (
                ("vtt", "text/vtt", "WEBVTT\n\n00:00:01.000 --> 00:00:01.001\n<v Ann>Hello.\n"),
                ("srt", "application/x-subrip", "1\n00:00:01,000 --> "),
                ("txt", "text/plain", "[0:00:01] Ann: Hello.\n"),
            ):
                answer = await http.get(f"{address}.{kind}", headers=bearer(token))
                assert answer.status_code == 200 and answer.text.startswith(begin)
                assert answer.headers["content-type"] == f"{media_type}; charset=utf-8"
                assert answer.headers["content-disposition"] == f'attachment; filename="earshot-{room["room"]}.{kind}"'
        assert (await http.get(f"{address}.vtt")).status_code == 401
        for token in (room["invite"], stranger["token"], ann["resume"]):
            refused = await http.get(f"{address}.vtt", headers=bearer(token))
            assert refused.status_code in (401, 403) and refused.json()["reason"]
        assert (await http.get(f"{address}.pdf", headers=bearer(ann["token"]))).status_code == 422
        statuses = [(await http.get(f"{address}.txt", headers=bearer(ann["token"]))).status_code for _ in range(5)]
        assert statuses[0] == 200 and statuses[-1] == 429
        here.leave(here.participants[ann["participant"]])
        assert (await http.get(f"{address}.vtt", headers=bearer(ann["token"]))).status_code == 401


async def test_secret_guards_rooms_and_metrics():
    async with client(secret=SECRET) as http:
        for answer in (await http.post("/rooms"), await http.post("/rooms", headers=bearer("wrong"))):
            assert answer.status_code == 401
        room = await new_room(http, **bearer(SECRET))
        assert (await join(http, room)).status_code == 201
        assert (await http.get("/metrics")).status_code == 401
        assert (await http.get("/metrics", headers=bearer(SECRET))).status_code == 200


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
