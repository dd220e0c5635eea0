"""What is known of faces and voices as bytes: all of it comes back, and what is no memory is refused."""

import msgpack
import numpy as np
import pytest

from models.active_speaker.attribution import VoicePrint
from models.faces.looks import Looks
from models.faces.mesh import Mesh
from models.faces.track import Track
from models.faces.tracker import FaceMemory
from streamer.engine.memory import LARGEST, pack_memory, plain, unpack_memory

NUMBERS = np.random.default_rng(7)


def numbers(*shape):
    return NUMBERS.normal(size=shape).astype(np.float32)


def person(id, met=()):
    points = numbers(468, 3) * 40 + 200
    looks = Looks(list(numbers(3, 128)), 17)
    return Track(Mesh(points, 0.9), 12.5 + id, 0.0, 0.0, id=id, looks=looks, met=set(met), placed=id != 2)


FACES = FaceMemory((person(1, [2]), person(2, [1]), person(5)), 6, (480, 640))
PRINTS = {1: VoicePrint(numbers(256), 3.5, 0.75), -2: VoicePrint(numbers(256), 1.25, 0.5)}


def test_everything_that_is_asked_of_somebody_out_of_sight_comes_back():
    faces, prints = unpack_memory(pack_memory(plain(FACES), PRINTS))
    assert (faces.next_id, faces.shape) == (6, (480, 640))
    for before, after in zip(FACES.tracks, faces.tracks, strict=True):
        for name in ("id", "t", "met", "placed"):
            assert getattr(after, name) == getattr(before, name), name
        np.testing.assert_allclose(after.mesh.box, before.mesh.box, atol=1e-4)
        assert after.looks.taken == 17
        np.testing.assert_array_equal(after.looks.kept, before.looks.kept)
    assert prints.keys() == PRINTS.keys()
    for id, one in PRINTS.items():
        np.testing.assert_array_equal(prints[id].print, one.print)
        assert (prints[id].seconds, prints[id].confidence) == (one.seconds, one.confidence)


def test_a_person_takes_four_thousand_bytes_at_most():
    looks = Looks(list(numbers(5, 128)), 99)
    full = [Track(Mesh(numbers(468, 3), 1.0), 0.0, 0.0, 0.0, id=i + 1, looks=looks) for i in range(32)]
    prints = {i + 1: VoicePrint(numbers(256), 1.0, 1.0) for i in range(32)}
    assert len(pack_memory(plain(FaceMemory(tuple(full), 33, (1, 1))), prints)) < 32 * 4000


def broken(**change):
    return msgpack.packb(msgpack.unpackb(pack_memory(plain(FACES), PRINTS)) | change)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04pickle",
        pack_memory(plain(FACES), PRINTS)[:-3],
        bytes(LARGEST + 1),
        broken(people=[[1, [0, 0, 1, 1], 0.0, [b"short"], 1, [], True]]),
        broken(people=[[9, [0, 0, 1, 1], 0.0, [], 1, [], True]]),
        broken(people=[[1, [0, 0, float("nan"), 1], 0.0, [], 1, [], True]]),
        broken(people=[[1, [0, 0, 1, 1], 0.0, [], 1, [], True]] * 65),
        broken(voices=[[1, np.full(256, np.inf, np.float32).tobytes(), 1.0, 1.0]]),
        broken(shape=[1]),
        msgpack.packb([1, 2]),
    ],
)
def test_what_is_no_memory_is_refused(data):
    with pytest.raises(ValueError, match="memory"):
        unpack_memory(data)
