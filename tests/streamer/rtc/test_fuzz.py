"""A few hundred inputs that are nearly right to everything that reads strangers' bytes; `bench.trust.fuzz` has more."""

import pytest

from bench.trust import inputs
from bench.trust.application import Application
from bench.trust.fuzz import run
from bench.trust.targets import TARGETS
from streamer.errors import UserError
from streamer.messages import protocol
from streamer.recordings.exports.event_log import EVENTS
from streamer.recordings.exports.result import read_result
from streamer.recordings.out_folder import is_result_of
from streamer.rtc.offer import PUBLISH, checked_offer
from streamer.rtc.sdp import parse_fragment
from tests.streamer.rtc.conftest import RULES

TIMES = 200
DEEP = '{"a":' * 5000


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize("kind", TARGETS)
async def test_nothing_breaks_and_nothing_is_slow(kind):
    outcome = await run(kind, TIMES, seed=7)
    # What is slow here may be a machine with other work; the bench counts it.
    assert outcome.count >= TIMES and outcome.broken == []


async def test_what_is_fed_would_be_noticed():
    """The seeds are good: a fuzzer of what is refused at its first letter finds nothing."""
    application = Application()
    status, _ = await application.request("POST", "/rooms", [], b"")
    assert status == 201

    assert checked_offer(inputs.OFFER, PUBLISH, RULES)
    assert len(parse_fragment(inputs.FRAGMENT, RULES).candidates) >= 1
    for message in inputs.messages():
        protocol.client_messages.validate_json(message)
    await application.rooms.close()


def test_events_of_great_depth_are_no_events(tmp_path):
    log = tmp_path / EVENTS
    log.write_text(inputs.event_log() + DEEP + "\n")
    assert read_result(tmp_path).people[0].name == "Anna"
    log.write_text(DEEP)
    with pytest.raises(UserError, match="holds no result"):
        read_result(tmp_path)
    assert not is_result_of(tmp_path, log)
