import struct
import zlib

import cv2
import numpy as np

from streamer.media.made import SOURCE
from streamer.media.made_face import MARK, SIDE, STRIP, made_png, marked


def chunks(png):
    at = 8
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        assert struct.unpack(">I", png[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + data)
        yield kind, data
        at += 12 + size


def test_the_mark_stands_below_the_face_which_fades_into_light_ground():
    face = np.full((96, 96, 3), 120, np.uint8)
    picture = marked(face)
    assert picture.shape == (SIDE + STRIP, SIDE, 3)
    assert (picture[100:284, 100:284] == 120).all()
    assert (picture[:20, :20] == 245).all() and (picture[SIDE - 20 : SIDE, -20:] == 245).all()
    letters = (picture[SIDE:, :, 0] > 200).any(axis=0)
    assert len(MARK) * 8 < letters.sum() and not letters[:20].any() and not letters[-20:].any()


def test_the_metadata_say_that_it_is_synthetic():
    found = list(chunks(made_png(marked(np.zeros((96, 96, 3), np.uint8)))))
    assert [kind for kind, _ in found][:2] == [b"IHDR", b"iTXt"] and found[-1][0] == b"IEND"
    keyword, _, text = found[1][1].partition(bytes(5))
    assert keyword == b"XML:com.adobe.xmp"
    assert f'DigitalSourceType="{SOURCE}"' in text.decode() and SOURCE.endswith("/trainedAlgorithmicMedia")


def test_any_reader_of_pictures_reads_it():
    picture = np.random.default_rng(0).integers(0, 255, (50, 40, 3), np.uint8)
    read = cv2.imdecode(np.frombuffer(made_png(picture), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(read[..., ::-1], picture)
