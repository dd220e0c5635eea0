"""What viewers may ask of a publisher, all of them together."""

import asyncio
import itertools

import pytest

from streamer.rtc import relay
from streamer.rtc.relay import KEYFRAME_INTERVAL, VIEWERS_ASK_A_SECOND, VIEWERS_ASK_AT_ONCE, VideoSource
from streamer.rtc.slot import SlotTrack
from tests.streamer.rtc.conftest import until
from tests.streamer.rtc.test_packet_sender import Sending
from tests.streamer.rtc.test_relay import Out, gray, picture, viewing

MOST = VIEWERS_ASK_AT_ONCE + 20 * VIEWERS_ASK_A_SECOND
"""Key frames that viewers may ask for within 20 s."""


class Call:
    """A publisher who answers each request with the next picture, its viewers, and a clock to be moved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, viewers: int) -> None:
        self.clock = 100.0
        self.asked: list[float] = []
        self.source = VideoSource(hold=0.0)
        self.source.on_keyframe_wanted = lambda: self.asked.append(self.clock)
        monkeypatch.setattr(relay, "now", lambda: self.clock)
        self.viewers: list[tuple[SlotTrack, Out]] = [viewing() for _ in range(viewers)]
        self.shown = self.answered = 0
        for slot, _ in self.viewers:
            slot.set_source(self.source)
        self.show()
        self.asked.clear()
        self.answered = 0
        self.clock += KEYFRAME_INTERVAL

    def show(self) -> None:
        """Show the next picture."""
        key, self.answered = len(self.asked) > self.answered, len(self.asked)
        self.source.encoded(picture(self.shown, key))
        self.shown += 1
        self.clock += 1 / 30

    def watch(self, seconds: float, asking: int = 0) -> None:
        """Show pictures; so many viewers say twice a picture that they lost some."""
        for _ in range(round(30 * seconds)):
            for _ in range(2 if asking else 0):
                for slot, _ in self.viewers[:asking]:
                    slot._viewer_lost_picture()
            self.show()


async def test_a_viewer_who_has_just_connected_does_not_wait_for_the_next_picture_to_ask() -> None:
    asked: list[int] = []
    source, slot, sending = VideoSource(hold=0.0), SlotTrack(), Sending()
    sending.task.cancel()
    source.on_keyframe_wanted = lambda: asked.append(1)
    (transceiver,) = sending.pc.getTransceivers()
    transceiver._codecs = [sending.codec]
    slot.bind(transceiver)
    slot.set_source(source)
    source.encoded(picture(0))
    assert asked == []
    assert slot.out is not None
    sending.task = asyncio.ensure_future(slot.out._run(sending.codec))  # type: ignore[arg-type]
    await until(lambda: bool(asked))
    assert asked == [1]
    slot.stop()
    await sending.close()


@pytest.mark.parametrize("asking", [1, 50])
async def test_many_viewers_who_ask_all_the_time_cost_what_one_does(
    monkeypatch: pytest.MonkeyPatch, asking: int
) -> None:
    call = Call(monkeypatch, 51)
    call.watch(20.0, asking)
    assert MOST - 2 <= len(call.asked) <= MOST + 1


async def test_an_honest_viewer_waits_little_beside_those_who_ask_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Call(monkeypatch, 3)
    call.watch(30.0, asking=2)
    slot, _ = call.viewers[2]
    begin, before = call.clock, len(call.asked)
    slot._viewer_lost_picture()
    while slot._lost:
        call.watch(1 / 30, asking=2)
        assert call.clock - begin <= 1 / VIEWERS_ASK_A_SECOND + 0.1
    assert len(call.asked) == before + 1


async def test_who_asks_now_and_then_is_heard_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Call(monkeypatch, 5)
    for n in range(20):
        call.viewers[n % 5][0]._viewer_lost_picture()
        assert call.asked[-1] == call.clock and len(call.asked) == n + 1
        call.watch(1 / VIEWERS_ASK_A_SECOND)


async def test_one_loss_of_all_is_one_keyframe(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Call(monkeypatch, 50)
    for slot, _ in call.viewers:
        slot._viewer_lost_picture()
    assert len(call.asked) == 1
    assert call.source._asks["VP8"].tokens == VIEWERS_ASK_AT_ONCE - 1


async def test_a_keyframe_that_was_asked_for_too_early_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Call(monkeypatch, 1)
    call.watch(20.0, asking=1)
    [(slot, _)] = call.viewers
    while slot._lost:
        call.show()
    slot._viewer_lost_picture()
    before, lost_at = len(call.asked), call.clock
    while len(call.asked) == before:
        call.show()
        assert call.clock < lost_at + 2 / VIEWERS_ASK_A_SECOND
    assert call.clock - lost_at <= 1 / VIEWERS_ASK_A_SECOND + 0.1


async def test_a_picture_that_is_encoded_here_has_the_same_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(100.0, 1 / 30)
    moment = [100.0]
    monkeypatch.setattr(relay, "now", lambda: moment[0])
    source, viewers = VideoSource(hold=0.0), [viewing() for _ in range(50)]
    source.encoded(picture(0, key=True, codec="H264"))
    for slot, _ in viewers:
        slot.set_source(source)
    source.decoded(1000.0, gray(0))
    encoder = source._encoders["VP8"]
    ordered: list[float] = []
    monkeypatch.setattr(encoder, "request_keyframe", lambda: ordered.append(moment[0]))
    encoded = source._encoded_as("VP8")
    made = 0
    for n in range(20 * 30):
        moment[0] = next(clock)
        for slot, _ in viewers:
            slot._viewer_lost_picture()
        encoded(1001.0 + n / 30, b"picture", len(ordered) > made)
        made = len(ordered)
    assert MOST - 2 <= len(ordered) <= MOST + 1
    source.close()
