"""`earshot doctor`: what this machine can do, one line a question."""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import re
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.table import Table

from models.common import weights
from streamer.commands.port import try_bind
from streamer.settings import Settings
from streamer.workers.priority import URGENT, may_go_first

WEIGHTS = weights.FOLDER

CODECS = (("VP8", "libvpx"), ("H264", "libx264"), ("Opus", "libopus"))

Level = Literal["good", "poor", "bad"]
COLOURS: dict[Level, str] = {"good": "green", "poor": "yellow", "bad": "red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer.

    Attributes:
        question: what was looked at.
        level: good, poor (works with less) or bad (will not work).
        answer: what was found.
    """

    question: str
    level: Level
    answer: str


def check_python(settings: Settings) -> list[Finding]:
    """Report the interpreter."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    return [Finding("Python", "good" if (3, 11) <= sys.version_info[:2] < (3, 13) else "bad", version)]


def check_torch(settings: Settings) -> list[Finding]:
    """Report whether torch has the device that is set."""
    import torch  # seconds to import: only when asked

    found = f"torch {torch.__version__}"
    if torch.cuda.is_available():
        found += f", CUDA {torch.version.cuda}, {torch.cuda.get_device_name(0)}"
    else:
        found += ", CPU only"
    wanted = torch.device(settings.device).type
    if wanted == "cuda" and not torch.cuda.is_available():
        return [Finding("Models' device", "bad", f"{settings.device} is set, but: {found}")]
    return [Finding("Models' device", "good", f"{settings.device} ({found})")]


def check_codecs(settings: Settings) -> list[Finding]:
    """Report the codecs that calls need, by making each."""
    import av

    findings = []
    for name, library in CODECS:
        try:
            av.CodecContext.create(library, "w")
            findings.append(Finding(f"Codec {name}", "good", library))
        except (ValueError, av.error.FFmpegError):
            findings.append(Finding(f"Codec {name}", "bad", f"PyAV was built without {library}"))
    return findings


def check_weights(settings: Settings) -> list[Finding]:
    """Compare each weights file with the SHA-256 in the card beside it."""
    files = sorted(WEIGHTS.glob("*.safetensors"))
    if not files:
        return [Finding("Weights", "bad", f"no *.safetensors in {WEIGHTS}")]
    findings = []
    for file in files:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        card = file.with_suffix(".md")
        noted = re.findall(r"\b[0-9a-f]{64}\b", card.read_text(encoding="utf-8")) if card.is_file() else []
        if not noted:
            findings.append(Finding(f"Weights {file.name}", "poor", f"{digest}, not noted in {card.name}"))
        elif digest not in noted:
            findings.append(Finding(f"Weights {file.name}", "bad", f"{digest} is not what {card.name} notes"))
        else:
            findings.append(Finding(f"Weights {file.name}", "good", digest))
    return findings


def check_speech(settings: Settings) -> list[Finding]:
    """Report whether captions can be written."""
    if not settings.observer or settings.speech == "none":
        return [Finding("Captions", "good", "not wanted")]
    kind = settings.speech.partition(":")[0]
    package = {"moonshine": "moonshine_voice", "faster-whisper": "faster_whisper"}[kind]
    if importlib.util.find_spec(package) is None:
        return [Finding("Captions", "bad", f"{settings.speech} is set, but {package} is not installed")]
    return [Finding("Captions", "good", settings.speech), *_second_reading(settings)]


def _second_reading(settings: Settings) -> list[Finding]:
    """Report whether finished captions are read again; other transcribers than Moonshine's are read once."""
    from models.speech.transcriber import has_second_reader

    if settings.speech != "moonshine":
        return []
    if not has_second_reader(settings.speech):
        lacking = "captions are read once; twice, with fewer errors, after pip install 'earshot[languages]'"
        return [Finding("Second reading", "poor", lacking)]
    return [Finding("Second reading", "good", "Whisper base")]


def check_search(settings: Settings) -> list[Finding]:
    """Report whether searches find what means the same, besides what is called the same."""
    from models.vision.sentences import installed

    if not settings.observer:
        return [Finding("Search", "good", "not wanted")]
    if not installed():
        lacking = "by words, and the pictures of 3,460 of them; by meaning after pip install 'earshot[meaning]'"
        return [Finding("Search", "poor", lacking)]
    return [Finding("Search", "good", "by meaning, too (MiniLM)")]


def check_priority(settings: Settings) -> list[Finding]:
    """Report whether sound may be put before all else."""
    if may_go_first():
        return [Finding("Sound goes first", "good", f"threads may have nice {URGENT}")]
    return [Finding("Sound goes first", "poor", "no CAP_SYS_NICE: on a busy machine more sound stays unseparated")]


def check_port(settings: Settings) -> list[Finding]:
    """Report whether the HTTP port, and a UDP port for media, can be had."""
    findings = []
    for question, kind, port in (
        (f"Port {settings.host}:{settings.port}", socket.SOCK_STREAM, settings.port),
        ("A UDP port for media", socket.SOCK_DGRAM, 0),
    ):
        try:
            try_bind(settings.host, port, kind)
            findings.append(Finding(question, "good", "free"))
        except OSError as error:
            # Most likely by this very server, running already.
            in_use = kind == socket.SOCK_STREAM and error.errno == errno.EADDRINUSE
            findings.append(Finding(question, "poor" if in_use else "bad", error.strerror or str(error)))
    return findings


def check_ice(settings: Settings) -> list[Finding]:
    """Report the addresses that browsers will be told, and the relays that are set."""
    from aioice.ice import get_host_addresses

    addresses = get_host_addresses(use_ipv4=True, use_ipv6=True)
    level: Level = "good" if addresses else "bad"
    findings = [Finding("ICE host addresses", level, ", ".join(addresses) or "none: is there a network?")]
    urls = [url for server in settings.ice_servers for url in server.urls]
    findings.append(
        Finding("STUN and TURN", "good", ", ".join(urls) or "none set: enough on one network, not across NAT")
    )
    return findings


def check_open(settings: Settings) -> list[Finding]:
    """Report who can reach the server."""
    if settings.tls_cert is None and settings.insecure:
        return [Finding("Access", "poor", "insecure: something in front of the server has to protect it")]
    guarded = "with secret and TLS" if settings.tls_cert else "without TLS"
    return [Finding("Access", "good", f"{settings.host}, {guarded}")]


CHECKS: tuple[Callable[[Settings], list[Finding]], ...] = (
    check_python,
    check_torch,
    check_codecs,
    check_weights,
    check_speech,
    check_search,
    check_priority,
    check_port,
    check_ice,
    check_open,
)


def examine(settings: Settings) -> list[Finding]:
    """Run every check; one that fails itself is a finding too.

    Args:
        settings: what would be served.

    Returns:
        Findings in order.
    """
    findings = []
    for check in CHECKS:
        try:
            findings += check(settings)
        except Exception as error:
            name = check.__name__.removeprefix("check_")
            findings.append(Finding(name, "bad", f"{type(error).__name__}: {error}"))
    return findings


def report(settings: Settings, console: Console | None = None) -> int:
    """Print a table of all findings.

    Args:
        settings: what would be served.
        console: where to; standard output by default.

    Returns:
        Exit code: 0, or 1 if something is bad.
    """
    findings = examine(settings)
    table = Table(title="Earshot on this machine", title_justify="left")
    table.add_column("")
    table.add_column("Checked", no_wrap=True)
    table.add_column("Found", overflow="fold")
    for finding in findings:
        colour = COLOURS[finding.level]
        table.add_row(f"[{colour}]{finding.level}[/{colour}]", finding.question, finding.answer)
    (console or Console()).print(table)
    return int(any(finding.level == "bad" for finding in findings))
