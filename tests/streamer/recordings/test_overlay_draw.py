import numpy as np
import pytest

from streamer.engine.types import FaceState
from streamer.observer.types import Localization
from streamer.recordings import lettering
from streamer.recordings.annotations import Annotations
from streamer.recordings.overlay_draw import HOT, PAPER, QUIET, TALKING, Canvas

WIDTH, HEIGHT = 640, 480


def grey() -> np.ndarray:
    planes = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
    planes[:HEIGHT] = 90
    return planes


def face(speaking: float = 0.0, box=(0.4, 0.4, 0.2, 0.2)) -> FaceState:
    return FaceState(3, box, 1.0, True, speaking, "unknown", 0.0, None)


def drawn(faces=(), annotations=None) -> np.ndarray:
    planes = grey()
    Canvas(planes, WIDTH, HEIGHT).draw(list(faces), annotations or Annotations())
    return planes


def chroma(planes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    flat = planes[HEIGHT:].reshape(-1)
    half = (HEIGHT // 2, WIDTH // 2)
    return flat[: flat.size // 2].reshape(half), flat[flat.size // 2 :].reshape(half)


def test_a_box_lies_on_the_edge_of_the_face_and_is_green_while_it_talks():
    for speaking, colour in ((0.0, QUIET), (0.9, TALKING)):
        planes = drawn([face(speaking)])
        assert planes[round(0.5 * HEIGHT), round(0.4 * WIDTH)] == colour[0]
        blue, red = chroma(planes)
        assert (blue[HEIGHT // 4, WIDTH // 5], red[HEIGHT // 4, WIDTH // 5]) == colour[1:]
        assert planes[round(0.5 * HEIGHT), round(0.5 * WIDTH)] == 90


def test_heat_tints_where_the_sound_comes_from_and_nothing_else():
    heat = np.zeros((14, 14), np.uint8)
    heat[2:5, 2:5] = 255
    place = Localization(0.0, 0.9, (0.25, 0.25), (0.15, 0.15, 0.2, 0.2), heat.tobytes())
    blue, red = chroma(drawn(annotations=Annotations(place=place)))
    row, column = round(0.25 * HEIGHT / 2), round(0.25 * WIDTH / 2)
    assert blue[row, column] < 90 and red[row, column] > 160
    assert abs(int(red[row, column]) - 128) <= abs(HOT[2] - 128)
    assert (blue[HEIGHT // 4 :, WIDTH // 4 :] == 128).all() and (red[HEIGHT // 4 :, WIDTH // 4 :] == 128).all()


def test_no_heat_is_drawn_where_nothing_to_be_seen_sounds():
    place = Localization(0.0, 0.1, None, None, b"\xff" * 196)
    assert np.array_equal(drawn(annotations=Annotations(place=place)), grey())


def test_captions_stand_below_their_face_and_others_at_the_bottom():
    said = {3: ("hello", "you"), None: ("from afar",)}
    planes = drawn([face()], Annotations(captions=said))
    below = planes[round(0.6 * HEIGHT) + 4 : round(0.6 * HEIGHT) + 20, round(0.4 * WIDTH) : round(0.4 * WIDTH) + 30]
    assert (below == PAPER[0]).mean() > 0.5
    bottom = planes[HEIGHT - 20 : HEIGHT - 8, 8:40]
    assert (bottom == PAPER[0]).mean() > 0.5
    assert (planes[: round(0.3 * HEIGHT)] == 90).all()


def test_labels_stay_in_the_picture_whatever_they_say():
    canvas = Canvas(grey(), WIDTH, HEIGHT)
    for text in ("word " * 200, "é" * 30, "w" * 9000, "김민수 😀 \u202e\x07\n", "", "a"):
        for left, edge, rises in ((-50, -20, False), (WIDTH, HEIGHT, True), (WIDTH, HEIGHT + 99, False)):
            a, b, c, d = canvas.label(text, left, edge, PAPER, rises)
            assert 0 <= a < c <= WIDTH and 0 <= b < d <= HEIGHT


def test_scene_and_tags_are_written():
    planes = drawn(annotations=Annotations(description="a dog runs", tags=("dog bark",)))
    assert (planes[:40] == PAPER[0]).sum() > 500
    assert (planes[HEIGHT - 40 : HEIGHT] == PAPER[0]).sum() > 500
    assert (planes[100:380] == 90).all()


def test_a_name_stands_in_place_of_the_number():
    plain, named = grey(), grey()
    Canvas(plain, WIDTH, HEIGHT).draw([face()], Annotations())
    Canvas(named, WIDTH, HEIGHT, {3: "Anna Maria Alessandra"}).draw([face()], Annotations())
    above = slice(round(0.4 * HEIGHT) - 20, round(0.4 * HEIGHT) - 2)
    assert (named[above] == QUIET[0]).sum() > 2 * (plain[above] == QUIET[0]).sum()


def test_names_in_any_script_are_drawn_as_they_are_written():
    plain = lettering.ink("Muller", 16)
    for name in ("Müller", "Ольга", "Γιώργος", "محمد", "Łukasz"):
        drawn = lettering.ink(name, 16)
        assert drawn.any() and drawn.shape[0] == plain.shape[0]
        assert not np.array_equal(drawn, lettering.ink("?" * len(name), 16))
        assert not np.array_equal(drawn, lettering.ink(lettering.UNKNOWN * len(name), 16))
    # The dots are there.
    assert lettering.ink("Müller", 16).sum() > plain.sum()


@pytest.fixture
def one_font(monkeypatch):
    def forget():
        for kept in (lettering.ink, lettering.fitted, lettering._drawn_by, lettering._fonts):
            kept.cache_clear()

    monkeypatch.setattr(lettering, "FONTS", lettering.FONTS[:1])
    forget()
    yield
    forget()


def test_what_no_font_has_is_read_aloud_or_a_box_and_never_a_question_mark(one_font):
    assert np.array_equal(lettering.ink("김민수", 16), lettering.ink("GimMinSu", 16))
    assert np.array_equal(lettering.ink("カナ", 16), lettering.ink("KaNa", 16))
    assert np.array_equal(lettering.ink("李", 16), lettering.ink("□", 16))
    assert not np.array_equal(lettering.ink("李", 16), lettering.ink("?", 16))


def test_heat_of_one_map_is_drawn_alike_on_every_picture():
    heat = np.random.default_rng(0).integers(0, 255, 196).astype(np.uint8)
    place = Localization(0.0, 0.9, (0.25, 0.25), None, heat.tobytes())
    assert np.array_equal(drawn(annotations=Annotations(place=place)), drawn(annotations=Annotations(place=place)))
