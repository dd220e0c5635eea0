"""Sound of the kinds that get lost: cancelling channels, wrong layouts, several tracks, odd numbers, low levels."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from models.common.arrays import F32
from streamer.errors import UserError
from streamer.media.choice import Choice
from streamer.media.inspect import inspect
from streamer.media.sound import microphones, sound
from tests.media import spoil

RATE = 16_000


def talk(seconds: float = 2.0, seed: int = 0, level: float = 0.1) -> F32:
    """Noise that comes and goes, as speech does, (N,)."""
    t = np.arange(round(seconds * RATE)) / RATE
    swell = np.maximum(np.sin(2 * np.pi * 1.5 * t), 0)
    return np.asarray(level * swell * np.random.default_rng(seed).standard_normal(len(t)), np.float32)


def wav(path: Path, pcm: F32, subtype: str = "FLOAT") -> Path:
    soundfile.write(path, np.atleast_2d(pcm).T, RATE, subtype=subtype)
    return path


def tracks(path: Path, *sounds: F32 | None, layout: str = "mono", codec: str = "pcm_s16le", apart: float = 0.0) -> Path:
    """Write sound tracks, (channels, N) each, all but the first `apart` seconds late; None is one without packets."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream(codec, rate=RATE, layout=layout) for _ in sounds]
        for number, (stream, pcm) in enumerate(zip(streams, sounds, strict=True)):
            if pcm is None:
                continue
            whole = np.ascontiguousarray(np.rint(np.atleast_2d(pcm).T * 32767).astype(np.int16)).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(whole, format="s16", layout=layout)
            frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
            frame.pts = round(apart * RATE) if number else 0
            container.mux([*stream.encode(frame), *stream.encode(None)])
    return path


def mono(path: Path, choice: Choice | None = None) -> F32:
    info = inspect(path, choice)
    return np.concatenate([piece.pcm.mean(axis=0) for piece in sound(path, info, RATE)])


def same(one: F32, other: F32, scale: float = 1.0) -> bool:
    return one.shape == other.shape and bool(np.abs(one - scale * other).max() < 2e-4)


def test_channels_that_cancel_are_heard(tmp_path: Path) -> None:
    pcm = talk()
    path = wav(tmp_path / "a.wav", np.stack([pcm, -0.9 * pcm]))
    assert same(mono(path), pcm, 0.95)
    assert inspect(path).notes == ("left and right cancel each other: the right one is turned over",)


def test_one_of_two_people_that_cancels_is_heard_and_so_is_the_other(tmp_path: Path) -> None:
    one, two = talk(seed=1), talk(seed=2)
    one[RATE:], two[:RATE] = 0, 0
    path = wav(tmp_path / "a.wav", np.stack([one + two, one - two]))
    assert same(mono(path), one + two)
    assert "only the left one" in inspect(path).notes[0]


@pytest.mark.parametrize("other", [1.0, 0.5, 0.0])
def test_ordinary_stereo_is_left_alone(tmp_path: Path, other: float) -> None:
    pcm = talk()
    path = wav(tmp_path / "a.wav", np.stack([pcm, other * pcm + talk(seed=3, level=0.02)]))
    info = inspect(path)
    assert info.notes == () and info.channels == 2
    assert same(mono(path), (pcm + other * pcm + talk(seed=3, level=0.02)) / 2)


def test_a_microphone_where_a_subwoofer_would_be_is_heard(tmp_path: Path) -> None:
    pcm = talk()
    channels = np.zeros((6, len(pcm)), np.float32)
    channels[3] = pcm
    path = tracks(tmp_path / "a.wav", channels, layout="5.1")
    assert same(mono(path), pcm)
    assert "channel 4 of 6" in inspect(path).notes[0]


