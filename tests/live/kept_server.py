"""A server whose models are played: `python -m tests.live.kept_server`, settings by the environment.

Whoever sends has a voice that is known, and is heard to say what the models were told of them.
"""

import asyncio
import sys
import time

from streamer.commands.serve import serve_forever
from streamer.engine.client import EngineClient
from streamer.logs import configure_logging
from streamer.observer.client import ObserverClient
from streamer.observer.types import Caption
from streamer.rooms import keeping
from streamer.settings import Settings

known: dict[str, bytes] = {}
open_engine, open_observer = EngineClient.open, ObserverClient.open


def begin(self, sid, on_voices, on_faces, on_attributed, memory=None):
    known[sid] = memory or b"nothing yet"
    open_engine(self, sid, on_voices, on_faces, on_attributed, memory)


def observe(self, sid, on_observation, first_line=0):
    t = time.time()
    caption = Caption(id=first_line, text=f"They know {known[sid].decode()}.", start=t, end=t + 1, final=True, face=1)
    open_observer(self, sid, on_observation, first_line)
    asyncio.get_running_loop().call_soon(on_observation, caption)


def play():
    EngineClient.open, ObserverClient.open = begin, observe
    EngineClient.memory = lambda self, sid: b"the voice of " + sid.encode()
    keeping.PATIENCE = 1.0


def main():
    play()
    configure_logging("warning")
    return serve_forever(Settings())


if __name__ == "__main__":
    sys.exit(main())
