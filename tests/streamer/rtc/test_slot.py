"""What a viewer may ask of a publisher."""

import pytest

from streamer.rtc import relay, slot
from streamer.rtc.relay import KEYFRAME_INTERVAL, VideoSource
from streamer.rtc.slot import VIEWER_ASKS_A_SECOND, VIEWER_ASKS_AT_ONCE
from tests.streamer.rtc.test_relay import picture, viewing


def publisher(monkeypatch: pytest.MonkeyPatch) -> tuple[list[float], list[float], VideoSource]:
    """A clock to be moved, the times at which a key frame was asked for, and whom it was asked of."""
    clock = [100.0]
    for module in (relay, slot):
        monkeypatch.setattr(module, "now", lambda: clock[0])
    asked: list[float] = []
    source = VideoSource(hold=0.0)
    source.on_keyframe_wanted = lambda: asked.append(clock[0])
    return clock, asked, source


async def test_a_viewer_who_asks_all_the_time_is_given_few_keyframes_and_always_one_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, asked, source = publisher(monkeypatch)
    (flooding, _), (honest, _) = viewing(), viewing()
    for viewer in (flooding, honest):
        viewer.set_source(source)
    minute, answered = 60 * 30, 0
    for n in range(minute):
        for _ in range(100):
            flooding._viewer_lost_picture()
        # The publisher answers each request with the next picture.
        key, answered = len(asked) > answered, len(asked)
        source.encoded(picture(n, key))
        clock[0] += 1 / 30
    most = VIEWER_ASKS_AT_ONCE + 60 * VIEWER_ASKS_A_SECOND
    assert most - 2 <= len(asked) <= most + 1, "one of them is for those who came"
    clock[0] += KEYFRAME_INTERVAL
    honest._viewer_lost_picture()
    assert asked[-1] == clock[0], "the other viewer does not pay for it"


async def test_a_keyframe_that_was_asked_for_too_early_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, asked, source = publisher(monkeypatch)
    viewer, _ = viewing()
    viewer.set_source(source)
    source.encoded(picture(0, key=True))
    for n in range(round(VIEWER_ASKS_AT_ONCE)):
        clock[0] += 1.0
        viewer._viewer_lost_picture()
        source.encoded(picture(n, key=True))
    while viewer._asks.tokens >= 1:
        viewer._asks.take(clock[0])
    before = len(asked)
    viewer._viewer_lost_picture()
    assert len(asked) == before
    lost_at = clock[0]
    while len(asked) == before:
        clock[0] += 1 / 30
        source.encoded(picture(1))
        assert clock[0] < lost_at + 2 / VIEWER_ASKS_A_SECOND
    assert clock[0] - lost_at <= 1 / VIEWER_ASKS_A_SECOND + 0.1
