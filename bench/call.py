"""A running server for the benches: started as a user would, with files as participants, read through /metrics."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.summary import ROOT

TICKS = os.sysconf("SC_CLK_TCK")

MODELS_SECONDS = 600.0
"""That the models may take to load: with other work on the machine, minutes."""


def cpu_seconds(pid: int) -> float:
    """CPU time of a process so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident(pid: int) -> float:
    """Resident memory of a process, MB."""
    match = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert match is not None
    return int(match[1]) / 1024


def anonymous(pid: int) -> float:
    """Resident memory of a process that is no file's, MB: mapped files come and go with the system's need of memory."""
    match = re.search(r"RssAnon:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert match is not None
    return int(match[1]) / 1024


def descriptors(pid: int) -> int:
    """Open file descriptors of a process."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def threads(pid: int) -> int:
    """Threads of a process."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def child_running(parent: int, text: str) -> int:
    """The process under `parent` whose command line has `text`."""
    for task in Path(f"/proc/{parent}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            if text in Path(f"/proc/{child}/cmdline").read_text():
                return child
    raise LookupError(f"no child of {parent} runs {text}")


@dataclass
class Call:
    """A server with one room."""

    server: subprocess.Popen[bytes]
    address: str
    made: dict[str, str]
    """What the server said of the room."""
    people: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def room(self) -> str:
        """The room's id."""
        return self.made["room"]

    @property
    def invite(self) -> str:
        """What lets somebody take part."""
        return self.made["invite"]

    @property
    def processes(self) -> dict[str, int]:
        """The server and the processes with models: what separates, what looks and attributes, what describes."""
        engine = child_running(self.server.pid, "streamer.engine.worker")
        return {
            "server": self.server.pid,
            "engine": engine,
            "looker": child_running(engine, "streamer.engine.look_worker"),
            "observer": child_running(self.server.pid, "streamer.observer.worker"),
        }

    def join_demo(self) -> None:
        """Let the demo clip join as one more participant."""
        command = [
            sys.executable,
            "-m",
            "streamer",
            "join",
            "--demo",
            "--loop",
            "--name",
            f"Demo {len(self.people)}",
        ]
        command += ["--server", self.address, "--room", self.room, "--invite", self.invite]
        self.people.append(subprocess.Popen(command, cwd=ROOT))

    def watch(self) -> None:
        """Let somebody watch and listen."""
        command = [sys.executable, "-m", "bench.watch", self.address, self.room, self.invite]
        self.people.append(subprocess.Popen(command, cwd=ROOT))

    def metrics(self) -> dict[str, float]:
        """Every sample of /metrics."""
        text = httpx.get(f"{self.address}/metrics", trust_env=False).text
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in lines}

    def until(self, name: str, least: float, seconds: float = 120) -> None:
        """Wait until a metric has reached a value."""
        deadline = time.monotonic() + seconds
        while self.metrics().get(name, 0.0) < least:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} did not reach {least}")
            time.sleep(0.2)


@contextlib.contextmanager
def call(models: bool = True, **settings: str) -> Iterator[Call]:
    """As `just_started`, but with the models up."""
    with just_started(models, **settings) as running:
        if models:
            running.until("earshot_engine_ready", 1, MODELS_SECONDS)
            running.until("earshot_observer_ready", 1, MODELS_SECONDS)
        yield running


@contextlib.contextmanager
def just_started(models: bool = True, **settings: str) -> Iterator[Call]:
    """Start a server and make a room; everything ends with the block.

    Args:
        models: whether voices are separated, and what is seen is looked at.
        settings: of the server, as in its environment without EARSHOT_.
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "streamer", "serve", "--port", str(port), "--log-level", "warning"]
    command += [] if models else ["--no-engine", "--no-observer"]
    environment = os.environ | {f"EARSHOT_{name.upper()}": value for name, value in settings.items()}
    server = subprocess.Popen(command, cwd=ROOT, env=environment)
    running = Call(server, address, {})
    try:
        for _ in range(3000):
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{address}/health", trust_env=False).is_success:
                    break
            time.sleep(0.1)
        running.made = httpx.post(f"{address}/rooms", trust_env=False).json()
        yield running
    finally:
        for process in [*running.people, server]:
            process.terminate()
        for process in [*running.people, server]:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
