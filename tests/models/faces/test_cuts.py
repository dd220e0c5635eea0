"""Cuts in made-up films of photographs."""

import cv2
import numpy as np
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st

from models.common.arrays import U8
from models.faces.cuts import CutDetector

SCENES = (skimage.data.coffee, skimage.data.chelsea, skimage.data.rocket, skimage.data.astronaut)


def scene(which: int) -> U8:
    """A photograph, 720x420."""
    return np.asarray(cv2.resize(SCENES[which](), (720, 420), interpolation=cv2.INTER_AREA), np.uint8)


def view(of: U8, x: int = 40, y: int = 30) -> U8:
    """What a camera that is turned sees of it, 640x360."""
    return of[y : y + 360, x : x + 640]


def cuts(*pictures: U8) -> list[bool]:
    detector = CutDetector()
    return [detector.step(np.ascontiguousarray(picture)) for picture in pictures]


@pytest.mark.parametrize("one", range(4))
@pytest.mark.parametrize("other", range(4))
def test_another_scene_is_a_cut_and_the_same_is_none(one: int, other: int) -> None:
    a, b = view(scene(one)), view(scene(other))
    assert cuts(a, a, b, b) == [False, False, one != other, False]


@given(st.integers(0, 3), st.integers(-40, 40), st.integers(-30, 30), st.floats(0.6, 1.4), st.integers(-30, 30))
def test_a_pan_with_another_exposure_is_none(which: int, dx: int, dy: int, gain: float, offset: int) -> None:
    of = scene(which)
    moved = cv2.convertScaleAbs(view(of, 40 + dx, 30 + dy), alpha=gain, beta=0)
    lit = np.clip(moved.astype(np.int16) + offset, 0, 255).astype(np.uint8)
    assert cuts(view(of), lit) == [False, False]


@pytest.mark.parametrize("which", range(4))
def test_a_flash_is_none(which: int) -> None:
    rgb = view(scene(which))
    flash = np.clip(rgb * 1.4 + 40, 0, 255).astype(np.uint8)
    assert cuts(rgb, flash, rgb) == [False, False, False]


@pytest.mark.parametrize("which", range(4))
def test_somebody_who_runs_through_the_picture_is_none(which: int) -> None:
    pictures = []
    for x in range(0, 460, 50):  # two widths of the picture a second
        rgb = view(scene(which)).copy()
        rgb[60:, x : x + 180] = cv2.resize(skimage.data.astronaut(), (180, 300))
        pictures.append(rgb)
    assert cuts(*pictures) == [False] * 10


def test_another_size_of_the_same_picture_is_none() -> None:
    rgb = view(scene(0))
    small = cv2.resize(rgb, (320, 180), interpolation=cv2.INTER_AREA)
    assert cuts(rgb, small, rgb) == [False, False, False]


def test_of_empty_pictures_nothing_is_said() -> None:
    dark, grey = np.zeros((360, 640, 3), np.uint8), np.full((360, 640, 3), 128, np.uint8)
    assert cuts(dark, grey, view(scene(0))) == [False, False, False]


@given(st.integers(32, 1500), st.integers(32, 1500))
def test_any_size_is_taken(height: int, width: int) -> None:
    noise = np.random.default_rng(height * width).integers(0, 255, (height, width, 3), dtype=np.uint8)
    assert cuts(noise, noise) == [False, False]
