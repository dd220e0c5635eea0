"""`earshot talk`: a portrait and a recording of speech in, a video out in which the portrait says it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from models.common.arrays import F32, U8
from models.common.audio import SAMPLE_RATE
from streamer.commands.tell import tell
from streamer.errors import UserError
from streamer.media.info import MediaInfo
from streamer.media.inspect import inspect
from streamer.media.made_video import COMMENT, Mark, add_xmp
from streamer.media.sound import sound
from streamer.media.still import read_still

RATE = 48_000
"""Of the video's sound, Hz."""

AAC_BITS = 128_000


def talk_command(portrait: Path, audio: Path, out: Path, *, seed: int = 0, force: bool = False) -> int:
    """Make the video; what is left out of the files or mended, on stderr.

    Args:
        portrait: A picture with one face.
        audio: Any file with sound that PyAV reads.
        out: An `.mp4` file to write, whole or not at all.
        seed: Of how the head moves and the eyes blink.
        force: Whether to replace a file.

    Returns:
        Exit code 0.

    Raises:
        UserError: the picture has no face that can talk, the file has no sound, or the video cannot be written.
    """
    if out.suffix.lower() != ".mp4":
        raise UserError(f"{out} is not a name of an MP4 file")
    if out.exists() and not force:
        raise UserError(f"{out} is there already; add --force to replace it")
    still, info = read_still(portrait), inspect(audio)
    if info.audio is None:
        raise UserError(f"{audio} has no sound")
    pictures = _pictures(portrait, still.pixels, _heard(audio, info), seed)
    part = out.with_name(f".{out.stem}.part.mp4")
    try:
        _write(part, pictures, audio, info)
        add_xmp(part)
        part.replace(out)
    except OSError as error:
        # FFmpegError, too: a full disk, or a folder that is not there.
        raise UserError(f"cannot write {out}: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
    tell(portrait, still.notes)
    tell(audio, info.notes)
    return 0


def _heard(audio: Path, info: MediaInfo) -> F32:
    """Return the sound as the network hears it, (N,) at 16 kHz, up to the next whole picture."""
    from models.portrait.mouth import STEP

    pieces = [piece.pcm.mean(axis=0) for piece in sound(audio, info, SAMPLE_RATE)]
    heard = np.concatenate([*pieces, np.zeros(0, np.float32)]) * np.float32(info.boost)
    if not len(heard):
        raise UserError(f"{audio} has no sound")
    return np.pad(heard, (0, -len(heard) % STEP))


def _pictures(path: Path, rgb: U8, heard: F32, seed: int) -> Iterator[U8]:
    """Return what draws the pictures, (H, W, 3) each.

    Raises:
        UserError: the portrait cannot be made to talk.
    """
    # Torch takes seconds to import, and most mistakes are in names.
    import torch

    from models.portrait.draw import Portrait
    from models.portrait.find import UnfitPortraitError, find_portrait
    from models.portrait.life import stances
    from models.portrait.mouth import RATE as PICTURES
    from models.portrait.mouth import Mouth, opening

    torch.set_num_threads(1)
    try:
        shown, mesh = find_portrait(rgb)
    except UnfitPortraitError as error:
        raise UserError(f"{path}: {error}") from error
    mouth = Mouth()
    shapes = mouth.shapes(heard)
    drawn, mark = Portrait(shown, mesh, mouth.rest), Mark(shown.shape[1], shown.shape[0])
    moves = stances(opening(shapes), PICTURES, seed)

    def draw() -> Iterator[U8]:
        for shape, stance in zip(shapes, moves, strict=True):
            picture = drawn.draw(shape, stance)
            mark.draw(picture)
            yield picture

    return draw()


def _write(path: Path, pictures: Iterator[U8], audio: Path, info: MediaInfo) -> None:
    """Write an MP4 file; sound and pictures begin together."""
    from models.portrait.mouth import RATE as PICTURES

    first = next(pictures)
    layout = "mono" if info.channels == 1 else "stereo"
    with av.open(f"file:{path}", "w", options={"movflags": "+faststart"}) as container:
        container.metadata.update(comment=COMMENT, title="A portrait that talks: made picture")
        video = container.add_stream("libx264", rate=PICTURES)
        video.height, video.width = first.shape[:2]
        video.pix_fmt = "yuv420p"
        video.options = {"preset": "veryfast", "crf": "20", "threads": "1"}
        track = container.add_stream("aac", rate=RATE, layout=layout, bit_rate=AAC_BITS)
        spoken = sound(audio, info, RATE)
        done = 0
        for number, picture in enumerate(_from(first, pictures)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, PICTURES)
            container.mux(video.encode(frame))
            # Sound goes in beside its pictures, so that no player has to look far.
            while done * PICTURES < (number + 1) * RATE and (piece := next(spoken, None)) is not None:
                container.mux(track.encode(_frame(piece.pcm, layout, done)))
                done += piece.pcm.shape[1]
        container.mux(video.encode(None))
        for piece in spoken:
            container.mux(track.encode(_frame(piece.pcm, layout, done)))
            done += piece.pcm.shape[1]
        container.mux(track.encode(None))


def _from(first: U8, others: Iterator[U8]) -> Iterator[U8]:
    yield first
    yield from others


def _frame(pcm: F32, layout: str, done: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm.clip(-1, 1)), format="fltp", layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = RATE, done, Fraction(1, RATE)
    return frame
