"""What everyone in a call is told of the server's own state."""

from __future__ import annotations

import os
import signal

from tests.live.conftest import serving
from tests.live.peers import until


async def test_the_page_hears_that_the_observer_is_gone_and_that_it_is_back() -> None:
    async with serving(observer=True, speech="none") as site:
        observer = site.context.observer
        room = await site.room()
        control = await site.control(room, (await site.join(room, "Ann"))["token"])
        await until(lambda: observer.ready and "welcome" in control.newest, 120)
        assert "notice" not in control.newest, "that it is up for the first time is no news"
        os.kill(observer.pid, signal.SIGKILL)
        await until(lambda: control.newest.get("notice", {}).get("code") == "observer_down")
        assert not observer.ready
        late = await site.control(room, (await site.join(room, "Ben"))["token"])
        await until(lambda: late.newest.get("notice", {}).get("code") == "observer_down")
        await until(lambda: control.newest["notice"]["code"] == late.newest["notice"]["code"] == "observer_up", 120)
        assert observer.ready and observer.statistics.starts == 2