def test_a_subwoofer_is_none_to_hear(tmp_path: Path) -> None:
    pcm = talk()
    channels = np.zeros((6, len(pcm)), np.float32)
    channels[:2] = pcm
    channels[3] = 0.3 * np.sin(2 * np.pi * 60 * np.arange(len(pcm)) / RATE)
    path = tracks(tmp_path / "a.wav", channels, layout="5.1")
    assert inspect(path).notes == ()
    heard = mono(path)
    assert abs(np.corrcoef(heard, pcm)[0, 1]) > 0.999


@pytest.mark.parametrize("count", [3, 7, 12])
def test_channels_of_which_nobody_says_what_they_are_are_all_heard(tmp_path: Path, count: int) -> None:
    channels = np.stack([talk(0.5, seed) for seed in range(count)])
    path = wav(tmp_path / "a.wav", channels)
    assert same(mono(path), channels.mean(axis=0))
    assert f"what the {count} channels are" in inspect(path).notes[0]


def test_the_first_track_is_heard_and_the_others_are_told_of(tmp_path: Path) -> None:
    one, two = talk(seed=1), talk(seed=2)
    path = tracks(tmp_path / "a.mka", one, two)
    assert same(mono(path), one)
    assert inspect(path).notes == ("sound track 1 of 2 is heard, 2 is not: --audio-track, --mix or --mic-per-track",)
    assert same(mono(path, Choice(track=2)), two)
    with pytest.raises(UserError, match="2 sound tracks: there is no number 3"):
        inspect(path, Choice(track=3))


