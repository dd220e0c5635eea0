"""Which sound tracks of a file are heard."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np

from streamer.errors import UserError
from streamer.media.choice import Choice
from streamer.media.levels import Levels, measure
from streamer.media.treatment import Treatment, treatment


@dataclass(frozen=True)
class Chosen:
    """A track that is heard.

    Attributes:
        stream: In the file.
        number: Among the file's sound tracks, from 1.
        treatment: What is done to it.
        rows: Channels that come out.
        peak: Its largest sample then.
        seconds: That decode; None if not all of it was gone through.
    """

    stream: av.AudioStream
    number: int
    treatment: Treatment
    rows: int
    peak: float
    seconds: float | None


def sounds(
    path: Path, container: av.container.InputContainer, choice: Choice, listen: float | None, notes: list[str]
) -> list[Chosen]:
    """Return the tracks that are heard.

    Args:
        path: The file.
        container: The same, open.
        choice: What is wanted.
        listen: Most seconds of each that are gone through; None is all.
        notes: Gets sentences on what is left out.

    Raises:
        UserError: there is not what was chosen.
    """
    tracks = {number: stream for number, stream in enumerate(container.streams.audio, 1)}
    if choice.track is not None and choice.track not in tracks:
        raise UserError(f"{path} has {_count(len(tracks))}: there is no number {choice.track}")
    together = choice.mix or choice.microphones == "tracks"
    wanted = list(tracks) if together or choice.track is None else [choice.track]
    chosen: list[Chosen] = []
    for number in wanted:
        levels = _levels(path, tracks[number], listen)
        if not levels.seconds:
            notes.append(f"sound track {number} of {len(tracks)} is empty or broken")
            continue
        found = _chosen(tracks[number], number, levels, choice, listen is None)
        if together:
            chosen.append(found)
        elif not levels.silent or not chosen:
            # A silent one is heard only if there is no other.
            chosen = [found]
        if not together and not levels.silent:
            break
    if chosen and not together and len(tracks) > 1:
        number = chosen[0].number
        left = ", ".join(str(other) for other in tracks if other != number)
        notes.append(
            f"sound track {number} of {len(tracks)} is heard, {left} {'is' if len(tracks) == 2 else 'are'} not: "
            "--audio-track, --mix or --mic-per-track"
        )
    return chosen


def _count(tracks: int) -> str:
    return f"{tracks or 'no'} sound track{'' if tracks == 1 else 's'}"


def _levels(path: Path, stream: av.AudioStream, listen: float | None) -> Levels:
    if stream.codec_context is None or not stream.rate:
        return Levels()
    return measure(path, stream.index, listen)


def _chosen(stream: av.AudioStream, number: int, levels: Levels, choice: Choice, whole: bool) -> Chosen:
    done = treatment(levels, stream.codec_context.name, stream.rate)
    rows = min(levels.channels, 2)
    if choice.microphones == "channels":
        done = replace(done, matrix=np.eye(levels.channels, dtype=np.float32))
    elif choice.microphones == "tracks" and done.matrix is None:
        # FFmpeg's own way to one channel would make some layouts softer.
        done = replace(done, matrix=np.full((1, levels.channels), 1 / levels.channels, np.float32))
    if done.matrix is not None:
        rows = len(done.matrix)
    return Chosen(stream, number, done, rows, levels.peak * done.scale, levels.seconds if whole else None)
