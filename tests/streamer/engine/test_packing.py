from dataclasses import replace

import av
import msgpack
import numpy as np
import pytest

from models.active_speaker.alone import Stretch
from models.active_speaker.attribution import Attribution, VoicePrint
from models.faces.tracker import Face
from streamer.engine import packing
from streamer.engine.types import BLOCK, FaceState, SpeakerState, Voices
from streamer.workers import framing

FACE = FaceState(3, (0.1, 0.2, 0.3, 0.4), 0.9, True, 0.75, "known", 0.5, None)


def travelled(message):
    return msgpack.unpackb(msgpack.packb(message), raw=False)


def test_voices_come_back_bit_for_bit():
    rng = np.random.default_rng(0)
    pcm = rng.standard_normal((2, BLOCK)).astype(np.float32)
    sent = Voices(12.5, [3, 4], pcm, pcm.sum(0), [FACE])
    got = packing.unpack_voices(packing.pack_voices(sent))
    assert list(got) == [3, 4]
    np.testing.assert_array_equal(got[3], pcm[0])
    np.testing.assert_array_equal(got[4], pcm[1])
    assert packing.unpack_faces(packing.pack_faces(sent.faces)) == [FACE]


def test_voices_without_a_face_travel_with_what_they_say():
    others = [SpeakerState(-1, 0.75, "known", 0.5), SpeakerState(-2, 0.1, "listening", 0.0)]
    pcm = np.ones((1, BLOCK), np.float32)
    message = travelled(packing.pack_voices(Voices(12.5, [-1], pcm, pcm[0], [], others)))
    assert list(packing.unpack_voices(message)) == [-1]
    assert packing.unpack_others(message) == others


def test_what_is_clean_travels_where_it_is_wanted():
    sent = Voices(0.0, [], np.zeros((0, BLOCK), np.float32), np.ones(BLOCK, np.float32), [])
    assert packing.unpack_clean(travelled(packing.pack_voices(sent))) is None
    clean = np.arange(BLOCK, dtype=np.float32)
    got = packing.unpack_clean(travelled(packing.pack_voices(replace(sent, clean=clean))))
    np.testing.assert_array_equal(got, clean)


def test_no_faces_are_no_voices():
    sent = Voices(0.0, [], np.zeros((0, BLOCK), np.float32), np.ones(BLOCK, np.float32), [])
    assert packing.unpack_voices(packing.pack_voices(sent)) == {}


@pytest.mark.parametrize(
    ("width", "height", "seen"),
    [(640, 480, (480, 640)), (1280, 720, (360, 640)), (1920, 1080, (540, 960)), (101, 75, (74, 100))],
)
def test_pictures_travel_thinned_and_even(width, height, seen):
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[:, width // 2 :] = (200, 40, 40)
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
    got = packing.unpack_picture(packing.pack_picture(frame))
    assert got.shape == (*seen, 3)
    assert got[seen[0] // 2, seen[1] // 4].max() < 8
    assert abs(got[seen[0] // 2, seen[1] * 3 // 4].astype(int) - (200, 40, 40)).max() < 10


def test_other_pixel_formats_are_converted():
    rgb = np.full((64, 64, 3), (200, 40, 40), np.uint8)
    got = packing.unpack_picture(packing.pack_picture(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
    assert abs(got[32, 32].astype(int) - (200, 40, 40)).max() < 10


@pytest.mark.parametrize(("width", "height"), [(1, 1), (640, 16), (64, 8000)])
def test_pictures_of_no_use_are_refused(width, height):
    with pytest.raises(ValueError, match=f"{width}x{height}"):
        packing.pack_picture(av.VideoFrame(width, height, "yuv420p"))


def test_a_picture_of_any_shape_fits_into_a_message():
    tall = packing.pack_picture(av.VideoFrame(2000, 8000, "yuv420p"))
    assert len(framing.encode(tall)) < framing.MAX_MESSAGE / 8


def test_who_speaks_comes_back_as_it_was():
    known = Attribution(
        t=1.5,
        speech=0.9,
        overlap=0.1,
        speakers={1: 0.7, -1: 0.3},
        prints={-1: VoicePrint(np.arange(256, dtype=np.float32), 2.0, 0.9)},
        lip_means={1: np.arange(4, dtype=np.float32).reshape(2, 2)},
        lately=frozenset({1, -1}),
        alone=(Stretch(1.0, 1.2, -1), Stretch(1.2, 1.4, None)),
        joined=((-2, 1),),
    )
    back = packing.unpack_attribution(travelled(packing.pack_attribution(known)))
    assert (back.alone, back.joined) == (known.alone, known.joined)
    assert (back.t, back.speech, back.overlap, back.speakers, back.lately) == (
        *(known.t, known.speech, known.overlap),
        *({1: 0.7, -1: 0.3}, frozenset({1, -1})),
    )
    np.testing.assert_array_equal(back.prints[-1].print, known.prints[-1].print)
    assert (back.prints[-1].seconds, back.prints[-1].confidence) == (2.0, 0.9)
    np.testing.assert_array_equal(back.lip_means[1], known.lip_means[1])
    assert packing.unpack_attribution(travelled(packing.pack_attribution(Attribution()))) == Attribution()


def test_what_the_tracker_found_comes_back_without_its_landmarks():
    face = Face(3, (0.1, 0.2, 0.3, 0.4), 0.9, np.arange(4, dtype=np.float32), True, np.zeros((468, 2), np.float32))
    (back,) = packing.unpack_found(travelled({"faces": packing.pack_found([face])})["faces"])
    assert (back.id, back.box, back.score, back.lips_visible, back.landmarks) == (3, face.box, 0.9, True, None)
    np.testing.assert_array_equal(back.lips, face.lips)
