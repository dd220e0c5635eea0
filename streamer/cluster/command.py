"""`earshot cluster`: the first machine of one, another that joins it, and how it is renewed.

To be imported after `node.let_in`: Ray reads the environment when it is imported.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

import ray
from pydantic import SecretStr

from streamer.cluster.front import open_front
from streamer.cluster.names import MANAGER, NAMESPACE
from streamer.cluster.node import Address, node, parse_address
from streamer.commands.port import require_free
from streamer.errors import UserError
from streamer.settings import Settings, is_loopback

CONNECT_SECONDS = 60.0
"""Time that this machine's part of Ray has to come up."""

STUCK_SECONDS = 180.0
"""After which it is said that nothing was renewed: models take up to a minute to load."""

DRAIN_SECONDS = 60.0
"""Time in which a machine that is to go gets rid of its media servers; others have to load their models first."""

log = logging.getLogger("earshot.cluster")


def first(
    settings: Settings,
    address: str,
    port: int,
    least: int,
    most: int,
    gpus: float | None = None,
    demo: bool = False,
    engines: int = 0,
) -> int:
    """Be the first machine of a cluster, with the front door, until SIGINT or SIGTERM.

    Args:
        settings: checked settings.
        address: of this machine, for Ray.
        port: where the others find it.
        least: media servers there are always.
        most: and at the most.
        gpus: share of a GPU for each engine; None: a whole one if the models run on GPUs.
        demo: bring two talking portraits into a room.
        engines: engines, and as many observers, that all media servers use, at the most; 0: each has its own.

    Returns:
        Exit code.

    Raises:
        UserError: an address, a port or a number cannot be used.
    """
    if least > most:
        raise UserError(f"--min {least} is more than --max {most}")
    ports = settings.udp_port_range
    if ports is not None and len(ports) < most:
        raise UserError(f"udp_ports {settings.udp_ports} are too few for {most} servers")
    require_free(settings.host, settings.port)
    require_free(address, port)
    if settings.token_key is None and settings.secret is None:
        # A token of one server is good at all.
        settings = settings.model_copy(update={"token_key": SecretStr(secrets.token_urlsafe(32))})
    share = gpus if gpus is not None else float(settings.device.startswith("cuda"))
    with node(address, port, None) as process, connected(Address(address, port), process):
        return open_front(settings, least, most, address, share, demo, engines)


def join(address: str, cluster: str) -> int:
    """Be another machine, until SIGINT or SIGTERM; then everyone who is in a call here goes elsewhere first.

    Args:
        address: of this machine.
        cluster: where the first one is.

    Returns:
        Exit code: 1 if Ray's processes ended by themselves.

    Raises:
        UserError: an address cannot be used, or the cluster is not reached.
    """
    if is_loopback(address):
        # Where Ray is made to listen there it takes no others in.
        raise UserError("a further machine needs its address in the network between them: give --node-address")
    there = parse_address(cluster)
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    with node(address, 0, there) as process, connected(there, process):
        print(f"This machine is part of the cluster at {there}", flush=True)
        while not told.wait(0.2):
            if process.poll() is not None:
                log.error("Ray has ended here (code %s)", process.returncode)
                return 1
        _drain()
    return 0


def renew(cluster: str) -> int:
    """Put a new media server in the place of each, and of the models that all use, and return when that is done.

    Args:
        cluster: where the first one is.

    Returns:
        Exit code 0.

    Raises:
        UserError: the cluster is not reached, or there is no place for a new one.
    """
    there = parse_address(cluster)
    with connected(there, None):
        manager = _manager()
        ray.get(manager.renew.remote(), timeout=CONNECT_SECONDS)
        before, since = 0, time.monotonic()
        while left := ray.get(manager.renewing.remote(), timeout=CONNECT_SECONDS):
            log.info("%d are to be renewed", left)
            if left != before:
                before, since = left, time.monotonic()
            elif time.monotonic() - since > STUCK_SECONDS:
                free = ray.available_resources().get("CPU", 0.0)
                raise UserError(
                    f"nothing was renewed for {STUCK_SECONDS:g} s: {left} are left, and {free:g} processors are free "
                    "for a new one; it goes on as soon as there is place"
                )
            time.sleep(1)
    return 0


@contextlib.contextmanager
def connected(address: Address, process: subprocess.Popen[bytes] | None) -> Iterator[None]:
    """Be connected to Ray for as long as the block.

    Args:
        address: where the store is.
        process: this machine's part of Ray, if it is just starting.

    Raises:
        UserError: it is not reached in time.
    """
    options: dict[str, Any] = {"namespace": NAMESPACE, "log_to_driver": False, "configure_logging": False}
    until = time.monotonic() + CONNECT_SECONDS
    while True:
        try:
            ray.init(address=str(address), **options)
            break
        except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            ended = process is not None and process.poll() is not None
            if ended or time.monotonic() > until:
                raise UserError(f"the cluster at {address} is not reached: {error}") from error
            time.sleep(0.5)
    try:
        yield
    finally:
        ray.shutdown()


def _manager() -> Any:
    try:
        return ray.get_actor(MANAGER, NAMESPACE)
    except ValueError as error:
        raise UserError("there is no Earshot in this cluster") from error


def _drain() -> None:
    """Get rid of the media servers here."""
    here = ray.get_runtime_context().get_node_id()
    try:
        manager = _manager()
        ray.get(manager.drain.remote(here), timeout=CONNECT_SECONDS)
        until = time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < until:
            if not ray.get(manager.on.remote(here), timeout=CONNECT_SECONDS):
                return
            time.sleep(0.2)
        log.warning("not everyone has gone elsewhere after %g s", DRAIN_SECONDS)
    except (UserError, ray.exceptions.RayError) as error:
        log.warning("nobody can be sent elsewhere: %s", error)
