"""A call with the real models: two puppets in one picture, and what happens when the model process dies."""

from __future__ import annotations

import asyncio
import os
import signal

from streamer.commands.join import join
from streamer.demo.clip import demo_clip
from tests.live.conftest import serving
from tests.live.peers import until
from tests.live.test_call import loudest


async def test_when_the_models_die_the_call_goes_on_and_everybody_keeps_their_number():
    await asyncio.to_thread(demo_clip)
    async with serving(engine=True) as site:
        engine, stop = site.context.engine, asyncio.Event()
        room = await site.room()
        ann = await site.join(room, "Ann")
        control = await site.control(room, ann["token"])
        listener = await site.watch(room, ann["token"])
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
