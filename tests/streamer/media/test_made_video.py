import struct

import numpy as np

from streamer.media.made import SOURCE, xmp
from streamer.media.made_video import COMMENT, XMP_BOX, Mark, add_xmp


def test_the_packet_is_a_box_of_its_own_at_the_end(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"before")
    add_xmp(path)
    box = path.read_bytes()[6:]
    assert struct.unpack(">I", box[:4])[0] == len(box)
    assert box[4:8] == b"uuid" and box[8:24] == XMP_BOX and box[24:] == xmp(COMMENT)
    assert SOURCE.encode() in box and COMMENT.encode() in box


def test_the_mark_is_in_the_lower_left_corner_whatever_the_ground():
    for ground in (0, 128, 255):
        picture = np.full((240, 320, 3), ground, np.uint8)
        Mark(320, 240).draw(picture)
        changed = np.argwhere(np.abs(picture.astype(int) - ground).max(axis=2) > 60)
        assert len(changed) > 150
        assert changed[:, 0].min() > 200 and changed[:, 1].max() < 160
        inside = picture[changed[:, 0].min() : changed[:, 0].max() + 1, changed[:, 1].min() : changed[:, 1].max() + 1]
        assert inside.min() < 120 and inside.max() > 200


def test_pictures_that_are_smaller_than_the_mark_get_what_fits():
    picture = np.zeros((30, 40, 3), np.uint8)
    Mark(40, 30).draw(picture)
    assert picture.max() > 200
