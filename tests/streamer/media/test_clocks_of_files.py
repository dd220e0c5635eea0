"""Files whose clocks jump, or have none: everything comes out, in step, from 0 on."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from models.common.arrays import F32
from streamer.commands.process import process
from streamer.media.info import MediaInfo
from streamer.media.inspect import inspect
from streamer.media.pictures import shots
from streamer.media.sound import sound
from tests.media import grey, tone, write
from tests.streamer.commands.test_process import OneFace

RATE = 16_000


def heard(path: Path, info: MediaInfo, rate: int = RATE) -> F32:
    pieces = list(sound(path, info, rate))
    assert pieces[0].t == 0
    return np.concatenate([piece.pcm for piece in pieces], axis=1)


def flash(path: Path, seconds: float = 2.0, flashes: float = 1.0, **more: str) -> Path:
    """White picture and click of 40 ms at `flashes` seconds; else black pictures and silence, 25 a second."""
    count, white = round(seconds * 25), round(flashes * 25)
    pictures = [(i / 25, grey(240 if i == white else 10, 64, 48)) for i in range(count)]
    pcm = 0.01 * tone(seconds, 48_000)
    pcm[:, white * 1920 : (white + 1) * 1920] *= 80
    pieces = [(i / 25, pcm[:, i * 1920 : (i + 1) * 1920]) for i in range(count)]
    return write(path, pictures=pictures, pieces=pieces, **more)


def flashes(path: Path, info: MediaInfo) -> tuple[list[float], list[float]]:
    """Return when white pictures and clicks are, seconds."""
    whites = [shot.t for shot in shots(path, info) if shot.rgb(64).mean() > 120]
    loud = np.abs(heard(path, info).mean(axis=0)) > 0.1
    starts = np.flatnonzero(loud & ~np.concatenate([[False] * 400, loud[:-400]]))
    clicks = [float(t) for i, t in enumerate(starts / RATE) if not i or starts[i] - starts[i - 1] > 1600]
    return whites, clicks


def moved(source: Path, target: Path, seconds: float) -> bytes:
    """Return a file's tracks again, that much later, as MPEG-TS."""
    with av.open(str(source)) as old, av.open(str(target), "w", format="mpegts") as new:
        copies = {stream.index: new.add_stream_from_template(stream) for stream in old.streams}
        for packet in old.demux():
            if packet.size:
                ticks = round(seconds / packet.time_base)
                packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
                packet.stream = copies[packet.stream_index]
                new.mux(packet)
    return target.read_bytes()


@pytest.mark.parametrize("offset", [0.0, 5000.0, -1.0])
def test_joined_transport_streams_come_out_whole_and_in_step(tmp_path: Path, offset: float) -> None:
    source = flash(tmp_path / "a.ts", audio="aac")
    first = moved(source, tmp_path / "b.ts", 10.0)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first + moved(source, tmp_path / "c.ts", 10.0 + offset))
    info = inspect(joined)
    whites, clicks = flashes(joined, info)
    assert len(whites) == len(clicks) == 2
    assert whites[1] - whites[0] == pytest.approx(2.0, abs=0.12)
    assert clicks == pytest.approx(whites, abs=0.03)
    assert info.duration == pytest.approx(4.0, abs=0.15)
    assert len(list(shots(joined, info))) == 100
    assert "jumps" in info.notes[0] and "mended" in info.notes[0]


def test_dead_time_of_hours_is_closed_and_told(tmp_path: Path) -> None:
    times = [*(i / 25 for i in range(25)), *(7201 + i / 25 for i in range(25))]
    pieces = [(t, tone(0.04, 48_000)) for t in times]
    pictures = [(t, grey(90 + 2 * i, 64, 48)) for i, t in enumerate(times)]
    path = write(tmp_path / "a.mkv", pieces=pieces, pictures=pictures)
    info = inspect(path)
    assert heard(path, info).shape[1] == pytest.approx(2.0 * RATE, abs=20)
    assert [shot.t for shot in shots(path, info)] == pytest.approx([i / 25 for i in range(50)], abs=0.01)
    assert "forward by 7200.0 s at 1.0 s" in info.notes[0]


@pytest.mark.parametrize("late", ["sound", "pictures"])
def test_all_files_of_a_result_share_the_clock(tmp_path: Path, late: str) -> None:
    begin = {"sound": 0.0, "pictures": 0.0} | {late: 2.0}
    pictures = [(begin["pictures"] + i / 25, grey(90, 64, 48)) for i in range(50)]
    path = write(tmp_path / "a.mkv", pictures=pictures, pieces=[(begin["sound"], tone(1.0, 16_000))], rate=16_000)
    process(path, tmp_path / "out", progress=False, engine=OneFace(since=None))
    with av.open(str(tmp_path / "out/overlay.mp4")) as container:
        shown = [frame.time for frame in container.decode(video=0)]
    info = inspect(tmp_path / "out/overlay.mp4")
    assert shown == pytest.approx([t for t, _ in pictures], abs=0.002)
    rest = soundfile.read(tmp_path / "out/rest.wav")[0]
    for pcm in (rest, heard(tmp_path / "out/overlay.mp4", info)[0]):
        assert np.flatnonzero(np.abs(pcm) > 0.1)[0] / RATE == pytest.approx(begin["sound"], abs=0.01)


