"""`earshot load` against a server, with real connections."""

import numpy as np

from streamer.client.marks import RATE
from streamer.client.replay import picture_loop, sound_loop
from streamer.commands import load
from tests.live.peers import until


def small(clip):
    sound = sound_loop(load.marked(np.zeros(2 * RATE, np.float32)))
    picture = picture_loop([np.full((120, 160, 3), 5 * shade, np.uint8) for shade in range(25)], 25)
    return [(sound, picture)] * 2


async def test_load_measures_what_a_listener_gets(site, monkeypatch):
    monkeypatch.setattr(load, "demo_clip", lambda: None)
    monkeypatch.setattr(load, "media", small)
    said = await load.load(str(site.http.base_url), rooms=1, faces=2, seconds=5, secret=None)
    (call,) = said["calls"]
    assert call["marks"] >= 1 and 0 < call["delay_p50"] < 2 and call["cuts"] == 0
    assert call["pictures_a_second"] > 0 and call["sound_lost"] is not None and call["join_p50"] > 0
    await until(lambda: site.context.rooms.deserted)