def test_a_mix_has_all_tracks_on_one_clock_and_does_not_clip(tmp_path: Path) -> None:
    one, two = talk(1.0, seed=1, level=0.2), talk(1.0, seed=2, level=0.2)
    path = tracks(tmp_path / "a.mka", one, two, apart=0.5)
    both = np.zeros(RATE * 3 // 2, np.float32)
    both[:RATE] += one
    both[RATE // 2 :] += two
    heard = mono(path, Choice(mix=True))
    assert same(heard, both, heard @ both / (both @ both)) and np.abs(heard).max() <= 1


@pytest.mark.parametrize("first", ["empty", "silent", "broken"])
def test_a_first_track_of_nothing_is_passed_over(tmp_path: Path, first: str) -> None:
    pcm = talk()
    if first == "broken":
        path = tracks(tmp_path / "a.mka", talk(seed=1), pcm, codec="flac")
        # Without their sync codes the first track's packets are no FLAC.
        spoil(path, slice(None), audio=0)
    else:
        path = tracks(tmp_path / "a.mka", None if first == "empty" else np.zeros(RATE, np.float32), pcm)
    assert same(mono(path), pcm)
    notes = inspect(path).notes
    assert "sound track 2 of 2 is heard, 1 is not" in notes[-1]
    assert (len(notes) == 2) is (first != "silent")


def test_samples_that_are_no_numbers_are_silent_and_told(tmp_path: Path) -> None:
    pcm = talk()
    spoilt = pcm.copy()
    spoilt[5000:5099], spoilt[5099], spoilt[7000], spoilt[7001] = np.nan, 3e30, np.inf, -np.inf
    path = wav(tmp_path / "a.wav", spoilt)
    pcm[5000:5100], pcm[7000:7002] = 0, 0
    assert same(mono(path), pcm)
    assert inspect(path).notes == ("102 samples are no numbers and are silent now (0.01 s)",)


def test_samples_beyond_full_scale_are_turned_down_not_clipped(tmp_path: Path) -> None:
    pcm = talk(level=1.0)
    path = wav(tmp_path / "a.wav", pcm)
    peak = float(np.abs(pcm).max())
    assert peak > 3 and same(mono(path), pcm, 1 / peak)
    assert f"all of it is {20 * np.log10(peak):.1f} dB softer" in inspect(path).notes[0]


@pytest.mark.parametrize("decibels", [-50, -60])
def test_faint_speech_is_amplified_for_models_alone(tmp_path: Path, decibels: int) -> None:
    pcm = talk(4.0)
    pcm *= 10 ** (decibels / 20) / float(np.sqrt(np.mean(pcm**2)))
    path = wav(tmp_path / "a.wav", pcm)
    info = inspect(path)
    assert same(mono(path), pcm)
    assert 20 * np.log10(info.boost) == pytest.approx(-26 - decibels, abs=2)
    assert "faint" in info.notes[0]


@pytest.mark.parametrize("decibels", [-20, -35, -90])
def test_ordinary_speech_and_silence_are_not(tmp_path: Path, decibels: int) -> None:
    pcm = talk(4.0)
    pcm *= 10 ** (decibels / 20) / float(np.sqrt(np.mean(pcm**2)))
    info = inspect(wav(tmp_path / "a.wav", pcm))
    assert info.boost == 1 and info.notes == ()


def test_a_microphone_a_track_and_a_microphone_a_channel(tmp_path: Path) -> None:
    one, two, three = (talk(seed=seed) for seed in (1, 2, 3))
    path = tracks(tmp_path / "a.mka", one, two)
    info = inspect(path, Choice(microphones="tracks"))
    assert info.microphones == 2 and info.channels == 1 and info.notes == ()
    pcm = np.concatenate(list(microphones(path, info, RATE)), axis=1)
    assert same(pcm, np.stack([one, two]))
    assert same(np.concatenate([piece.pcm[0] for piece in sound(path, info, RATE)]), one + two)
    path = tracks(tmp_path / "b.mka", one, 0 * two, three)
    info = inspect(path, Choice(microphones="tracks"))
    assert info.microphones == 3 and info.notes == ("sound track 2: the sound is silence alone",)
    path = wav(tmp_path / "a.wav", np.stack([one, two, three]))
    info = inspect(path, Choice(microphones="channels"))
    pcm = np.concatenate(list(microphones(path, info, RATE)), axis=1)
    assert info.microphones == 3 and same(pcm, np.stack([one, two, three]))


def test_sound_that_changes_its_channels_is_whole_and_nothing_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.aac"
    for number, layout in enumerate(("stereo", "mono")):
        with av.open(str(tmp_path / f"{number}.aac"), "w", format="adts") as container:
            stream = container.add_stream("aac", rate=RATE, layout=layout)
            pcm = np.repeat(talk(2.0)[None], 2 - number, axis=0)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm), format="fltp", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
            container.mux([*stream.encode(frame), *stream.encode(None)])
    path.write_bytes((tmp_path / "0.aac").read_bytes() + (tmp_path / "1.aac").read_bytes())
    assert len(mono(path)) == pytest.approx(4 * RATE, abs=6000) and inspect(path).notes == ()


def test_damage_is_told(tmp_path: Path) -> None:
    path = tracks(tmp_path / "a.mka", talk(6.0), codec="flac")
    spoil(path, slice(5, 10), audio=0)
    assert len(mono(path)) == pytest.approx(6 * RATE, abs=200)
    assert "damaged sound: 5 packets" in " ".join(inspect(path).notes)


def test_speech_now_and_then_in_a_quiet_room_is_not_faint(tmp_path: Path) -> None:
    pcm = talk(60.0, level=0.0003)
    pcm[30 * RATE : 33 * RATE] = talk(3.0, level=0.2)
    info = inspect(wav(tmp_path / "a.wav", pcm))
    assert info.boost == 1 and info.notes == ()


def test_a_slamming_door_does_not_hide_that_speech_is_faint(tmp_path: Path) -> None:
    pcm = talk(250.0, level=0.003)
    pcm[30 * RATE : 31 * RATE] = talk(1.0, level=0.15)
    assert inspect(wav(tmp_path / "a.wav", pcm)).boost > 8


def test_numbers_of_16_bits_written_as_floats_are_only_loud(tmp_path: Path) -> None:
    pcm = talk()
    path = wav(tmp_path / "a.wav", pcm * 32768)
    assert same(mono(path), pcm, 1 / float(np.abs(pcm).max()))
