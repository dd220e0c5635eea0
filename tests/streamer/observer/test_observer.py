"""The observer with its real models: what comes when, and over the wire."""

from __future__ import annotations

import io
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
import pytest
import skimage.data
import soundfile
from PIL import Image

from models.vision.familiar import Familiarity
from models.vision.image_runtime import fit
from streamer.observer.client import ObserverClient, Unavailable
from streamer.observer.observer import Observer, following, thumbnail
from streamer.observer.types import Caption, Columns, Description, Keyframe, Localization, Sounds
from tests.live.peers import until

SPOKEN = Path(find_spec("moonshine_voice").submodule_search_locations[0]) / "assets" / "two_cities.wav"


@pytest.fixture(scope="module")
def observer() -> Observer:
    """One to whom every picture is familiar: packages hold none that are like those the captioner learnt from."""
    one = Observer()
    one._familiarity.limit = 2.0
    return one


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    pcm, rate = soundfile.read(SPOKEN, dtype="float32", always_2d=True)
    pcm = pcm.mean(axis=1)
    wanted = np.arange(6 * 16_000) * rate / 16_000
    return np.interp(wanted, np.arange(len(pcm)), pcm).astype(np.float32)


def watch(observer: Observer, picture, speech: np.ndarray, seconds: float, begin: float = 50.0) -> list:
    """Feeds 12.5 pictures a second and sound in pieces of 0.1 s; returns what was observed, in order."""
    seen, shown = [], 0
    for i in range(round(seconds * 10)):
        t = begin + i * 0.1
        while shown * 0.08 <= i * 0.1:
            rgb = picture(shown * 0.08)
            observer.see("p", begin + shown * 0.08, fit(rgb), rgb.shape[1] / rgb.shape[0])
            shown += 1
        seen += observer.hear("p", t, speech[i * 1600 : (i + 1) * 1600])
        seen += [observation for sid, observation in observer.step()]
    return seen


def of(kind: type, seen: list) -> list:
    return [observation for observation in seen if isinstance(observation, kind)]


def test_everything_comes_when_it_is_due(observer, speech):
    observer.open("p")
    observer.show_spectrograms("p", {None})
    portrait = skimage.data.astronaut()
    seen = watch(observer, lambda t: portrait, speech, 5.0)
    maps = of(Localization, seen)
    assert len(maps) == pytest.approx(25, abs=2)
    assert all(len(m.heat) == 196 and 0 <= m.score <= 1 for m in maps)
    assert np.all(np.diff([m.t for m in maps]) >= 0)
    tags = of(Sounds, seen)
    assert len(tags) <= 5 and any("speech" in dict(tag.tags) for tag in tags)
    (scene,) = of(Description, seen)
    assert scene.text and len(scene.words) >= 3 and all(max(heat) == 255 for _, heat in scene.words)
    (kept,) = of(Keyframe, seen)
    vector = np.frombuffer(kept.vector, np.float32)
    assert vector.size > 16 and np.isfinite(vector).all()
    columns = of(Columns, seen)
    assert sum(len(c.data) for c in columns) == 250 * 64
    answer = observer.ask("p", "what is in the picture")
    assert answer is not None and len(answer.answers) == 3
    chances = [p for _, p in answer.answers]
    assert chances == sorted(chances, reverse=True) and 0 < sum(chances) <= 1 + 1e-6


def test_another_picture_is_another_scene_and_a_steady_one_is_not(observer, speech):
    observer.open("p")
    portrait, cat = skimage.data.astronaut(), skimage.data.chelsea()
    seen = watch(observer, lambda t: portrait if t < 3 else cat, speech, 6.0)
    scenes = of(Description, seen)
    assert len(scenes) == 2 and scenes[0].text != scenes[1].text
    assert scenes[0].t < 53.0 <= scenes[1].t
    first, second = (Image.open(io.BytesIO(kept.thumbnail)) for kept in of(Keyframe, seen))
    assert first.size == (160, 160) and second.size == (160, 106)


def test_of_a_picture_unlike_those_it_learnt_from_the_captioner_says_nothing(observer, speech, monkeypatch):
    monkeypatch.setattr(observer._familiarity, "limit", Familiarity().limit)
    observer.open("p")
    page = np.repeat(skimage.data.page()[..., None], 3, axis=2)
    (scene,) = of(Description, watch(observer, lambda t: page, speech, 1.0))
    assert (scene.text, scene.words) == ("", [])


