"""The client with its process replaced: sessions, lines and questions when the process dies."""

import av
import numpy as np
import pytest

from streamer.observer import client as module
from streamer.observer.client import ObserverClient, Unavailable
from streamer.observer.types import Caption, Sounds, pack
from tests.live.peers import until


class Process:
    starts, pid, waiting = 1, 1, 0

    def __init__(self):
        self.ready, self.sent = True, []

    def send(self, message):
        self.sent.append(message)


@pytest.fixture
def client():
    client = ObserverClient()
    client._process = Process()
    return client


def says(client, sid, observation):
    client.receive(pack(observation) | {"sid": sid, "counts": {}})


def dies_and_comes_back(client):
    for ready in (False, True):
        client._process.ready = ready
        client._set_ready(ready)


def caption(id, text, final=False):
    return Caption(id, text, 1.0, 2.0, final, None)


def test_lines_keep_their_text_and_number_when_the_process_dies(client):
    seen = []
    client.open("p", seen.append)
    says(client, "p", caption(0, "One.", True))
    says(client, "p", caption(1, "two and"))
    dies_and_comes_back(client)
    first = client._process.sent[-1]["first_line"]
    says(client, "p", caption(first, "three"))
    says(client, "p", caption(first, "Three.", True))
    lines = [(line.id, line.text, line.final) for line in seen]
    assert lines == [
        (0, "One.", True),
        (1, "two and", False),
        (1, "two and", True),
        (2, "three", False),
        (2, "Three.", True),
    ]
    dies_and_comes_back(client)
    assert len(seen) == 5


def test_last_words_are_heard_after_the_session_has_been_closed_and_nothing_else(client):
    seen = []
    client.open("p", seen.append)
    client.close_session("p")
    says(client, "p", Sounds(1.0, [("siren", 0.9)]))
    says(client, "p", caption(0, "Bye.", True))
    client.receive({"type": "closed", "sid": "p"})
    says(client, "p", caption(1, "late"))
    assert [observation.text for observation in seen] == ["Bye."]
    assert not client._sessions


def test_a_session_that_was_being_closed_is_not_begun_anew(client):
    client.open("p", lambda observation: None)
    client.close_session("p")
    client._process.sent.clear()
    dies_and_comes_back(client)
    assert not client._sessions and not client._process.sent
    client.open("q", lambda observation: None)
    client._process.ready = False
    client.close_session("q")
    assert not client._sessions


async def test_nobody_answers_from_a_picture_of_long_ago(client, monkeypatch):
    client.open("p", lambda observation: None)
    assert await client.ask("p", "what is this") is None
    assert await client.ask("nobody", "what is this") is None
    client.see("p", 1.0, av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24"))
    monkeypatch.setattr(module, "ANSWER_DEADLINE", 0.01)
    with pytest.raises(Unavailable, match="too much to do"):
        await client.ask("p", "what is this")
    monkeypatch.setattr(module, "OUTDATED", 0.0)
    assert await client.ask("p", "what is this") is None
    assert not client._questions


def test_what_the_process_counts_is_added_up_over_its_lives(client):
    client.open("p", lambda observation: None)

    def says_counts(**counts):
        client.receive(pack(caption(0, "One.")) | {"sid": "p", "counts": counts})

    says_counts(sounds_dropped=2, second_readings_read=1)
    says_counts(sounds_dropped=2, second_readings_read=4, second_readings_late=1)
    dies_and_comes_back(client)
    says_counts(sounds_dropped=1, second_readings_read=1)
    found = client.statistics
    assert (found.sounds_dropped, found.second_readings_read, found.second_readings_late) == (3, 5, 1)


async def shows(client, *times):
    frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
    for t in times:
        client.see("p", t, frame)
        await until(lambda: not client._sessions["p"].packing)


def shown(client):
    return [message["t"] for message in client._process.sent if message["type"] == "picture"]


async def test_pictures_wait_in_order_while_the_process_is_busy_and_then_go_on(client):
    client.open("p", print)
    times = [i * 0.1 for i in range(module.MOST_UNSEEN + 3)]
    await shows(client, *times)
    assert shown(client) == times[: module.MOST_UNSEEN] and client.statistics.pictures_skipped == 3
    client.receive({"type": "seen", "sid": "p"})
    await shows(client, 5.0, 5.1)
    assert shown(client)[-1] == 5.0 and client.statistics.pictures_skipped == 4
    dies_and_comes_back(client)
    await shows(client, 6.0, 6.1)
    assert shown(client)[-2:] == [6.0, 6.1]


async def test_of_fast_pictures_as_many_go_as_tell_anything_and_sound_goes_first(client):
    client.open("p", print)
    await shows(client, *(i / 25 for i in range(8)))
    assert shown(client) == [0.0, 0.08, 0.16, 0.24] and client.statistics.pictures_skipped == 0
    client._process.waiting = module.MOST_UNREAD * 3 // 4
    await shows(client, 1.0)
    client.hear("p", 1.0, np.zeros(1600, np.float32), {}, {})
    assert 1.0 not in shown(client) and client._process.sent[-1]["type"] == "sound"
    assert (client.statistics.pictures_skipped, client.statistics.sounds_dropped) == (1, 0)
