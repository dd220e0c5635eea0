"""What the commands of `earshot` have in common: flags, and how they end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from streamer.errors import UserError
from streamer.media.choice import Choice
from streamer.settings import Settings, SettingsError, load_settings

HostFlag = Annotated[str | None, typer.Option("--host", help="Address to listen on [127.0.0.1].")]
PortFlag = Annotated[int | None, typer.Option("--port", "-p", help="Port to listen on [8000].")]
DeviceFlag = Annotated[str | None, typer.Option("--device", help="Torch device of the models [cpu].")]

TlsCertFlag = Annotated[Path | None, typer.Option("--tls-cert", help="TLS certificate chain (PEM).")]
TlsKeyFlag = Annotated[Path | None, typer.Option("--tls-key", help="TLS private key (PEM).")]
InsecureFlag = Annotated[bool | None, typer.Option("--insecure", help="Listen on a network without secret and TLS.")]
EngineFlag = Annotated[
    bool | None, typer.Option("--engine/--no-engine", help="Separate voices, or carry plain sound only.")
]
LogLevelFlag = Annotated[str | None, typer.Option("--log-level", help="debug, info, warning or error [info].")]

SpeechFlag = Annotated[
    str | None,
    typer.Option("--speech", help="moonshine (English), faster-whisper:MODEL, or none [moonshine]."),
]
LanguageFlag = Annotated[
    str,
    typer.Option("--language", help="Code of what is spoken, as en, ar or ko; auto hears it out."),
]
AudioTrackFlag = Annotated[
    int | None, typer.Option("--audio-track", min=1, help="Number of the sound track to hear [the first with sound].")
]
MixFlag = Annotated[bool, typer.Option("--mix", help="Hear all sound tracks together.")]
ObserverFlag = Annotated[
    bool | None, typer.Option("--observer/--no-observer", help="Look and listen: heat maps, tags, captions; or not.")
]


def sound_choice(track: int | None, mix: bool, per_track: bool = False, per_channel: bool = False) -> Choice:
    """Return which sound tracks are heard.

    Raises:
        typer.Exit: with code 2 after one line on stderr, if flags exclude each other.
    """
    if mix + per_track + (track is not None) > 1 or (per_channel and (mix or per_track)):
        raise fail("only one of --audio-track, --mix, --mic-per-track and --mic-per-channel, or the first and the last")
    return Choice(track, mix, "tracks" if per_track else "channels" if per_channel else None)


def fail(message: str, code: int = 2) -> typer.Exit:
    """Print one line on stderr and make the exit.

    Args:
        message: what is wrong.
        code: exit code; 2 is bad input.

    Returns:
        To be raised.
    """
    typer.echo(f"earshot: {message}", err=True)
    return typer.Exit(code)


def settings_or_exit(**flags: object) -> Settings:
    """Load settings; flags win over the environment and earshot.toml.

    Raises:
        typer.Exit: with code 2 after one line on stderr.
    """
    try:
        return load_settings(**flags)
    except SettingsError as error:
        raise fail(str(error)) from error


def run_or_exit(command: Callable[[], int]) -> typer.Exit:
    """Run a command that may find its input unusable.

    Args:
        command: returns an exit code.

    Returns:
        To be raised; after one line on stderr for a `UserError`, with its exit code.
    """
    try:
        return typer.Exit(command())
    except UserError as error:
        return fail(str(error).replace("\n", " "), error.exit_code)
