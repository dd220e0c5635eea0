"""The `earshot` command: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streamer.cli_operators import cluster, load
from streamer.flags import (
    AudioTrackFlag,
    DeviceFlag,
    EngineFlag,
    HostFlag,
    InsecureFlag,
    LanguageFlag,
    LogLevelFlag,
    MixFlag,
    ObserverFlag,
    PortFlag,
    SpeechFlag,
    TlsCertFlag,
    TlsKeyFlag,
    fail,
    run_or_exit,
    settings_or_exit,
    sound_choice,
)
from streamer.logs import configure_logging

app = typer.Typer(
    name="earshot",
    help="Finds every face in a call and pulls each voice out of the mixture.",
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)


@app.command()
def serve(
    host: HostFlag = None,
    port: PortFlag = None,
    tls_cert: TlsCertFlag = None,
    tls_key: TlsKeyFlag = None,
    insecure: InsecureFlag = None,
    servers: Annotated[
        int | None, typer.Option(help="Media servers, a process and more each, behind one port [1].")
    ] = None,
    device: DeviceFlag = None,
    engine: EngineFlag = None,
    observer: ObserverFlag = None,
    speech: SpeechFlag = None,
    language: Annotated[
        str | None, typer.Option("--language", help="Code of what is spoken; auto hears it out [auto].")
    ] = None,
    log_level: LogLevelFlag = None,
    recordings: Annotated[
        Path | None,
        typer.Option("--recordings", help="Folder for recordings of calls; without one hosts cannot record."),
    ] = None,
    keep: Annotated[Path | None, typer.Option(help="Folder by which calls outlive a restart of the server.")] = None,
    log_format: Annotated[str | None, typer.Option(help="text, or json: an object a line [text].")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Bring two talking portraits into a room.")] = False,
) -> None:
    """Serve calls."""
    settings = settings_or_exit(
        host=host,
        port=port,
        tls_cert=tls_cert,
        tls_key=tls_key,
        insecure=insecure,
        servers=servers,
        device=device,
        engine=engine,
        observer=observer,
        speech=speech,
        language=language,
        log_level=log_level,
        recordings=recordings,
        keep=keep,
        log_format=log_format,
    )
    configure_logging(settings.log_level, settings.log_format)
    if settings.servers > 1:
        from streamer.commands.serve_many import serve_many

        raise run_or_exit(lambda: serve_many(settings, demo=demo))
    from streamer.commands.serve import serve_forever

    raise run_or_exit(lambda: serve_forever(settings, demo=demo))


app.command()(cluster)
app.command()(load)


@app.command()
def process(
    files: Annotated[list[Path], typer.Argument(help="Any audio or video files PyAV reads.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the results, of several files for a folder each.")
    ],
    device: DeviceFlag = None,
    force: Annotated[bool, typer.Option("--force", help="Replace earlier results of the same recording.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Skip files whose results are there.")] = False,
    one_pass: Annotated[
        bool, typer.Option("--one-pass", help="Separate at once, without learning all voices of the file first.")
    ] = False,
    adapt: Annotated[
        bool, typer.Option("--adapt/--no-adapt", help="Tune the separator to these voices, where they talk at once.")
    ] = True,
    observer: ObserverFlag = None,
    speech: SpeechFlag = None,
    language: LanguageFlag = "auto",
    audio_track: AudioTrackFlag = None,
    mix: MixFlag = False,
    mic_per_track: Annotated[
        bool, typer.Option("--mic-per-track", help="Every sound track is one person's microphone: separate nothing.")
    ] = False,
    mic_per_channel: Annotated[
        bool, typer.Option("--mic-per-channel", help="Every channel is one person's microphone: separate nothing.")
    ] = False,
    names: Annotated[
        list[str] | None, typer.Option("--names", help="Who is who, as in 1=Anna; several with commas or again.")
    ] = None,
    overlay: Annotated[bool, typer.Option("--overlay/--no-overlay", help="Make a video with boxes, or none.")] = True,
    burn: Annotated[bool, typer.Option("--burn", help="Draw the subtitles into the overlay.")] = False,
    tracks: Annotated[
        bool, typer.Option("--tracks/--no-tracks", help="Make a file with one track a speaker, or none.")
    ] = True,
    rate: Annotated[int, typer.Option("--rate", help="Of the WAVs: 16000, or 48000 for editors.")] = 16_000,
) -> None:
    """Pull the voices out of a recording: a WAV a speaker, the rest, an overlay video, transcripts, and events."""
    settings = settings_or_exit(device=device, observer=observer, speech=speech)
    from streamer.commands.process import process_command

    captions = settings.speech if settings.observer else None
    choice = sound_choice(audio_track, mix, mic_per_track, mic_per_channel)
    raise run_or_exit(
        lambda: process_command(
            files,
            out,
            device=settings.device,
            force=force,
            resume=resume,
            one_pass=one_pass,
            adapt=adapt,
            speech=captions,
            language=language,
            choice=choice,
            names=names or [],
            overlay=overlay,
            burn=burn,
            tracks=tracks,
            rate=rate,
        )
    )


@app.command()
def rename(
    folder: Annotated[Path, typer.Argument(help="A folder that `earshot process` has made.")],
    names: Annotated[list[str], typer.Argument(help="Who is who, as in 1=Anna; 1= takes the name away.")],
    force: Annotated[bool, typer.Option("--force", help="Write anew what has been edited, too.")] = False,
    recording: Annotated[
        Path | None, typer.Option("--recording", help="What it was made of: draws the names into the overlay, too.")
    ] = None,
) -> None:
    """Give the people of a recording names, in all files of its result."""
    from streamer.commands.rename import rename_command

    raise run_or_exit(lambda: rename_command(folder, names, force=force, recording=recording))


@app.command()
def tag(
    files: Annotated[list[Path], typer.Argument(help="Any audio or video files PyAV reads.")],
    top: Annotated[
        int, typer.Option("--top", min=0, max=521, help="Also so many of AudioSet's classes, sure or not.")
    ] = 0,
    audio_track: AudioTrackFlag = None,
    mix: MixFlag = False,
) -> None:
    """Say what is heard in files: a JSON line each, with tags and probabilities."""
    from streamer.commands.tag import tag_command

    choice = sound_choice(audio_track, mix)
    raise run_or_exit(lambda: tag_command(files, choice=choice, top=top))


@app.command()
def face(
    files: Annotated[list[Path], typer.Argument(help="Recordings of one voice each, of any kind PyAV reads.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the pictures.")],
    force: Annotated[bool, typer.Option("--force", help="Replace pictures that are there.")] = False,
    audio_track: AudioTrackFlag = None,
    mix: MixFlag = False,
) -> None:
    """Draw a face for each voice, of plausible gender, age and type and no likeness: a PNG and a JSON line each."""
    from streamer.commands.face import face_command

    choice = sound_choice(audio_track, mix)
    raise run_or_exit(lambda: face_command(files, out, force=force, choice=choice))


@app.command()
def caption(
    images: Annotated[list[Path], typer.Argument(help="Pictures.")],
    beam: Annotated[int, typer.Option("--beam", "-k", help="Sentences kept at each word: 1, 3 or 5.")] = 3,
    speak: Annotated[Path | None, typer.Option("--speak", help="Folder for WAV files that say it.")] = None,
) -> None:
    """Describe pictures: a JSON line each, with the words and where the network looked for them."""
    from streamer.commands.caption import describe_command

    raise run_or_exit(lambda: describe_command(images, beam=beam, speak=speak))


@app.command()
def ask(
    images: Annotated[list[Path], typer.Argument(help="Pictures.")],
    question: Annotated[str, typer.Argument(help="What you want to know of it.")],
) -> None:
    """Answer a question about pictures: of each the three most probable answers as a JSON line."""
    from streamer.commands.ask import ask_command

    raise run_or_exit(lambda: ask_command(images, question))


@app.command()
def talk(
    portrait: Annotated[Path, typer.Option("--portrait", help="A picture with one face.")],
    audio: Annotated[Path, typer.Option("--audio", help="Any file with speech in it that PyAV reads.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="MP4 file to write.")],
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of how the head moves and the eyes blink.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
) -> None:
    """Make a video in which a portrait says what is heard; it is marked as a made picture."""
    from streamer.commands.talk import talk_command

    raise run_or_exit(lambda: talk_command(portrait, audio, out, seed=seed, force=force))


@app.command()
def transcribe(
    files: Annotated[list[Path], typer.Argument(help="Any audio or video files PyAV reads.")],
    speech: SpeechFlag = None,
    language: LanguageFlag = "auto",
    audio_track: AudioTrackFlag = None,
    mix: MixFlag = False,
    format: Annotated[
        str | None,
        typer.Option("--format", help="vtt, srt, txt, or json, a line a sentence [as --out is called]."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write [standard output]; of several a folder.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
) -> None:
    """Write down what is said in recordings, each line as soon as it is known."""
    settings = settings_or_exit(speech=speech)
    from streamer.commands.transcribe import transcribe_command

    choice = sound_choice(audio_track, mix)
    raise run_or_exit(
        lambda: transcribe_command(
            files, model=settings.speech, language=language, choice=choice, format=format, out=out, force=force
        )
    )


@app.command()
def join(
    room: Annotated[str, typer.Option("--room", "-r", help="Room id, or the whole link of the call.")],
    invite: Annotated[
        str | None,
        typer.Option(
            "--invite",
            "-i",
            envvar="EARSHOT_INVITE",
            help="The part of the link after the #; may be left out "
            "for a server on this machine, or with EARSHOT_SECRET.",
        ),
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="File to play into the call.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Play the two talking portraits instead of a file.")] = False,
    loop: Annotated[bool, typer.Option("--loop", help="Begin again at the end.")] = False,
    name: Annotated[
        str | None, typer.Option("--name", help="Name in the call, up to 60 characters [the file's, or Demo].")
    ] = None,
    server: Annotated[str, typer.Option("--server", help="Address of the server.")] = "http://127.0.0.1:8000",
    secret: Annotated[str | None, typer.Option(envvar="EARSHOT_SECRET", help="The server's secret.")] = None,
    audio_track: AudioTrackFlag = None,
    mix: MixFlag = False,
) -> None:
    """Take part in a call with a file in place of camera and microphone."""
    if (file is None) is not demo:
        raise fail("join needs either --file or --demo")
    from streamer.commands.join import join_command

    choice = sound_choice(audio_track, mix)
    raise run_or_exit(
        lambda: join_command(
            server=server,
            room=room,
            invite=invite,
            file=file,
            demo=demo,
            loop=loop,
            name=name,
            secret=secret,
            choice=choice,
        )
    )


@app.command()
def doctor(host: HostFlag = None, port: PortFlag = None, device: DeviceFlag = None) -> None:
    """Say what this machine can do; exit code 1 if something will not work."""
    from streamer.commands.doctor import report

    raise typer.Exit(report(settings_or_exit(host=host, port=port, device=device)))


@app.command()
def schema(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit code 1 if the files are stale.")] = False,
) -> None:
    """Write the page's schema and types (web/messages.*) from the messages in streamer/messages."""
    from streamer.messages.schema import stale, write

    if not check:
        for path in write():
            typer.echo(f"wrote {path}")
    elif old := stale():
        raise fail(f"{', '.join(path.name for path in old)}: not as the messages say; run `earshot schema`", 1)
