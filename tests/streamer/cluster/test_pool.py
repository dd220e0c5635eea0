"""Engines that all media servers use: how many there are, and who has which."""

import asyncio

from streamer.cluster.pool import Pool, Spot


class Worker:
    def __init__(self, name, node):
        self.name, self.node, self.ready, self.away, self.ended = name, node, False, False, False

    async def spot(self):
        if self.away:
            raise ConnectionError("TimeoutError")
        return Spot(self.name, 1, self.ready, self.node)

    async def end(self):
        self.ended = True


class Site:
    """Two machines, which are filled in turn."""

    def __init__(self, most):
        self.workers = {}
        self.pool = Pool("engine-", most, self.hire)
        self.closed = set()

    def hire(self, name, closed):
        nodes = [node for node in ("a", "b") if node not in closed]
        worker = Worker(name, nodes[len(self.workers) % len(nodes)])
        return self.workers.setdefault(name, worker)

    async def look(self, servers, times=1):
        for _ in range(times):
            await self.pool.look(servers, self.closed)
            await asyncio.sleep(0)

    def load(self):
        for worker in self.workers.values():
            worker.ready = True

    @property
    def there(self):
        return sorted(name for name, worker in self.workers.items() if not worker.ended)

    def of(self, *numbers):
        spots = [self.pool.find(number) for number in numbers]
        return [spot and spot.host for spot in spots]


async def test_as_many_as_media_servers_up_to_the_most():
    site = Site(most=2)
    await site.look(1, times=5)
    assert site.there == ["engine-0"] and site.of(0) == [None]
    site.load()
    await site.look(1)
    assert site.of(0, 1) == ["engine-0", "engine-0"]
    await site.look(8, times=5)
    assert site.there == ["engine-0", "engine-1"] and site.of(0, 1) == ["engine-0", "engine-0"]
    site.load()
    await site.look(8)
    assert site.of(0, 1, 2, 3) == ["engine-0", "engine-1", "engine-0", "engine-1"]
    await site.look(1, times=5)
    assert site.there == ["engine-0"]


async def test_one_that_does_not_answer_is_nobodys_until_it_does():
    site = Site(most=2)
    await site.look(2, times=2)
    site.load()
    await site.look(2)
    site.workers["engine-1"].away = True
    await site.look(2, times=3)
    assert site.of(0, 1) == ["engine-0", "engine-0"] and site.there == ["engine-0", "engine-1"]
    site.workers["engine-1"].away = False
    await site.look(2)
    assert site.of(0, 1) == ["engine-0", "engine-1"]


async def test_renewed_once_others_are_up_in_their_place():
    site = Site(most=2)
    await site.look(2, times=2)
    site.load()
    await site.look(2)
    site.pool.renew()
    assert site.pool.renewing == 2
    await site.look(2, times=5)
    # Those that are to go serve on, as nobody else can.
    assert site.there == ["engine-0", "engine-1", "engine-2", "engine-3"] and site.pool.renewing == 2
    site.load()
    await site.look(2, times=3)
    assert site.there == ["engine-2", "engine-3"] and site.pool.renewing == 0
    assert site.of(0, 1) == ["engine-2", "engine-3"]


async def test_a_machine_that_is_to_go_has_none_any_more():
    site = Site(most=2)
    await site.look(2, times=2)
    site.load()
    await site.look(2)
    assert (site.pool.on("a"), site.pool.on("b")) == (1, 1)
    site.closed.add("b")
    await site.look(2, times=3)
    assert site.pool.on("b") == 1
    site.load()
    await site.look(2, times=2)
    assert (site.pool.on("a"), site.pool.on("b")) == (2, 0)


async def test_those_of_a_manager_before_are_taken_and_all_are_ended():
    site = Site(most=2)
    site.workers = {name: Worker(name, "a") for name in ("engine-0", "engine-1")}
    site.load()
    site.pool.adopt(["engine-0", "observer-0", "media-0", "engine-1"])
    await site.look(2)
    assert site.of(0, 1) == ["engine-0", "engine-1"]
    await site.pool.close()
    assert site.there == [] and site.of(0) == [None]
