"""The demo's participant for somebody who is alone: two talking portraits, for a while."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time

from streamer.client import loopback
from streamer.rooms.errors import Full
from streamer.rooms.rooms import Rooms
from streamer.settings import Settings

MOST = 1
"""At once on a server: each plays and is separated like any other participant."""

MOST_SECONDS = 900.0
"""For which one plays."""

ALONE_SECONDS = 90.0
"""After which one ends that nobody came to see, or that everybody left."""

LOOK_EVERY = 3.0

END_SECONDS = 5.0
"""Time that a participant gets to leave."""

log = logging.getLogger("earshot.demo")


class Demos:
    """The demo's participants that pages asked for, each a process of its own.

    Args:
        rooms: where they play.
        settings: of the server.
        program: what is run before the arguments of `join`.
    """

    def __init__(
        self, rooms: Rooms, settings: Settings, program: tuple[str, ...] = (sys.executable, "-m", "streamer")
    ) -> None:
        self._rooms, self._settings, self._program = rooms, settings, program
        self._playing: dict[str, asyncio.Task[None]] = {}

    def start(self, room: str, port: int, invite: str) -> None:
        """Bring a participant into a room; one that is there plays on.

        Args:
            room: id.
            port: of this server.
            invite: to the room, to take part.

        Raises:
            Full: as many play as may.
        """
        if room in self._playing:
            return
        if len(self._playing) >= MOST:
            raise Full("The demo plays for somebody else just now; try again in some minutes.")
        task = asyncio.create_task(self._play(room, port, invite), name=f"demo in {room}")
        self._playing[room] = task
        task.add_done_callback(lambda done: self._playing.pop(room, None))

    async def close(self) -> None:
        """End all of them."""
        for task in self._playing.values():
            task.cancel()
        await asyncio.gather(*self._playing.values(), return_exceptions=True)

    async def _play(self, room: str, port: int, invite: str) -> None:
        address = loopback.page_address(self._settings, port)
        # The invite not as an argument: those can be read by every user of the machine.
        told = await asyncio.to_thread(loopback.environment, self._settings)
        process = await asyncio.create_subprocess_exec(
            *self._program,
            *("join", "--demo", "--loop", "--name", "Demo", "--server", address, "--room", room),
            env=os.environ | told | {"EARSHOT_INVITE": invite},
            stdin=asyncio.subprocess.DEVNULL,
        )
        try:
            await self._watch(room, process)
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    await asyncio.wait_for(process.wait(), END_SECONDS)
                except TimeoutError:
                    process.kill()

    async def _watch(self, room: str, process: asyncio.subprocess.Process) -> None:
        """Return when the participant has ended, or has to."""
        began = seen = time.monotonic()
        while process.returncode is None:
            await asyncio.sleep(LOOK_EVERY)
            now = time.monotonic()
            found = self._rooms.get(room)
            # Whoever has a page; the demo's participant has none.
            if found is not None and any(person.had_control for person in found.participants.values()):
                seen = now
            if now - seen > ALONE_SECONDS or now - began > MOST_SECONDS:
                log.info("the demo in %s ends", room)
                return