@pytest.mark.parametrize("late", ["sound", "pictures"])
def test_tracks_that_begin_apart_are_on_one_clock(tmp_path: Path, late: str) -> None:
    begin = {"sound": 0.0, "pictures": 0.0} | {late: 3.0}
    pictures = [(begin["pictures"] + i / 25, grey(90, 64, 48)) for i in range(25)]
    path = write(tmp_path / "a.mkv", pictures=pictures, pieces=[(begin["sound"], tone(1.0, 48_000))])
    info = inspect(path)
    pcm = heard(path, info)[0]
    assert len(pcm) == pytest.approx((begin["sound"] + 1) * RATE, abs=40)
    assert np.flatnonzero(np.abs(pcm) > 0.1)[0] / RATE == pytest.approx(begin["sound"], abs=0.01)
    assert next(shots(path, info)).t == pytest.approx(begin["pictures"], abs=0.002)
    assert info.notes == ()


def test_long_silence_is_filled_in_small_pieces(tmp_path: Path) -> None:
    pictures = [(float(t), grey(90, 64, 48)) for t in range(0, 700, 10)]
    path = write(
        tmp_path / "a.mkv", pictures=pictures, pieces=[(0.0, tone(0.5, 8000)), (690.0, tone(0.5, 8000))], rate=8000
    )
    info = inspect(path)
    sizes = [piece.pcm.shape[1] for piece in sound(path, info)]
    assert sum(sizes) == pytest.approx(690.5 * 8000, abs=40) and max(sizes) <= 8000
    assert "689.5 s of sound are missing" in info.notes[0]


def encoded(count: int, b_frames: int) -> tuple[av.VideoCodecContext, list[bytes]]:
    """Return H.264 pictures, each brighter than the one before, as they come out of the encoder."""
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = 64, 48, "yuv420p"
    context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
    context.options = {"bf": str(b_frames), "b_adapt": "0", "g": "100"}
    packets = []
    for i in range(count):
        frame = av.VideoFrame.from_ndarray(grey(10 + 5 * i, 64, 48), format="rgb24")
        frame.pts, frame.time_base = i, Fraction(1, 25)
        packets += [bytes(packet) for packet in context.encode(frame)]
    return context, packets + [bytes(packet) for packet in context.encode(None)]


def brightness(path: Path, info: MediaInfo) -> list[float]:
    return [float(shot.rgb(64).mean()) for shot in shots(path, info)]


@pytest.mark.parametrize("b_frames", [0, 3])
def test_pictures_without_times_come_at_25_a_second_and_that_is_told(tmp_path: Path, b_frames: int) -> None:
    path = tmp_path / "raw.h264"
    path.write_bytes(b"".join(encoded(40, b_frames)[1]))
    info = inspect(path)
    assert [shot.t for shot in shots(path, info)] == pytest.approx([i / 25 for i in range(40)])
    assert np.diff(brightness(path, info)).min() > 0
    assert info.duration == pytest.approx(1.6) and "taken to be 25 a second" in info.notes[0]


@pytest.mark.parametrize("b_frames", [0, 3])
def test_every_picture_of_an_avi_is_kept_in_order(tmp_path: Path, b_frames: int) -> None:
    path = tmp_path / "a.avi"
    _, packets = encoded(40, b_frames)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, width=64, height=48, pix_fmt="yuv420p")
        for number, data in enumerate(packets):
            packet = av.Packet(data)
            packet.stream, packet.time_base = stream, Fraction(1, 25)
            packet.pts = packet.dts = number
            container.mux(packet)
    info = inspect(path)
    times = [shot.t for shot in shots(path, info)]
    assert times == pytest.approx([i / 25 for i in range(40)], abs=0.001)
    assert np.diff(brightness(path, info)).min() > 0


def test_the_last_packets_of_a_transport_stream_are_heard(tmp_path: Path) -> None:
    pcm = tone(2.0, 48_000)
    path = write(
        tmp_path / "a.ts", pieces=[(i / 10, pcm[:, i * 4800 : (i + 1) * 4800]) for i in range(20)], audio="aac"
    )
    with av.open(str(path)) as container:
        frames = sum(frame.samples for frame in container.decode(audio=0))
    assert heard(path, inspect(path), 48_000).shape[1] == frames >= 96_000


def test_a_file_that_ends_early_says_how_much_is_missing(tmp_path: Path) -> None:
    whole = flash(tmp_path / "whole.mkv", 4.0).read_bytes()
    path = tmp_path / "cut.mkv"
    path.write_bytes(whole[: len(whole) * 6 // 10])
    info = inspect(path)
    assert "cut short" in info.notes[0] and info.duration is not None and 1.5 < info.duration < 3
    assert heard(path, info).shape[1] / RATE == pytest.approx(info.duration, abs=0.2)
    assert inspect(tmp_path / "whole.mkv").notes == ()


def test_a_wav_that_ends_early_says_so_too(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "whole.wav", tone(4.0, RATE)[0], RATE)
    data = (tmp_path / "whole.wav").read_bytes()
    for name, head in (("cut", data[4:8]), ("streamed", b"\xff" * 4)):
        (tmp_path / f"{name}.wav").write_bytes(data[:4] + head + data[8 : len(data) // 4])
    assert inspect(tmp_path / "cut.wav").notes == ("the file is cut short: it ends after 1.0 s, 3.0 s before its time",)
    assert inspect(tmp_path / "streamed.wav").notes == inspect(tmp_path / "whole.wav").notes == ()


def test_a_name_with_a_colon_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flash(tmp_path / "a.mkv", 1.2).rename(tmp_path / "12:30.mkv")
    monkeypatch.chdir(tmp_path)
    info = inspect(Path("12:30.mkv"))
    assert len(list(shots(Path("12:30.mkv"), info))) == 30
