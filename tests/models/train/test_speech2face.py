import numpy as np
import pytest
import torch

from models.speech2face.decoder import GRID, SIDE
from models.train.speech2face import fit_decoder
from models.train.speech2face.data import HOME, Material, Person
from models.train.speech2face.drawings import frechet, nearest
from models.train.speech2face.evaluate import (
    APART,
    by_person,
    embeddings,
    interval,
    kept_apart,
    parts,
    permuted,
    scored,
)
from models.train.speech2face.train import fit


def person(number, source=HOME):
    return Person(f"t{number}", f"{source}clip {number}", 0, 48_000, ("face.jpg",), None)


@pytest.fixture(scope="module")
def material():
    """150 people whose faces, genders and ages are in their voices, in a simple way and with noise."""
    random = np.random.default_rng(0)
    hidden = random.standard_normal((150, 6)).astype(np.float32)
    who = np.repeat(np.arange(150), 2)
    to_print = random.standard_normal((6, 448)).astype(np.float32)
    prints = hidden[who] @ to_print + random.standard_normal((300, 448)).astype(np.float32)
    faces = (0.1 * hidden @ random.standard_normal((6, 128)) + 0.02 * random.standard_normal((150, 128))).astype(
        np.float32
    )
    female, years = (hidden[:, 0] > 0).astype(np.float64), 35.0 + 12 * hidden[:, 1].astype(np.float64)
    people = [person(i) for i in range(150)]
    return Material(people, prints.astype(np.float32), who, faces, faces, female, years)


def test_the_network_learns_faces_genders_and_ages_of_people_it_never_heard(material):
    train = np.arange(150) < 100
    net = fit(material, train)
    guess = by_person(material, embeddings(net, material.prints))[~train]
    mean = material.faces[train].mean(axis=0)
    figures = scored(guess, material.faces[~train], material.female[~train], mean).figures()
    assert figures["R@5"].mean() > 60 and figures["two within"].mean() > 85
    x = net.scaled(torch.from_numpy(material.prints[200:]))
    female = material.female[material.who[200:]] > 0.5
    assert ((net.gender(x)[:, 0].numpy() > 0) == female).mean() > 0.9
    young = net.age(x).softmax(-1)[:, :2].sum(1).numpy()
    assert np.corrcoef(young, material.years[material.who[200:]])[0, 1] < -0.5


def test_a_taught_network_is_the_same_again(material):
    train = np.ones(150, bool)
    one, other = (fit(material, train) for _ in range(2))
    for name, value in one.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], value, msg=name)


def test_ranks_count_the_faces_that_lie_nearer():
    faces = np.eye(4, 128, dtype=np.float32)
    guess = faces[[0, 0, 2, 3]] + np.float32(0.1) * faces[[0, 1, 2, 3]]
    scores = scored(guess, faces, np.array([1.0, 1.0, 0.0, 0.0]), np.zeros(128, np.float32))
    assert scores.rank.tolist() == [0, 1, 0, 0] and scores.rank_within.tolist() == [0, 1, 0, 0]
    assert scores.two.tolist() == [1, pytest.approx(2 / 3), 1, 1] and scores.two_within.tolist() == [1, 0, 1, 1]
    assert scores.figures()["R@1"].mean() == 75


def test_one_guess_for_everybody_is_worth_what_chance_is():
    random = np.random.default_rng(0)
    faces = random.standard_normal((200, 128)).astype(np.float32)
    guess = np.zeros_like(faces)
    female = (random.random(200) > 0.5).astype(np.float64)
    middle = np.zeros(128, np.float32)
    assert scored(guess, faces, female, middle).two.mean() == pytest.approx(0.5, abs=0.01)
    mean, low, high = permuted(guess + 0.1 * faces, faces, female, middle, draws=40)["R@10"]
    assert low < mean < high and mean == pytest.approx(5, abs=1)


def test_other_sources_are_kept_apart_whole_and_always_the_same_people():
    people = [person(i) for i in range(600)] + [person(i, "elsewhere/") for i in range(600, 620)]
    apart = kept_apart(people)
    assert apart.sum() == APART and apart[600:].all()
    np.testing.assert_array_equal(kept_apart(people[::-1])[::-1], apart)
    groups = parts(people)
    np.testing.assert_array_equal(np.sum(groups, axis=0), 1)
    np.testing.assert_array_equal(groups[0], np.arange(620) >= 600)


def test_the_interval_holds_the_mean():
    mean, low, high = interval(np.random.default_rng(1).random(400))
    assert low < mean < high and high - low == pytest.approx(2 * 1.96 * np.sqrt(1 / 12 / 400), rel=0.15)


def test_the_frechet_distance_sees_mean_and_spread():
    random = np.random.default_rng(0)
    a = random.standard_normal((4000, 3)).astype(np.float32)
    assert frechet(a, a) == pytest.approx(0, abs=1e-6)
    assert frechet(a, a + 1) == pytest.approx(3, rel=0.01)
    assert frechet(a, 2 * a) == pytest.approx(3, rel=0.1)


def test_the_nearest_is_found():
    a, b = np.zeros((1, 128), np.float32), np.stack([np.full(128, 1.0), np.full(128, 0.5)]).astype(np.float32)
    assert nearest(a, b)[0] == pytest.approx(0.5 * np.sqrt(128), rel=1e-5)


def test_the_decoder_learns_texture_and_shape_from_embeddings():
    random = np.random.default_rng(0)
    embeddings = random.standard_normal((200, 128))
    shaped = np.full((200, SIDE, SIDE, 3), 128, np.uint8)
    shaped[..., :48, 0] = np.clip(128 + 40 * embeddings[:, 0], 0, 255).astype(np.uint8)[:, None, None]
    flows = np.zeros((200, GRID, GRID, 2), np.float32)
    net = fit_decoder.fit(embeddings, shaped, flows)
    high = torch.zeros(1, 128)
    high[0, 0] = 2.0
    picture = net(high)[0] * 255
    assert float(picture[0, :, 5].mean()) == pytest.approx(208, abs=12)
    assert float(picture[1, :, 90].mean()) == pytest.approx(128, abs=6)


def test_a_picture_that_is_flowed_into_another_shape_comes_back():
    random = np.random.default_rng(0)
    points = np.array([(x, y) for x in range(20, 80, 10) for y in range(20, 80, 10)], np.float64)
    moved = points + random.uniform(-2, 2, points.shape)
    y, x = np.mgrid[:SIDE, :SIDE]
    smooth = np.stack([128 + 60 * np.sin(x / 9), 128 + 60 * np.sin(y / 7), 128 + 0 * x], -1).astype(np.uint8)
    there = fit_decoder.warped(smooth, fit_decoder.flow_between(points, moved))
    back = fit_decoder.warped(there, fit_decoder.flow_between(moved, points))
    error = np.abs(back.astype(int) - smooth)[20:76, 20:76].mean()
    assert error < 3 and error < 0.4 * np.abs(there.astype(int) - smooth)[20:76, 20:76].mean()
