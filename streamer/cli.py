"""The `earshot` command: parse, call, print."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from streamer.settings import Settings, SettingsError, load_settings

app = typer.Typer(
    name="earshot",
    help="Finds every face in a call and pulls each voice out of the mixture.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

HostFlag = Annotated[str | None, typer.Option("--host", help="Address to listen on [127.0.0.1].")]
PortFlag = Annotated[int | None, typer.Option("--port", "-p", help="Port to listen on [8000].")]
DeviceFlag = Annotated[str | None, typer.Option("--device", help="Torch device of the models [cpu].")]


def fail(message: str) -> typer.Exit:
    """Print one line on stderr and make the exit for bad input.

    Args:
        message: what is wrong.

    Returns:
        To be raised; exit code 2.
    """
    typer.echo(f"earshot: {message}", err=True)
    return typer.Exit(2)


def settings_or_exit(**flags: object) -> Settings:
    """Load settings; flags win over the environment and earshot.toml.

    Raises:
        typer.Exit: with code 2 after one line on stderr.
    """
    try:
        return load_settings(**flags)
    except SettingsError as error:
        raise fail(str(error)) from error


@app.command()
def serve(
    host: HostFlag = None,
    port: PortFlag = None,
    tls_cert: Annotated[Path | None, typer.Option(help="TLS certificate chain (PEM).")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="TLS private key (PEM).")] = None,
    insecure: Annotated[
        bool | None, typer.Option("--insecure", help="Listen on a network without secret and TLS.")
    ] = None,
    device: DeviceFlag = None,
    engine: Annotated[
        bool | None, typer.Option("--engine/--no-engine", help="Separate voices, or carry plain sound only.")
    ] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error [info].")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Bring two talking portraits into a room.")] = False,
) -> None:
    """Serve calls."""
    settings = settings_or_exit(
        host=host,
        port=port,
        tls_cert=tls_cert,
        tls_key=tls_key,
        insecure=insecure,
        device=device,
        engine=engine,
        log_level=log_level,
    )
    from streamer.serve import serve_forever

    raise typer.Exit(serve_forever(settings, demo=demo))


@app.command()
def doctor(host: HostFlag = None, port: PortFlag = None, device: DeviceFlag = None) -> None:
    """Say what this machine can do; exit code 1 if something will not work."""
    from streamer.doctor import report

    raise typer.Exit(report(settings_or_exit(host=host, port=port, device=device)))


@app.command()
def schema() -> None:
    """Write web/messages.schema.json from the messages in streamer/overlay.py."""
    from streamer.overlay import SCHEMA_FILE, export_schema

    export_schema()
    typer.echo(f"wrote {SCHEMA_FILE}")


def configure_logging(level: str) -> None:
    """Log to stderr, one line an event.

    Args:
        level: debug, info, warning or error.
    """
    logging.basicConfig(
        level=level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # aiortc tells of every candidate at info.
    for name in ("aioice", "aiortc"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
