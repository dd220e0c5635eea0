"""Three machines of a cluster that are processes of this one, for `bench.cluster`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from streamer.cluster.node import free_ports

SERVERS = 3
"""Media servers, and machines."""

PLACES = 6
"""Processors that Ray is told each machine has: the last one is to hold everything."""

START_SECONDS = 100.0

FRONT = """
import ray, sys
from streamer.cluster.names import NAMESPACE
ray.init(sys.argv[1], namespace=NAMESPACE, log_to_driver=False, configure_logging=False)
from streamer.cluster.front import open_front
from streamer.logs import configure_logging
from streamer.settings import Settings
configure_logging("warning")
open_front(Settings(), {servers}, {servers}, "127.0.0.1", 0.0, False, {engines})
"""


class Machines:
    """The simulated machines, with the front door as a process beside them.

    Args:
        engines: that all media servers use.
    """

    def __init__(self, engines: int) -> None:
        from ray.cluster_utils import Cluster

        self.engines, self.cluster = engines, Cluster()
        head = self._add(num_cpus=PLACES, _system_config={"health_check_period_ms": 1000})
        self.nodes = [head, *(self._add(num_cpus=PLACES) for _ in range(SERVERS - 1))]

    def _add(self, **options: Any) -> Any:
        names = ("metrics_agent_port", "runtime_env_agent_port", "dashboard_agent_listen_port", "metrics_export_port")
        ports = dict(zip(names, free_ports("127.0.0.1", 4), strict=True))
        return self.cluster.add_node(include_dashboard=False, **ports, **options)

    @contextlib.asynccontextmanager
    async def front(self) -> AsyncIterator[str]:
        """Open the front door; gives its address."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", FRONT.format(servers=SERVERS, engines=self.engines), self.cluster.address),
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
            yield line.decode().split()[-1].rstrip("/")
        finally:
            process.terminate()
            await process.wait()

    def kill_node(self, node: Any) -> None:
        """End everything of a machine at once, as if its power went."""
        pids = [each.process.pid for processes in node.all_processes.values() for each in processes]
        raylet = node.all_processes["raylet"][0].process.pid
        children = Path(f"/proc/{raylet}/task").glob("*/children")
        pids += [int(pid) for path in children for pid in path.read_text().split()]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.cluster.worker_nodes.discard(node)
