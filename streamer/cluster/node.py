"""This machine's part of Ray, as a child process: where it listens, who is let in, how it ends."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import ipaddress
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from streamer.errors import UserError
from streamer.settings import Settings, is_loopback

PORT = 6379
"""Where the first machine's store is found, unless said otherwise; Ray's own."""

END_SECONDS = 5.0
"""Time that Ray's processes have to end when nothing of ours runs there any more."""

HEALTH = '{"health_check_initial_delay_ms":1000,"health_check_period_ms":1000,"health_check_timeout_ms":2000}'
"""A machine that says nothing is taken for lost after some five seconds, not half a minute."""


class Address(NamedTuple):
    """Where the store of a cluster is."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """Read HOST or HOST:PORT.

    Raises:
        UserError: it is neither.
    """
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname or "", PORT if parts.port is None else parts.port
    except ValueError:
        host, port = "", 0
    if not host or not port or parts.netloc != text or parts.username is not None:
        raise UserError(f"{text!r} is not the address of a cluster, such as 10.0.0.1:{PORT}")
    return Address(host, port)


def check_address(address: str, settings: Settings) -> None:
    """Refuse to have Ray listen where strangers are, or where others are without a secret.

    Args:
        address: of this machine.
        settings: the secret.

    Raises:
        UserError: says what to do.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        raise UserError(f"node address {address!r} is no IP address") from None
    if parsed.is_unspecified or not (parsed.is_private or parsed.is_loopback):
        raise UserError(
            f"node address {address} is no private one: who reaches Ray can run programs; "
            "give this machine's address in a network of your own"
        )
    if not parsed.is_loopback and settings.secret is None:
        raise UserError("a cluster of several machines needs a secret, the same on all of them: set EARSHOT_SECRET")


def let_in(settings: Settings, address: str) -> None:
    """Set what Ray reads from the environment, in this process and its children: the token, and no word to its makers.

    Args:
        settings: the secret; without one the token is good for this machine's processes alone.
        address: of this machine.
    """
    secret = settings.secret.get_secret_value() if settings.secret else secrets.token_urlsafe(32)
    token = hmac.digest(secret.encode(), b"earshot ray token v1", hashlib.sha256).hex()
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token, "RAY_USAGE_STATS_ENABLED": "0"}
    if is_loopback(address):
        # Ray takes the machine's other address instead of this one, except where it expects no cluster.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"


def command(address: str, port: int, join: Address | None, ports: tuple[int, ...]) -> list[str]:
    """Return how this machine's part of Ray is run.

    Args:
        address: where it listens.
        port: of the store, on the first machine.
        join: where the store is, on the others.
        ports: four free ones for Ray's own helpers. With ports given it does not wait for files that name them, which a
            busy machine writes too late.
    """
    head = ["--head", f"--port={port}", f"--system-config={HEALTH}", "--include-dashboard=false"]
    where = head if join is None else [f"--address={join}"]
    names = (
        "dashboard-agent-grpc-port",
        "runtime-env-agent-port",
        "dashboard-agent-listen-port",
        "metrics-export-port",
    )
    helpers = [f"--{name}={number}" for name, number in zip(names, ports, strict=True)]
    fixed = ["--block", "--disable-usage-stats", f"--node-ip-address={address}"]
    return [sys.executable, "-c", "from ray.scripts.scripts import main; main()", "start", *where, *fixed, *helpers]


@contextlib.contextmanager
def node(address: str, port: int, join: Address | None) -> Iterator[subprocess.Popen[bytes]]:
    """Run this machine's part of Ray for as long as the block.

    Args:
        address: see `command`.
        port: likewise.
        join: likewise.
    """
    process = subprocess.Popen(
        command(address, port, join, free_ports(address, 4)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        # Ctrl-C is for us: what runs there is to come to its end first.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            # Its children end with it.
            process.kill()
            process.wait()


def free_ports(address: str, count: int) -> tuple[int, ...]:
    """Return TCP ports on which nobody listens."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server((address, 0))) for _ in range(count)]
        return tuple(each.getsockname()[1] for each in sockets)
