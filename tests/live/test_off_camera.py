"""Somebody who is not in the picture, in a call: heard apart, named, heard alone, and given a line."""

from __future__ import annotations

import asyncio
import time

import msgpack
import numpy as np
import pytest

from streamer.engine.client import EngineClient
from streamer.engine.packing import pack_voices
from streamer.engine.types import BLOCK, SpeakerState, Voices
from streamer.observer.types import Caption
from tests.live.conftest import serving
from tests.live.peers import BeepTrack, until
from tests.live.test_call import loudest

LAG = 240
"""Samples at 16 kHz that the separator's answer is late."""


class Process:
    """The models' process, to which all sound is the voice of somebody without a face."""

    ready, starts, pid = True, 1, None

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self._late = np.zeros(LAG, np.float32)

    def start(self) -> None:
        pass

    async def close(self) -> None:
        pass

    def send(self, message: dict) -> None:
        if message["type"] != "audio":
            return
        joined = np.concatenate([self._late, np.frombuffer(message["pcm"], np.float32)])
        self._late = joined[BLOCK:]
        others = [SpeakerState(-1, 0.75, "known", 0.5)]
        voices = Voices(message["t"], [-1], joined[None, :BLOCK], np.zeros(BLOCK, np.float32), [], others)
        answer = pack_voices(voices) | {"type": "voices", "sid": message["sid"], "index": message["index"]}
        travelled = msgpack.unpackb(msgpack.packb(answer | {"dropped": 0, "cpu": 0.0}), raw=False)
        asyncio.get_running_loop().call_soon(self._client.receive, travelled)


class Engine(EngineClient):
    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self._process = Process(self)


async def test_a_voice_without_a_face_is_a_speaker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamer.server.app.EngineClient", Engine)
    async with serving(past="all") as site:
        room = await site.room()
        ann, ben = await site.join(room, "Ann"), await site.join(room, "Ben")
        who = ann["participant"]
        socket = await site.control(room, ben["token"])
        await site.publish(room, ann["token"], BeepTrack(time.monotonic()))
        viewer = await site.watch(room, ben["token"])
        place = site.context.rooms.get(room["room"])

        # There is no picture at all, and still everyone is told of the voice.
        def voice() -> dict:
            return next(iter(socket.newest.get("faces", {}).get("voices", [])), {})

        await until(lambda: bool(voice()))
        assert socket.newest["faces"]["faces"] == []
        assert voice() == {"id": -1, "name": None, "speaking": 0.75, "voice": "known", "voice_confidence": 0.5}
        await socket.send(type="rename", participant=who, face=-1, name="Grandma")
        await until(lambda: voice()["name"] == "Grandma")

        # Alone it is all that is heard; whoever hears a face alone hears nothing of it.
        await until(lambda: place.participants[who].separated)
        frames = viewer.frames["audio0"]
        await socket.send(type="focus", participant=who, face=1)
        await until(lambda: socket.newest.get("faders", {}).get("focus") == {"participant": who, "face": 1})
        frames.clear()
        await until(lambda: len(frames) > 100 and loudest(frames[-60:]) < 100)
        await socket.send(type="focus", participant=who, face=-1)
        await until(lambda: loudest(frames[-25:]) > 8000)

        # Its words stand under its name, until somebody says that they are Ann's.
        caption = Caption(3, "Dinner is ready.", time.time(), time.time() + 1, True, -1, np.zeros(4, "f4").tobytes())
        place.insights.observed(place.participants[who], caption)
        captions = socket.insights["caption"]
        await until(lambda: len(captions) == 1)
        headers = {"Authorization": f"Bearer {ben['token']}"}
        page = f"/rooms/{room['room']}/transcript.txt"
        assert "Grandma: Dinner is ready." in (await site.http.get(page, headers=headers)).text
        await socket.send(type="speaker", participant=who, line=3, face=None)
        await until(lambda: len(captions) == 2)
        assert captions[1] == captions[0] | {"face": None}
        assert "Ann: Dinner is ready." in (await site.http.get(page, headers=headers)).text
        await socket.send(type="speaker", participant=who, line=4, face=-1)
        await until(lambda: socket.newest.get("error", {}).get("code") == "unknown")
        watcher = await site.join(room | {"invite": room["watch_invite"]}, "Wim")
        watching = await site.control(room, watcher["token"])
        await watching.send(type="speaker", participant=who, line=3, face=-1)
        await until(lambda: watching.newest.get("error", {}).get("code") == "role")
        await until(lambda: watching.insights["caption"] == [captions[1]])
