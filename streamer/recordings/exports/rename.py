"""Names for the people of a result, in all its files."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import av

from streamer.errors import UserError
from streamer.media.av_errors import as_os_errors
from streamer.media.info import MediaInfo
from streamer.media.inspect import inspect
from streamer.recordings.exports.burn import draw_again
from streamer.recordings.exports.event_log import EVENTS, events, sort_events
from streamer.recordings.exports.exchange import remade
from streamer.recordings.exports.muxing import ClockJumps, remuxed
from streamer.recordings.exports.people import Person, named, to_event
from streamer.recordings.exports.result import Result, read_result
from streamer.recordings.exports.write import (
    OVERLAY,
    digest,
    has_captions,
    named_cues,
    replaced,
    texts,
    titles,
    write_texts,
)
from streamer.recordings.fingerprint import fingerprint
from streamer.recordings.overlay_video import LARGER, OverlayWriter
from streamer.transcripts.subtitles import subtitles

TRACKS = ("tracks.mkv", "tracks.mka")


def rename(folder: Path, names: Mapping[int, str], force: bool = False, recording: Path | None = None) -> list[Person]:
    """Give people names, in all files of a result or, if anything goes wrong, in none.

    Args:
        folder: With the result.
        names: By number; an empty one takes a name away.
        force: Whether to write anew what somebody has edited.
        recording: What the result was made of: names are drawn into the overlay, too; None leaves its picture.

    Returns:
        Everybody in the result.

    Raises:
        UserError: There is no result, nobody of such a number, an edited file and no `force`, or no place to write.
    """
    old = read_result(folder)
    numbers = [person.number for person in old.people]
    if unknown := sorted(names.keys() - set(numbers)):
        there = f"there are {', '.join(map(str, numbers))}" if numbers else "there is nobody"
        raise UserError(f"{folder} has nobody with the number {unknown[0]}: {there}")
    if not force and (edited := _edited(folder, old)):
        raise UserError(f"{edited[0]} has been changed since it was made; add --force to write it anew")
    info = None if recording is None else _checked(folder, recording)
    people = named(old.people, names)
    try:
        with as_os_errors():
            remade(folder, lambda copy: _write(copy, people, recording, info))
    except (OSError, ClockJumps) as error:
        raise UserError(f"cannot rewrite {folder}: {getattr(error, 'strerror', None) or error}") from error
    return people


def _edited(folder: Path, result: Result) -> list[str]:
    """Return the files that are not as they were written."""
    written = result.end.get("written", {})
    return [name for name, sha in written.items() if (folder / name).is_file() and digest(folder / name) != sha]


def _checked(folder: Path, recording: Path) -> MediaInfo:
    """Return what a recording holds, if the result was made of it."""
    info = inspect(recording)
    start = next((event for event in events(folder / EVENTS) if event["type"] == "start"), {})
    if start.get("fingerprint") != fingerprint(recording):
        raise UserError(f"{folder} was not made of {recording}")
    return info


def _write(folder: Path, people: list[Person], recording: Path | None, info: MediaInfo | None) -> None:
    """Write everything that names people anew; what is not there is not wanted."""
    sort_events(folder / EVENTS, [to_event(people)])
    result, overlay = read_result(folder), folder / OVERLAY
    there = {name: text for name, text in _texts(folder, result).items() if (folder / name).exists()}
    sort_events(folder / EVENTS, [result.end | {"written": write_texts(folder, there)}])
    cues = named_cues(result) if has_captions(folder) else []
    if overlay.exists():
        subtitled = _has_subtitles(overlay)
        if recording is not None and info is not None and info.video is not None:
            drawn = subtitles(result.spoken()) if has_captions(folder) and not subtitled else []
            bits = overlay.stat().st_size * 8 / max(result.duration, 0.1) / LARGER
            labels = {person.id: person.label for person in people if person.name}
            draw = partial(OverlayWriter, info=info, bit_rate=bits, names=labels)
            replaced(overlay, lambda new: draw_again(recording, info, folder / EVENTS, drawn, draw(new)))
    if overlay.exists() and subtitled:
        replaced(overlay, partial(remuxed, overlay, titles=(), cues=cues))
    for tracks in (folder / name for name in TRACKS):
        if tracks.exists():
            voices = [title for _, title in titles(result, folder)]
            replaced(tracks, partial(remuxed, tracks, titles=voices, cues=cues or None))


def _texts(folder: Path, result: Result) -> dict[str, str]:
    overlay = folder / OVERLAY
    burned = overlay.exists() and not _has_subtitles(overlay)
    return texts(result, has_captions(folder), overlay.exists(), burned)


def _has_subtitles(path: Path) -> bool:
    with av.open(f"file:{path}") as container:
        return bool(container.streams.subtitles)
