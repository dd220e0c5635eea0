"""What a recorded file holds, and how it is going to be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from streamer.media.treatment import Treatment

Timing = Literal["own", "order", "none"]
"""Pictures with times of their own; with the times of decoding alone, as in AVI; without any, as in raw H.264."""


@dataclass(frozen=True, slots=True)
class PictureTrack:
    """How the pictures are read.

    Attributes:
        index: Of the track in the file.
        shifts: See `streamer.media.clock.Clock`.
        timing: Where their times come from.
        rate: Pictures a second, for those without a time.
    """

    index: int
    shifts: tuple[tuple[int, float], ...]
    timing: Timing
    rate: float


@dataclass(frozen=True, slots=True)
class SoundTrack:
    """How a sound track is read.

    Attributes:
        index: Of the track in the file.
        rate: Hz.
        stored: Channels in the file.
        channels: That come out.
        shifts: See `streamer.media.clock.Clock`.
        end: Seconds on that clock.
        declared: Seconds of sound, where the container tells exactly.
        treatment: What is done to it.
    """

    index: int
    rate: int
    stored: int
    channels: int
    shifts: tuple[tuple[int, float], ...]
    end: float
    declared: float | None
    treatment: Treatment


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a file holds.

    Attributes:
        duration: Seconds, or None if the file does not tell.
        pictures: The track of pictures; None without one; cover art is none.
        sounds: The tracks that are heard, none without sound.
        width: Of the upright picture in pixels, 0 without video.
        height: Likewise.
        frame_rate: Average pictures a second, 0 if unknown.
        audio_rate: Hz, 0 without audio.
        channels: Of the sound as it is read, 1 or 2; 0 without.
        audio_codec: Name, empty without.
        video_codec: Name, empty without.
        microphones: How many, each before one person; 0 if the sound is a mixture.
        scale: Factor of the sound as a whole.
        boost: Factor with which models hear faint sound as loud as they are used to.
        hdr: Whether the pictures are of high dynamic range.
        is_still: Whether it is a single picture.
        notes: Sentences on what is left out, and what was mended.
    """

    duration: float | None = None
    pictures: PictureTrack | None = None
    sounds: tuple[SoundTrack, ...] = ()
    width: int = 0
    height: int = 0
    frame_rate: float = 0.0
    audio_rate: int = 0
    channels: int = 0
    audio_codec: str = ""
    video_codec: str = ""
    microphones: int = 0
    scale: float = 1.0
    boost: float = 1.0
    hdr: bool = False
    is_still: bool = False
    notes: tuple[str, ...] = ()

    @property
    def video(self) -> int | None:
        """Index of the track of pictures, None without one."""
        return None if self.pictures is None else self.pictures.index

    @property
    def audio(self) -> int | None:
        """Index of the first sound track that is heard, None without sound."""
        return self.sounds[0].index if self.sounds else None

    def facts(self) -> dict[str, object]:
        """Return what is told of the file in `events.jsonl`."""
        names = ("duration", "width", "height", "frame_rate", "audio_rate", "audio_codec", "video_codec")
        stored = self.sounds[0].stored if self.sounds else 0
        return {name: getattr(self, name) for name in names} | {"channels": stored}