def test_silence_has_no_tags_and_no_place(observer):
    observer.open("p")
    portrait = skimage.data.astronaut()
    seen = watch(observer, lambda t: portrait, np.zeros(48_000, np.float32), 3.0)
    assert of(Sounds, seen) == []
    assert all(m.peak is None and m.box is None for m in of(Localization, seen))


def test_without_pictures_there_are_only_sounds_and_no_answer(observer, speech):
    observer.open("p")
    for i in range(30):
        observer.hear("p", i * 0.1, speech[i * 1600 : (i + 1) * 1600])
        assert all(isinstance(observation, Sounds) for _, observation in observer.step())
    assert observer.ask("p", "what is this") is None
    assert observer.ask("nobody", "what is this") is None


def test_closed_and_unknown_sessions_are_ignored(observer, speech):
    observer.open("p")
    observer.close("p")
    observer.see("p", 0.0, np.zeros((224, 224, 3), np.uint8))
    assert observer.hear("p", 0.0, speech[:1600]) == [] and observer.step() == []


def test_what_is_due_stays_in_step_unless_a_turn_was_missed():
    assert following(10.0, 10.05, 0.2) == pytest.approx(10.2)
    assert following(10.0, 10.5, 0.2) == pytest.approx(10.7)
    assert following(float("-inf"), 50.0, 0.2) == pytest.approx(50.2)


def test_thumbnails_have_the_shape_of_the_picture():
    rgb = np.zeros((224, 224, 3), np.uint8)
    for aspect, size in ((16 / 9, (160, 90)), (9 / 16, (90, 160)), (1.0, (160, 160))):
        assert Image.open(io.BytesIO(thumbnail(rgb, aspect))).size == size


async def test_the_process_says_the_same_and_says_when_it_is_gone(speech):
    client, seen = ObserverClient(), []
    with pytest.raises(Unavailable, match="not running"):
        await client.ask("p", "what is this")
    client.start()
    try:
        client.open("p", seen.append)
        client.show_spectrograms("p", {None})
        await until(lambda: client.ready, 120)
        portrait = av.VideoFrame.from_ndarray(np.ascontiguousarray(skimage.data.astronaut()), format="rgb24")
        sound = np.concatenate([speech, np.zeros(3 * 16_000, np.float32)])
        for i in range(90):
            client.see("p", 50 + i * 0.1, portrait)
            client.hear("p", 50 + i * 0.1, sound[i * 1600 : (i + 1) * 1600], {}, {})
            # Columns come back for every piece: at most so many are on their way.
            await until(lambda sent=i: len(of(Columns, seen)) > sent - 20, 60)
        finals = lambda: [c for c in of(Caption, seen) if c.final]  # noqa: E731
        await until(lambda: bool(finals()) and bool(of(Localization, seen)) and bool(of(Description, seen)), 60)
        final = finals()[0]
        assert final.face is None and "best of times" in final.text.lower()
        assert 49.9 < final.start < final.end < 57 and len(final.vector) % 4 == 0 and final.vector
        client.see("p", 60, portrait)
        answers, _known = await client.ask("p", "what is in the picture")
        assert len(answers) == 3
        seen, said = await client.embed("a portrait of a woman")
        assert seen.size * 4 == said.size * 4 == len(final.vector)
        assert client.statistics.sounds == 90 and client.statistics.sounds_dropped == 0
        assert client.statistics.pictures + client.statistics.pictures_skipped == 91
    finally:
        await client.close()
    assert not client.ready and client.pid is None


def test_a_picture_is_encoded_once_for_all_that_look_at_it(observer, speech, monkeypatch):
    observer.open("p")
    encoded, encode = [], observer._encoder.encode
    monkeypatch.setattr(observer._encoder, "encode", lambda rgb: encoded.append(len(rgb)) or encode(rgb))
    portrait = skimage.data.astronaut()
    seen = watch(observer, lambda t: portrait, speech, 3.0)
    observer.close("p")
    assert len(of(Description, seen)) == 1
    assert len(of(Localization, seen)) <= sum(encoded) <= len(of(Localization, seen)) + 1
