"""Faces that are known to talk are lit on the map of where the sound comes from."""

import numpy as np
import pytest

from streamer.observer.talkers import with_talkers
from streamer.observer.types import Localization

NOTHING = Localization(1.0, 0.1, None, None, bytes(196))
LEFT, RIGHT = (0.0, 0.0, 2 / 14, 1 / 14), (10 / 14, 7 / 14, 4 / 14, 3 / 14)


def heat(found):
    return np.frombuffer(found.heat, np.uint8).reshape(14, 14)


def test_a_face_that_talks_is_lit_where_nothing_was_found():
    lit = with_talkers(NOTHING, [(LEFT, 0.1), (RIGHT, 0.9)])
    assert lit.t == 1.0 and lit.score == pytest.approx(0.9) and lit.box == RIGHT
    assert lit.peak == pytest.approx((12 / 14, 8.5 / 14))
    assert (heat(lit)[7:10, 10:] == 230).all() and heat(lit).sum() == 12 * 230


def test_faces_that_may_talk_change_nothing():
    assert with_talkers(NOTHING, [(LEFT, 0.69), (RIGHT, 0.3)]) == NOTHING
    assert with_talkers(NOTHING, []) == NOTHING


def test_two_who_talk_are_both_lit_and_what_was_found_on_one_of_them_stays():
    found = Localization(1.0, 0.6, (0.05, 0.05), (0.0, 0.0, 0.1, 0.1), bytes([255] + [0] * 195))
    lit = with_talkers(found, [(LEFT, 0.8), (RIGHT, 1.0)])
    assert (lit.peak, lit.box, lit.score) == (found.peak, found.box, 0.6)
    assert heat(lit)[0, 0] == 255 and heat(lit)[0, 1] == 204 and (heat(lit)[7:10, 10:] == 255).all()


def test_what_was_found_elsewhere_gives_way_to_a_surer_face_and_stays_otherwise():
    found = Localization(1.0, 0.8, (0.5, 0.95), (0.4, 0.9, 0.2, 0.1), bytes(196))
    assert with_talkers(found, [(LEFT, 0.9)]).box == LEFT
    assert with_talkers(found, [(LEFT, 0.75)]).box == found.box


def test_a_face_beyond_the_edge_has_its_place_in_the_picture():
    lit = with_talkers(NOTHING, [((0.9, -0.4, 0.4, 0.5), 1.0)])
    assert lit.peak == (1.0, 0.0) and heat(lit).max() <= 255
