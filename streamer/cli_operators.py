"""What those who run servers have on the command line: `earshot cluster` and `earshot load`."""

from __future__ import annotations

import importlib.util
from typing import Annotated

import typer

from streamer.errors import UserError
from streamer.flags import (
    DeviceFlag,
    EngineFlag,
    HostFlag,
    InsecureFlag,
    LogLevelFlag,
    ObserverFlag,
    PortFlag,
    TlsCertFlag,
    TlsKeyFlag,
    fail,
    run_or_exit,
    settings_or_exit,
)
from streamer.logs import configure_logging


def cluster(
    host: HostFlag = None,
    port: PortFlag = None,
    join: Annotated[
        str | None, typer.Option("--join", help="Be a further machine of the cluster at HOST:PORT.")
    ] = None,
    renew: Annotated[
        str | None, typer.Option("--renew", help="Replace media servers of the cluster at HOST:PORT.")
    ] = None,
    node_address: Annotated[
        str, typer.Option("--node-address", help="This machine's address for the others, in a private network.")
    ] = "127.0.0.1",
    node_port: Annotated[int, typer.Option("--node-port", min=1, max=65535, help="Where the others find it.")] = 6379,
    least: Annotated[int, typer.Option("--min", min=1, max=1024, help="Media servers there are always.")] = 1,
    most: Annotated[int, typer.Option("--max", min=1, max=1024, help="Media servers at the most.")] = 8,
    gpus: Annotated[
        float | None,
        typer.Option("--gpus", min=0, max=8, help="GPU, or share of one, for each engine [1 with --device cuda]."),
    ] = None,
    engines: Annotated[
        int,
        typer.Option("--engines", min=0, max=1024, help="Engines and observers that all use; 0: each has its own."),
    ] = 0,
    tls_cert: TlsCertFlag = None,
    tls_key: TlsKeyFlag = None,
    insecure: InsecureFlag = None,
    device: DeviceFlag = None,
    engine: EngineFlag = None,
    observer: ObserverFlag = None,
    log_level: LogLevelFlag = None,
) -> None:
    """Serve calls with several machines (extra `cluster`); see streamer/cluster for what they need."""
    settings = settings_or_exit(
        host=host,
        port=port,
        tls_cert=tls_cert,
        tls_key=tls_key,
        insecure=insecure,
        device=device,
        engine=engine,
        observer=observer,
        log_level=log_level,
    )
    configure_logging(settings.log_level, settings.log_format)
    if importlib.util.find_spec("ray") is None:
        raise fail("a cluster needs Ray: pip install 'earshot[cluster]'")
    from streamer.cluster.node import check_address, let_in

    try:
        check_address(node_address, settings)
    except UserError as error:
        raise fail(str(error)) from error
    let_in(settings, node_address)
    # Not before: it reads the environment when it is imported.
    from streamer.cluster import command

    if join is not None and renew is not None:
        raise fail("only one of --join and --renew")
    if join is not None:
        raise run_or_exit(lambda: command.join(node_address, join))
    if renew is not None:
        raise run_or_exit(lambda: command.renew(renew))
    raise run_or_exit(lambda: command.first(settings, node_address, node_port, least, most, gpus, engines=engines))


def load(
    rooms: Annotated[int, typer.Option(min=1, max=64, help="Calls at once.")] = 4,
    faces: Annotated[int, typer.Option(min=1, max=8, help="People who talk in each; one more listens.")] = 2,
    minutes: Annotated[float, typer.Option(min=0.1, max=1440, help="How long.")] = 5,
    server: Annotated[str, typer.Option("--server", help="Address of the server.")] = "http://127.0.0.1:8000",
    secret: Annotated[str | None, typer.Option(envvar="EARSHOT_SECRET", help="The server's secret.")] = None,
) -> None:
    """Measure what a server holds: calls of puppets; a table of delay, loss, gaps on stderr, all of it as JSON."""
    from streamer.commands.load import load_command

    raise run_or_exit(lambda: load_command(server=server, rooms=rooms, faces=faces, minutes=minutes, secret=secret))
