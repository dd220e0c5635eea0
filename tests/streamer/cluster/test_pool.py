"""Engines that all media servers use: how many there are, and who has which."""

import asyncio

from streamer.cluster.pool import Pool, Spot


class Worker:
    def __init__(self, name, node):
        self.name, self.node, self.ready, self.away, self.ended = name, node, False, False, False
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def spot(self):
        if self.away:
            raise ConnectionError("TimeoutError")
        return Spot(self.name, 1, self.ready, self.node)

    async def end(self):
        await self.may_end.wait()
        self.ended = True


class Site:
    """Two machines, which are filled in turn."""

    def __init__(self, most):
        self.workers = {}
        self.pool = Pool("engine-", most, self.hire)
        self.closed = set()

    def hire(self, name, closed):
        nodes = [node for node in ("a", "b") if node not in closed]
        worker = self.workers.get(name)
        if worker is None or worker.ended:
            worker = self.workers[name] = Worker(name, nodes[len(self.workers) % len(nodes)])
        return worker

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


async def test_renewed_one_by_one_each_once_another_is_up_in_its_place():
    site = Site(most=2)
    await site.look(2, times=2)
    site.load()
    await site.look(2)
    site.pool.renew()
    assert site.pool.renewing == 2
    await site.look(2, times=5)
    # The one that is to go first serves on while the next loads.
    assert site.there == ["engine-0", "engine-1", "engine-2"] and site.pool.renewing == 2
    assert site.of(0, 1) == ["engine-0", "engine-1"], "while there is no other, those of before"
    site.load()
    site.workers["engine-0"].may_end.clear()
    await site.look(2, times=2)
    # One that is being ended keeps its name.
    assert site.there == ["engine-0", "engine-1", "engine-2", "engine-3"] and site.pool.renewing == 1
    site.workers["engine-0"].may_end.set()
    assert site.of(0, 1) == ["engine-2", "engine-2"], "who has to find one anew does so once"
    site.load()
    await site.look(2, times=2)
    assert site.there == ["engine-2", "engine-3"] and site.pool.renewing == 0
    assert site.of(0, 1) == ["engine-2", "engine-3"]


async def test_they_wait_while_something_else_is_renewed():
    site = Site(most=1)
    await site.look(1)
    site.load()
    site.pool.renew()
    for _ in range(3):
        await site.pool.look(1, site.closed, busy=True)
    assert site.there == ["engine-0"] and site.pool.renewing == 1
    await site.look(1)
    assert site.there == ["engine-0", "engine-1"]


async def test_of_a_machine_that_died_nobody_waits_for_the_second():
    site = Site(most=2)
    await site.look(2, times=2)
    site.load()
    await site.look(2)
    for worker in site.workers.values():
        worker.node = "b"
    await site.look(2)
    site.closed.add("b")
    for worker in list(site.workers.values()):
        worker.ready = False
    await site.look(2, times=2)
    site.workers["engine-2"].ready = True
    await site.look(2, times=2)
    assert [worker.node for worker in site.workers.values() if not worker.ended] == ["a", "b", "a"]


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
