"""The voices of a recorded call as files of one length, which with the rest add up to what all microphones heard."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile

from models.common.arrays import I16
from models.common.audio import SAMPLE_RATE
from streamer.recordings.calls.journal import Heard, records
from streamer.recordings.calls.story import Story
from streamer.recordings.wav_file import WavFile

SLACK = 320
"""Samples by which a block may be off the end of the one before: estimated times tremble, and a seam clicks."""

PIECE = 160_000
"""Samples that are added up at once."""


def write_voices(journal: Path, story: Story, folder: Path) -> None:
    """Write `face-<n>.wav`, `voice-<n>.wav` and `rest.wav`, mono 16 kHz, as long as the recording.

    Args:
        journal: Of the call.
        story: That it tells.
        folder: Where to.
    """
    length = round(story.end * SAMPLE_RATE)
    parts: dict[str, dict[str, WavFile]] = {name: {} for name in (*map(_name, story.speakers.values()), "rest.wav")}
    places: dict[str, int] = {}
    rest_is: dict[str, str] = {who: _name(number) for (who, id), number in story.speakers.items() if id is None}

    def part(name: str, who: str, id: int | None) -> WavFile:
        # One file a microphone and number: two that are added up here may speak at once.
        own = f".part-{len(parts[name])}-{name}"
        files = parts[name]
        key = f"{who} {id}"
        if key not in files:
            files[key] = WavFile(folder / own, SAMPLE_RATE)
        return files[key]

    for record in records(journal, Heard):
        assert isinstance(record, Heard)
        place = round((record.t - story.begun) * SAMPLE_RATE)
        expected = places.get(record.who, max(place, 0))
        if abs(place - expected) <= SLACK:
            place = expected
        mix = np.frombuffer(record.mix, "<i2")
        if place < expected or place + len(mix) > length:
            # Heard twice, after a clock that was set back; or before the beginning.
            continue
        places[record.who] = place + len(mix)
        rest = mix.astype(np.int32)
        for id, data in record.voices.items():
            voice = np.frombuffer(data, "<i2")
            rest -= voice
            number = story.number(record.who, id)
            part("rest.wav" if number is None else _name(number), record.who, id).put(place, voice.astype(np.int16))
        name = rest_is.get(record.who, "rest.wav")
        part(name, record.who, None).put(place, np.clip(rest, -32768, 32767).astype(np.int16))
    for name, files in parts.items():
        _add_up(folder / name, files.values(), length)


def _name(number: int) -> str:
    return f"face-{number}.wav" if number > 0 else f"voice-{-number}.wav"


def _add_up(path: Path, files: Iterable[WavFile], length: int) -> None:
    """Write the sum of some files, and delete them."""
    files = list(files)
    for file in files:
        file.finish(length)
    if len(files) == 1:
        files[0].path.rename(path)
        return
    made = WavFile(path, SAMPLE_RATE)
    for at in range(0, length, PIECE) if files else ():
        pieces = [soundfile.read(file.path, PIECE, at, dtype="int16")[0].astype(np.int32) for file in files]
        total: I16 = np.clip(np.sum(pieces, axis=0), -32768, 32767).astype(np.int16)
        made.put(at, total)
    made.finish(length)
    for file in files:
        file.path.unlink()
