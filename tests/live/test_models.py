"""A call with the real models: two puppets in one picture, and what happens when the model process dies."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import av
import numpy as np

from streamer.commands.join import join
from streamer.demo.clip import demo_clip
from tests.live.conftest import Resource, Site, serving
from tests.live.peers import Paced, until
from tests.live.test_call import loudest
from tests.live.test_echo import sound_frame


class HissTrack(Paced):
    """Noise and nothing else."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__(0.02, time.monotonic())
        self._random = np.random.default_rng(0)

    async def recv(self) -> av.AudioFrame:
        await self._due()
        return sound_frame((0.1 * self._random.standard_normal(960)).astype(np.float32), self.count)


async def noise_goes(site: Site, room: dict[str, str], listener: Resource) -> None:
    """Somebody whose microphone hisses has that taken out for all, and back."""
    ben = await site.join(room, "Ben")
    control = await site.control(room, ben["token"])
    sender = await site.publish(room, ben["token"], HissTrack())

    def level() -> float:
        powers = [np.mean((frame.to_ndarray() / 32768) ** 2) for frame in listener.frames.get("audio0", [])[-25:]]
        return float(np.sqrt(np.mean(powers or [0.0])))

    await until(lambda: level() > 0.03, 120)
    await control.send(type="suppression", on=True)
    await until(lambda: level() < 0.01, 120)
    await control.send(type="suppression", on=False)
    await until(lambda: level() > 0.03, 60)
    await sender.close()
    await control.send(type="leave")


async def test_when_the_models_die_the_call_goes_on_and_everybody_keeps_their_number():
    await asyncio.to_thread(demo_clip)
    async with serving(engine=True) as site:
        engine, stop = site.context.engine, asyncio.Event()
        room = await site.room()
        ann = await site.join(room, "Ann")
        control = await site.control(room, ann["token"])
        listener = await site.watch(room, ann["token"])
        await until(lambda: engine.ready, 300)
        await noise_goes(site, room, listener)
        server = str(site.http.base_url)
        puppets = asyncio.create_task(join(server, room["room"], room["invite"], None, True, "Demo", stop))

        def separated() -> bool:
            return bool(control.newest.get("status", {}).get("voices_separated"))

        def faces() -> list[int]:
            return [face["id"] for face in control.newest.get("faces", {}).get("faces", [])]

        try:
            await until(lambda: separated() and len(faces()) == 2, 120)
            before, process = faces(), engine.pid
            os.kill(process, signal.SIGKILL)
            await until(lambda: not separated())
            heard = listener.frames["audio0"]
            heard.clear()
            # Plain sound goes on: the puppets never pause for as long as a second.
            await until(lambda: len(heard) > 60 and loudest(heard) > 1000, 30)
            await until(lambda: separated() and engine.pid not in (None, process), 120)
            control.newest.pop("faces")
            await until(lambda: len(faces()) == 2, 30)
            assert faces() == before
            assert engine.statistics.starts == 2
        finally:
            stop.set()
            await puppets
