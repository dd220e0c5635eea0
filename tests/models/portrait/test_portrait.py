import numpy as np
import pytest
import skimage.data

from models.faces.mesh import INNER_LIP, FaceMesher, aligned_lips, roi_of_mesh
from models.portrait.draw import Portrait
from models.portrait.find import UnfitPortraitError, find_portrait
from models.portrait.life import SWAY, Stance, stances
from models.portrait.mouth import opening
from models.portrait.rig import INNER_LOWER, INNER_UPPER, Rig
from models.portrait.topology import LIDS, LOWER_ROWS, STILL, UPPER_ROWS


@pytest.fixture(scope="module")
def rest(mouth):
    return mouth.rest


def opened(rest, gap):
    """The closed mouth with its lower lip further down, most in the middle."""
    shape = rest.copy()
    profile = 1 - (np.arange(11) / 5 - 1) ** 2
    shape[INNER_LOWER, 1] += gap * profile
    shape[:11, 1] += 0.9 * gap * profile
    return shape


@pytest.fixture(scope="module")
def rig(found, rest):
    rgb, mesh = found
    return Rig(mesh, rgb.shape[1], rgb.shape[0], rest)


@pytest.fixture(scope="module")
def portrait(found, rest):
    return Portrait(*found, rest)


def test_the_place_of_each_lip_point_in_its_row_is_that_of_the_contours():
    assert [INNER_LIP[k - 20] for k in INNER_UPPER] == list(UPPER_ROWS[-1])
    assert [INNER_LIP[k - 20] for k in INNER_LOWER] == list(LOWER_ROWS[-1])


@pytest.mark.parametrize("gap", [0.05, 0.12, 0.2])
def test_lips_part_by_what_the_shape_says(rig, found, rest, gap):
    shut, wide = (rig.place(shape, Stance()) for shape in (rest, opened(rest, gap)))
    unit = found[1].eye_distance
    middle = [LOWER_ROWS[-1][5], UPPER_ROWS[-1][5]]
    assert abs(float(shut[middle[0], 1] - shut[middle[1], 1])) < 0.01 * unit
    assert (wide[middle[0], 1] - wide[middle[1], 1]) / unit == pytest.approx(gap, abs=0.01)


def test_the_upper_face_keeps_still_and_the_chin_goes_along(rig, found, rest):
    shut, wide = (rig.place(shape, Stance()) for shape in (rest, opened(rest, 0.2)))
    unit = found[1].eye_distance
    assert np.abs(wide[list(STILL)] - shut[list(STILL)]).max() < 0.01 * unit
    assert np.abs(wide[468:] - rig.points[468:]).max() < 1e-2
    assert wide[152, 1] - shut[152, 1] == pytest.approx(0.6 * 0.9 * 0.2 * unit, rel=0.05)


def test_lips_never_cross_however_strange_the_shape(rig, rest):
    placed = rig.place(opened(rest, -0.3), Stance())
    assert (placed[list(LOWER_ROWS[-1]), 1] - placed[list(UPPER_ROWS[-1]), 1]).min() > -0.6


def test_what_lies_between_the_lips_is_drawn_first(rig):
    assert 0 < rig.hole <= 18 and np.isin(rig.triangles[: rig.hole], INNER_LIP).all()
    assert not np.isin(rig.triangles[rig.hole :], INNER_LIP).all(axis=1).any()


def test_no_triangle_is_turned_over_by_speaking(rig, rest):
    def areas(placed):
        a, b, c = (placed[rig.triangles[:, k]].astype(np.float64) for k in range(3))
        (x0, y0), (x1, y1) = (b - a).T, (c - a).T
        return x0 * y1 - y0 * x1

    before = areas(rig.place(opened(rest, 0.1), Stance()))
    after = areas(rig.place(opened(rest, 0.2), Stance(0.03, 0.02, 0.02, 0.05, 0.03)))
    turned = (before * after < 0) & (np.minimum(abs(before), abs(after)) > 2)
    assert not turned.any()


def test_lids_come_down(rig, rest):
    placed = rig.place(rest, Stance(lids=1.0))
    for upper, lower in LIDS:
        np.testing.assert_allclose(placed[list(upper)], placed[list(lower)], atol=1e-3)


@pytest.mark.parametrize("gap", [0.08, 0.16])
def test_a_drawn_mouth_is_seen_to_be_open_as_far_as_it_was_drawn(portrait, found, rest, gap):
    mesher, seen = FaceMesher(), []
    for shape in (rest, opened(rest, gap)):
        mesh = mesher.mesh(portrait.draw(shape, Stance()), roi_of_mesh(found[1]))
        seen.append(float(opening(aligned_lips(mesh))))
    # She smiles: the tracker does not believe that her lips are shut.
    assert 0.5 * gap < seen[1] - seen[0] < 1.1 * gap


def test_only_what_moves_is_drawn_anew(portrait, found, rest):
    rgb = found[0]
    drawn = portrait.draw(opened(rest, 0.15), Stance())
    changed = np.abs(drawn.astype(int) - rgb).max(axis=2) > 24
    left, top, width, height = found[1].box
    rows, columns = np.nonzero(changed)
    assert changed.sum() > 500 and rows.min() > top + height * 0.4
    assert columns.min() > left - 0.15 * width and columns.max() < left + 1.15 * width
    np.testing.assert_array_equal(portrait.draw(opened(rest, 0.15), Stance()), drawn)


def test_heads_move_a_little_by_their_seed_and_eyes_blink():
    gaps = np.zeros(500, np.float32)
    moves = stances(gaps, 25, 3)
    assert moves == stances(gaps, 25, 3) != stances(gaps, 25, 4)
    assert moves[0] == Stance(lids=moves[0].lids)
    lids = np.array([stance.lids for stance in moves])
    blinks = np.count_nonzero((lids[1:] > 0.4) & (lids[:-1] <= 0.4))
    assert lids.max() == pytest.approx(0.9, abs=0.1) and 3 <= blinks <= 13
    assert all(abs(getattr(stance, name)) <= size for stance in moves for name, size in SWAY.items())


def test_a_picture_without_a_face_cannot_talk():
    with pytest.raises(UnfitPortraitError, match="no face"):
        find_portrait(np.full((200, 300, 3), 90, np.uint8))


def test_neither_can_two_people_nor_a_face_of_few_pixels():
    one = np.ascontiguousarray(skimage.data.astronaut()[0:220, 110:330])
    with pytest.raises(UnfitPortraitError, match="2 faces"):
        find_portrait(np.concatenate([one, one], axis=1))
    with pytest.raises(UnfitPortraitError, match="too small: its eyes are 1"):
        find_portrait(np.ascontiguousarray(one[::4, ::4]))
