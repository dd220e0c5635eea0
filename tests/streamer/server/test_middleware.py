"""Each check alone, and that refusals of all of them are counted and carry the headers of every answer."""

import asyncio

import httpx
import pytest

from streamer.limits import RateLimiter
from streamer.server.app import create_app
from streamer.server.middleware.base import refuse
from streamer.server.middleware.body_limit import BodyLimit
from streamer.server.middleware.hosts import HostCheck, host_name
from streamer.server.middleware.origins import OriginCheck
from streamer.server.middleware.rate_limit import RateLimit
from streamer.server.middleware.security_headers import PAGE_POLICY, page_policy
from streamer.settings import Settings

ORIGIN = {"Origin": "https://friend.example"}


async def through(check, **scope):
    """Statuses and close codes that a check answers; [] if the connection reached the application."""
    sent = []

    async def application(scope, receive, send):
        sent.append("reached")

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message.get("status", message.get("code")))

    headers = [(name.encode(), value.encode()) for name, value in scope.pop("headers", {}).items()]
    await check(application)({"type": "http", "method": "POST", "headers": headers, **scope}, receive, send)
    return [] if sent == ["reached"] else [answer for answer in sent if answer is not None]


@pytest.mark.parametrize(
    ("headers", "scope", "answers"),
    [
        ({"host": "a.example"}, {}, []),
        ({"host": "A.EXAMPLE:8000"}, {}, []),
        ({"host": "b.example"}, {}, [421]),
        ({"host": "b.example"}, {"method": "GET"}, [421]),
        ({}, {}, [421]),
        ({"host": "b.example"}, {"type": "websocket"}, [1008]),
        ({"host": "b.example"}, {"type": "websocket", "extensions": {"websocket.http.response": {}}}, [421]),
        ({"host": "b.example"}, {"type": "lifespan"}, []),
    ],
)
async def test_hosts(headers, scope, answers):
    settings = Settings(allowed_hosts="a.example")
    assert await through(lambda app: HostCheck(app, settings), headers=headers, **scope) == answers


@pytest.mark.parametrize(
    ("host", "name"),
    [("A.example:80", "a.example"), ("[::1]:8000", "::1"), ("localhost", "localhost"), (None, "")],
)
def test_host_names(host, name):
    assert host_name(host) == name


@pytest.mark.parametrize(
    ("origin", "scope", "answers"),
    [
        ("https://friend.example", {}, []),
        ("https://evil.example", {}, [403]),
        ("https://evil.example", {"method": "GET"}, []),
        ("https://evil.example", {"type": "websocket"}, [1008]),
    ],
)
async def test_origins(origin, scope, answers):
    settings = Settings(allowed_origins="https://friend.example")
    headers = {"host": "a.example", "origin": origin}
    assert await through(lambda app: OriginCheck(app, settings), headers=headers, **scope) == answers


async def test_rates_are_counted_for_each_address_and_not_for_what_changes_nothing():
    limiter = RateLimiter(1.0, 2.0, clock=lambda: 0.0)

    def check(app):
        return RateLimit(app, limiter)

    for _ in range(5):
        assert await through(check, client=("10.0.0.1", 1), method="GET") == []
    for answers in ([], [], [429]):
        assert await through(check, client=("10.0.0.1", 1)) == answers
    assert await through(check, client=("10.0.0.2", 1)) == []
    for address, answers in (("2001:db8::1", []), ("2001:db8::2", []), ("2001:db8::3", [429]), ("2001:db8:1::", [])):
        assert await through(check, client=(address, 1)) == answers


@pytest.mark.parametrize(
    ("length", "scope", "answers"),
    [
        ("1024", {}, []),
        ("1025", {}, [413]),
        ("-1", {}, [413]),
        ("x", {}, [413]),
        ("1025", {"method": "GET"}, []),
    ],
)
async def test_lengths(length, scope, answers):
    settings = Settings(body_limit=1024)
    headers = {"content-length": length}
    assert await through(lambda app: BodyLimit(app, settings), headers=headers, **scope) == answers


async def test_the_deadline_of_a_body_ends_with_it():
    """What comes after the body is the disconnect, for which an application may wait as long as the answer takes."""
    messages = [{"type": "http.request", "body": b"x", "more_body": False}, {"type": "http.disconnect"}]

    async def receive():
        if len(messages) == 1:
            await asyncio.sleep(0.05)
        return messages.pop(0)

    async def application(scope, receive, send):
        assert (await receive())["body"] == b"x"
        assert (await receive())["type"] == "http.disconnect"

    limit = BodyLimit(application, Settings(body_deadline=0.01))
    await limit({"type": "http", "method": "POST", "headers": []}, receive, refuse)
    assert messages == []


def test_policies_name_hosts_that_cannot_end_a_directive():
    assert "connect-src 'self' ws://a.example:8000 wss://a.example:8000;" in page_policy("a.example:8000")
    for host in (None, "a.example; script-src *", "[::1]:8000"):
        assert page_policy(host) == PAGE_POLICY


@pytest.mark.parametrize(
    ("status", "host", "headers", "body"),
    [
        (421, "elsewhere.example", {}, b""),
        (403, "127.0.0.1", {"Origin": "https://evil.example"}, b""),
        (429, "127.0.0.1", {}, b""),
        (413, "127.0.0.1", {}, b"x" * 2000),
    ],
)
async def test_every_refusal_is_counted_and_has_the_headers(status, host, headers, body):
    settings = Settings(
        engine=False,
        observer=False,
        body_limit=1024,
        requests_burst=1,
        requests_per_second=0.01,
        allowed_origins=ORIGIN["Origin"],
    )
    app = create_app(settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{host}") as http:
        if status == 429:
            await http.post("/rooms/r/whip")
        answer = await http.post("/rooms/r/whip", headers=ORIGIN | headers, content=body)
    assert answer.status_code == status and list(answer.json()) == ["reason"]
    assert answer.headers["content-security-policy"] == page_policy(host)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers.get("access-control-allow-origin") == (None if status == 403 else ORIGIN["Origin"])
    assert f'method="POST",status="{status}"}} 1.0' in app.state.context.metrics.text().decode()
