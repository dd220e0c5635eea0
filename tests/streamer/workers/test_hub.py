"""Several servers use one process of models."""

import asyncio
import contextlib

import pytest

from streamer.workers import framing, hub
from streamer.workers.handshake import introduce
from streamer.workers.hub import Hub
from streamer.workers.remote import Place, RemoteModels

KEY = b"k" * 32


class Server:
    """One that uses the models."""

    def __init__(self, port, key=KEY):
        async def find():
            return "127.0.0.1", port

        self.heard, self.ups = [], []
        self.changed = asyncio.Event()
        self.models = RemoteModels(Place("echo", find, key), self.up, self.hear)

    def up(self, ready):
        self.ups.append(ready)
        self.changed.set()

    def hear(self, message):
        if message["type"] != "pong":
            self.heard.append(message)
            self.changed.set()

    async def until(self, condition):
        async with asyncio.timeout(20):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def answer(self, **message):
        """Ask, and return the result."""
        self.models.send(message | {"n": 7})
        await self.until(lambda: any(one["type"] == "result" for one in self.heard))
        (result,) = [one for one in self.heard if one["type"] == "result"]
        self.heard.remove(result)
        assert result["n"] == 7
        return result["result"]


@pytest.fixture
async def echo():
    shared = Hub("tests.streamer.workers.echo_worker", (), KEY)
    port = await shared.start("127.0.0.1")
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(shared.close)

        async def server(**options):
            one = Server(port, **options)
            stack.push_async_callback(one.models.close)
            one.models.start()
            await one.until(lambda: one.models.ready)
            return one

        yield shared, port, server


async def test_each_hears_of_its_own_sessions_by_its_own_names(echo):
    shared, _, server = echo
    ann, bob = await server(), await server()
    assert shared.clients == 2 and shared.ready
    for one, text in ((ann, "ann's"), (bob, "bob's")):
        one.models.send({"type": "open", "sid": "room/1"})
        one.models.send({"type": "say", "sid": "room/1", "text": text})
        await one.until(lambda one=one: one.heard)
        assert one.heard == [{"type": "said", "sid": "room/1", "text": text}]
    # Both have asked number 7, and there are two sessions in one process.
    assert await asyncio.gather(ann.answer(type="ask", text="a"), bob.answer(type="ask", text="b")) == ["a", "b"]
    assert await ann.answer(type="count") == 2
    assert len(bob.heard) == 1


async def test_what_is_said_to_all_is_said_to_who_comes_later_too(echo):
    _, _, server = echo
    ann, bob = await server(), await server()
    ann.models.send({"type": "tell all", "text": "rain"})
    for one in (ann, bob):
        await one.until(lambda one=one: one.heard)
    cid = await server()
    await cid.until(lambda: cid.heard)
    assert ann.heard == bob.heard == cid.heard == [{"type": "news", "text": "rain"}]


async def test_sessions_end_with_whose_they_were(echo):
    shared, _, server = echo
    ann, bob = await server(), await server()
    for sid in ("1", "2"):
        ann.models.send({"type": "open", "sid": sid})
        bob.models.send({"type": "open", "sid": sid})
    assert await ann.answer(type="count") == 2 or await bob.answer(type="count") == 4
    await ann.models.close()
    async with asyncio.timeout(20):
        while shared.clients == 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert await bob.answer(type="count") == 2


async def test_models_that_die_are_back_for_everybody(echo):
    shared, _, server = echo
    ann, bob = await server(), await server()
    before = shared.pid
    ann.models.send({"type": "open", "sid": "1"})
    ann.models.send({"type": "die"})
    for one in (ann, bob):
        await one.until(lambda one=one: one.ups == [True, False, True])
    assert shared.pid not in (None, before)
    assert await bob.answer(type="count") == 0


async def test_without_the_key_nobody_is_let_in(echo, caplog):
    shared, port, server = echo
    await server()
    stranger = Server(port, key=b"another")
    stranger.models.start()
    async with asyncio.timeout(20):
        while shared.refused < 2:  # noqa: ASYNC110 - it tries again
            await asyncio.sleep(0.01)
    await stranger.models.close()
    assert stranger.ups == [] and shared.clients == 1
    assert not [record for record in caplog.records if record.name == "earshot.workers" and record.levelname == "ERROR"]


async def test_a_hub_with_another_key_is_not_trusted():
    async def pretend(reader, writer):
        writer.write(bytes(32))
        await reader.readexactly(64)
        writer.write(bytes(32))
        writer.close()

    async with await asyncio.start_server(pretend, "127.0.0.1", 0) as pretender:
        reader, writer = await asyncio.open_connection(*pretender.sockets[0].getsockname())
        with pytest.raises(PermissionError, match="another key"):
            await introduce(reader, writer, KEY)
        writer.close()


async def test_who_says_nothing_is_shown_out_and_only_so_many_may(echo, monkeypatch):
    shared, port, server = echo
    monkeypatch.setattr(hub, "HANDSHAKE_SECONDS", 0.3)
    monkeypatch.setattr(hub, "MOST_STRANGERS", 3)
    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
    for reader, _ in connections:
        # A number from those that are listened to, then the end.
        assert len(await asyncio.wait_for(reader.read(), 20)) in (0, 32)
    assert shared.refused == 4
    for _, writer in connections:
        writer.close()
    await server()


@pytest.mark.parametrize(
    "sent",
    [
        b"\xff\xff\xff\xff",  # a message of 4 GB
        framing.encode({"type": "ask"})[:-2] + b"\xc1\xc1",  # no msgpack
        framing.encode({"kind": "?"}),
        framing.encode([1, 2]),
    ],
)
async def test_what_is_no_message_ends_one_connection_alone(echo, sent):
    shared, port, server = echo
    ann = await server()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await introduce(reader, writer, KEY)
    assert (await framing.read(reader))["type"] == "ready"
    writer.write(sent)
    assert await asyncio.wait_for(reader.read(), 20) == b""
    writer.close()
    assert await ann.answer(type="ask", text="still there") == "still there"
    assert shared.clients == 1


async def test_who_takes_nothing_is_let_go(echo, monkeypatch):
    shared, port, server = echo
    monkeypatch.setattr(hub, "MOST_UNREAD", 100_000)
    ann = await server()
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    await introduce(reader, writer, KEY)
    writer.write(framing.encode({"type": "flood", "sid": "1", "times": 40, "text": "x" * 1_000_000}))
    async with asyncio.timeout(20):
        while shared.clients == 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    writer.close()
    assert await ann.answer(type="ask", text="still there") == "still there"
