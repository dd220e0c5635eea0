"""Everything that is made of a recording's events when it has been gone through, and anew when people get names."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from models.common.audio import SAMPLE_RATE
from streamer.media.av_errors import as_os_errors
from streamer.media.info import MediaInfo
from streamer.recordings.exports.burn import draw_again
from streamer.recordings.exports.csv_table import csv_table
from streamer.recordings.exports.eaf import eaf
from streamer.recordings.exports.event_log import EVENTS, sort_events
from streamer.recordings.exports.muxing import remuxed
from streamer.recordings.exports.people import Person, named, number_people, to_event
from streamer.recordings.exports.placement import Spot, place
from streamer.recordings.exports.report import EVERYTHING_ELSE, report
from streamer.recordings.exports.result import Result, read_result
from streamer.recordings.exports.rttm import rttm
from streamer.recordings.exports.textgrid import textgrid
from streamer.recordings.exports.tracks import write_tracks
from streamer.recordings.exports.transcript_json import transcript_json
from streamer.recordings.exports.wav_rate import change_rate
from streamer.recordings.overlay_video import OverlayWriter
from streamer.transcripts.subtitle_text import labelled, subrip, webvtt
from streamer.transcripts.subtitles import Cue, subtitles
from streamer.transcripts.transcript import Transcript

OVERLAY, REST, REPORT = "overlay.mp4", "rest.wav", "index.html"
RATES = (SAMPLE_RATE, 48_000)
"""Hz that WAVs may have."""


@dataclass(frozen=True)
class Wanted:
    """What is to be made.

    Attributes:
        names: Of people, by number.
        captions: Whether what was said was written down, so that there are transcripts.
        tracks: Whether to make a file with a track a speaker.
        rate: Of the WAVs, Hz.
        burn: Whether to draw the subtitles into the overlay, which is made last then.
    """

    names: Mapping[int, str] = field(default_factory=dict)
    captions: bool = True
    tracks: bool = True
    rate: int = SAMPLE_RATE
    burn: bool = False


def texts(result: Result, captions: bool, overlay: bool, burned: bool = False) -> dict[str, str]:
    """Return the files that are text, by name.

    Args:
        result: What they tell.
        captions: Whether what was said was written down.
        overlay: Whether there is an overlay video.
        burned: Whether subtitles are drawn in it.
    """
    made: dict[str, str] = {}
    spots: dict[Cue, Spot] = {}
    if result.has_sound:
        made |= {
            "transcript.rttm": rttm(result),
            "transcript.json": transcript_json(result),
            "transcript.eaf": eaf(result, (OVERLAY, "video/mp4") if overlay else None),
            "transcript.TextGrid": textgrid(result),
        }
    if result.has_sound and captions:
        spots = place(subtitles(result.spoken()), result)
        made |= {
            "transcript.vtt": webvtt(spots, result.label, lambda cue: spots[cue].vtt() if overlay else ""),
            "transcript.srt": subrip(named_cues(result)),
            "transcript.txt": plain_text(result),
            "transcript.csv": csv_table(result),
        }
    files = [*sorted(made), EVENTS]
    made[REPORT] = report(result, files, spots, OVERLAY if overlay else None, not burned)
    return made


def named_cues(result: Result) -> list[Cue]:
    """Return subtitles with the speakers' names in them, where another one begins."""
    return subtitles(labelled(result.spoken(), result.label))


def plain_text(result: Result) -> str:
    """Return what was said to be read: a time, a name and the words in each line."""
    transcript = Transcript(begin=0.0, most=None)
    for said in result.said:
        transcript.add(result.label(said.person), said.start, said.end, said.text)
    for t, sound in result.sounds:
        transcript.add("", t, t, sound)
    return transcript.text()


@as_os_errors()
def write_exports(
    folder: Path,
    recording: Path,
    info: MediaInfo,
    found: tuple[Iterable[int], Iterable[int]],
    wanted: Wanted,
    notes: list[str],
    end: float,
    draw: Callable[[Path, MediaInfo], OverlayWriter],
) -> list[Person]:
    """Make everything out of what a run left in a folder.

    Args:
        folder: With the events, the voices and the overlay.
        recording: What was gone through.
        info: Of it.
        found: Ids of the faces, and numbers from 1 of the voices without one.
        wanted: What is to be made.
        notes: What the run says the recording lacks; what is missing here is added.
        end: Length of the recording, seconds.
        draw: Opens what draws an overlay.

    Returns:
        Everybody in it.

    Raises:
        OSError: It cannot be written.
    """
    people = named(number_people(*found, folder), wanted.names)
    if unknown := sorted(wanted.names.keys() - {person.number for person in people}):
        notes.append(f"there is nobody with the number {', '.join(map(str, unknown))} to be named")
    events = folder / EVENTS
    sort_events(events, [to_event(people)])
    result = read_result(folder)
    overlay = folder / OVERLAY
    if wanted.burn and info.video is not None:
        draw_again(recording, info, events, subtitles(result.spoken()), draw(overlay, info))
    written = write_texts(folder, texts(result, wanted.captions, overlay.exists(), wanted.burn))
    cues = named_cues(result) if wanted.captions else []
    if overlay.exists() and cues and not wanted.burn:
        replaced(overlay, partial(remuxed, overlay, titles=(), cues=cues))
    if wanted.tracks and result.has_sound:
        picture = None if info.pictures is None else (recording, info.pictures.index, info.pictures.shifts)
        _, missing = write_tracks(folder, titles(result, folder), result.sound_begins, cues, picture)
        notes += [] if missing is None else [missing]
    if wanted.rate != SAMPLE_RATE:
        for wav in sorted(folder.glob("*.wav")):
            change_rate(wav, wanted.rate)
    voices = [person.number for person in people if person.id < 0]
    faces = [person.number for person in people if person.id > 0]
    found_out = {"faces": faces, "voices": voices, "notes": notes, "written": written}
    sort_events(events, [{"t": round(end, 4), "type": "end", **found_out}])
    return people


def titles(result: Result, folder: Path) -> list[tuple[str, str]]:
    """Return file and title of each track: everybody who is heard, then the rest."""
    voices = [(person.sound, person.label) for person in result.people if person.sound is not None]
    return [*voices, *([(REST, EVERYTHING_ELSE)] if (folder / REST).is_file() else [])]


def write_texts(folder: Path, made: Mapping[str, str]) -> dict[str, str]:
    """Write files by name, each put in the place of an old one at once.

    Returns:
        The SHA-256 of each.
    """
    for name, text in made.items():
        # What cannot be said in UTF-8 becomes a question mark.
        replaced(folder / name, partial(Path.write_bytes, data=text.encode("utf-8", "replace")))
    return {name: digest(folder / name) for name in made}


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def has_captions(folder: Path) -> bool:
    """Return whether what was said was written down in a result."""
    return (folder / "transcript.srt").exists()


def replaced(path: Path, make: Callable[[Path], object]) -> None:
    """Make a new file beside an old one, then put it in its place."""
    new = path.with_name(f".new-{path.name}")
    make(new)
    new.replace(path)
