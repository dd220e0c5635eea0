"""Tokens, secret, origins and rates."""

import base64
import json

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.auth import Denied, Tokens, bearer, origin_allowed
from streamer.limits import RateLimiter
from streamer.settings import Settings
from tests.clock import Clock

SECRET = "a secret of some length"


@pytest.fixture
def clock():
    return Clock(1_800_000_000.0)


@pytest.fixture
def tokens(clock):
    return Tokens(Settings(secret=SECRET), clock)


def test_what_is_minted_is_verified(tokens, clock):
    claims = tokens.verify(tokens.mint("session", "room1", "publish", "p1"), "room1", "session")
    assert (claims.kind, claims.room, claims.role, claims.participant) == (
        "session",
        "room1",
        "publish",
        "p1",
    )
    assert claims.expires_at == clock.now + 300
    assert claims.nonce


def test_an_invite_lasts_for_a_meeting_and_a_session_token_for_minutes(tokens, clock):
    invite, session = tokens.mint("invite", "r", "watch"), tokens.mint("session", "r", "watch", "p")
    clock.now += 299
    tokens.verify(session, "r", "session")
    clock.now += 2
    with pytest.raises(Denied, match="expired") as caught:
        tokens.verify(session, "r", "session")
    assert caught.value.status == 401
    clock.now += 11 * 3600
    tokens.verify(invite, "r", "invite")


def test_an_expired_token_is_taken_only_where_that_is_asked_for(tokens, clock):
    session = tokens.mint("session", "r", "publish", "p")
    clock.now += 10_000
    assert tokens.verify(session, "r", "session", expired=True).participant == "p"
    for room, kind in (("other", "session"), ("r", "invite")):
        with pytest.raises(Denied):
            tokens.verify(session, room, kind, expired=True)


def test_kind_and_room_have_to_fit(tokens):
    invite = tokens.mint("invite", "r", "watch")
    for room, kinds in (("other", ("invite",)), ("r", ("session", "resume"))):
        with pytest.raises(Denied) as caught:
            tokens.verify(invite, room, *kinds)
        assert caught.value.status == 403
        assert "insufficient_scope" in caught.value.challenge


def test_tokens_of_another_key_are_refused(tokens):
    for other in (Tokens(Settings()), Tokens(Settings()), Tokens(Settings(secret=SECRET + "!"))):
        with pytest.raises(Denied):
            tokens.verify(other.mint("invite", "r", "watch"), "r", "invite")


def test_same_secret_after_a_restart_knows_its_tokens(tokens, clock):
    Tokens(Settings(secret=SECRET), clock).verify(tokens.mint("invite", "r", "watch"), "r", "invite")


def test_unsigned_and_retouched_tokens_are_refused(tokens):
    good = tokens.mint("invite", "r", "watch")
    head, body, signature = good.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["role"] = "publish"
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    unsigned = jwt.encode(claims, "", algorithm="none")
    for token in (f"{head}.{forged}.{signature}", unsigned, f"{head}.{body}.", good[:-4]):
        with pytest.raises(Denied) as caught:
            tokens.verify(token, "r", "invite")
        assert caught.value.status == 401


@given(st.text(max_size=200))
def test_any_text_is_refused_as_a_token(text):
    with pytest.raises(Denied):
        Tokens(Settings()).verify(text, "r", "invite")


def test_secret(tokens):
    tokens.check_secret(f"Bearer {SECRET}")
    for header in (None, "", "Bearer ", "Bearer wrong", f"Basic {SECRET}", f"Bearer {SECRET}ä"):
        with pytest.raises(Denied) as caught:
            tokens.check_secret(header)
        assert caught.value.status == 401
    Tokens(Settings()).check_secret(None)


def test_bearer_is_case_insensitive():
    assert bearer("bearer  x ") == "x"


@pytest.mark.parametrize(
    ("origin", "host", "expected"),
    [
        (None, "a.example", True),
        ("https://a.example", "a.example", True),
        ("https://A.example:8000", "a.example:8000", True),
        ("https://a.example:8000", "a.example", False),
        ("https://evil.example", "a.example", False),
        ("https://friend.example", "a.example", True),
        ("https://a.example.evil", "a.example", False),
        ("null", "a.example", False),
        ("https://", "", False),
        ("https://[", "a.example", False),
        ("file://a.example", "a.example", False),
    ],
)
def test_origin(origin, host, expected):
    assert origin_allowed(origin, host, ("https://friend.example",)) is expected


def test_a_bucket_gives_its_burst_then_its_rate(clock):
    limiter = RateLimiter(rate=2, burst=3, clock=clock)
    assert [limiter.take("a") for _ in range(4)] == [0, 0, 0, 1]
    assert limiter.take("b") == 0
    clock.now += 0.5
    assert [limiter.take("a") for _ in range(2)] == [0, 1]


def test_buckets_are_bounded_and_forgotten(clock):
    limiter = RateLimiter(rate=1, burst=1, capacity=10, clock=clock)
    for i in range(100):
        limiter.take(str(i))
    assert len(limiter) == 10
    clock.now += 1
    limiter.sweep()
    assert len(limiter) == 0
