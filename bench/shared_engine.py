"""What it costs that an engine is somebody else's: `python -m bench.shared_engine`, a minute.

An engine of one's own by a socket pair, and one behind a hub by TCP on this machine, in turn: how long a block of sound
is away, while pictures go the same way.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field

import av
import numpy as np

from bench.page import publish, table
from streamer.engine.client import WORKER, EngineClient
from streamer.workers.hub import Hub
from streamer.workers.remote import Place

SECONDS, BLOCK = 20.0, 0.02
WIDTH, HEIGHT = 854, 480
KEY = b"bench"


@dataclass
class Way:
    """To one engine, and back."""

    client: EngineClient
    sent: dict[int, float] = field(default_factory=dict)
    away: list[float] = field(default_factory=list)

    def back(self, index: int) -> None:
        """Note that a block has come back."""
        self.away.append(1000 * (time.perf_counter() - self.sent.pop(index)))

    async def use(self, offset: float) -> None:
        """Send blocks and pictures in real time."""
        self.client.open("p", lambda index, *_: self.back(index), lambda *_: None, lambda *_: None)
        frame = av.VideoFrame.from_ndarray(np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8), format="yuv420p")
        random = np.random.default_rng(0)
        begin = time.perf_counter() + offset
        for index in range(int(SECONDS / BLOCK)):
            await asyncio.sleep(max(0.0, begin + index * BLOCK - time.perf_counter()))
            self.client.send_video("p", index * BLOCK, frame)
            self.sent[index] = time.perf_counter()
            self.client.send_audio("p", index, index * BLOCK, (0.1 * random.standard_normal(320)).astype(np.float32))

    def row(self, name: str) -> list[str]:
        """Write it."""
        low, high = np.median(self.away), np.quantile(self.away, 0.95)
        return [name, f"{len(self.away)} of {int(SECONDS / BLOCK)}", f"{low:.1f} ms", f"{high:.1f} ms"]


async def measure() -> list[list[str]]:
    """Use both at once, half a block apart."""
    hub = Hub(WORKER, ("cpu", "6"), KEY)
    port = await hub.start("127.0.0.1")

    async def find() -> tuple[str, int]:
        return "127.0.0.1", port

    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(hub.close)
        clients = EngineClient(), EngineClient(place=Place("the engine", find, KEY))
        for client in clients:
            stack.push_async_callback(client.close)
            client.start()
        async with asyncio.timeout(120):
            while not all(client.ready for client in clients):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        own, shared = Way(clients[0]), Way(clients[1])
        await asyncio.gather(own.use(0.0), shared.use(BLOCK / 2))
        await asyncio.sleep(0.5)
        return [own.row("its own, by a socket pair"), shared.row("shared, by a hub and TCP")]


def main() -> None:
    rows = asyncio.run(measure())
    text = table(["engine", "blocks back", "away, p50", "p95"], rows)
    text += (
        f"\n\nA block of 20 ms without a voice to separate, while {WIDTH}x{HEIGHT} pictures go the same way, both at "
        f"once for {SECONDS:.0f} s. A network between two machines adds its own time."
    )
    publish("shared_engine", "python -m bench.shared_engine", text)


if __name__ == "__main__":
    main()
