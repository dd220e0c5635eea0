import cv2
import numpy as np
import pytest

from streamer.portraits.photo import BadPhotoError, read_photo


def jpeg(width: int, height: int, *more: int) -> bytes:
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, : width // 2] = (255, 0, 0)
    done, coded = cv2.imencode(".jpg", picture[..., ::-1], list(more))
    assert done
    return coded.tobytes()


@pytest.mark.parametrize("more", [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)])
def test_a_photo_is_read_as_it_is(more):
    found = read_photo(jpeg(64, 48, *more))
    assert found.shape == (48, 64, 3) and found.dtype == np.uint8
    assert np.abs(found[24, 10].astype(int) - [255, 0, 0]).max() < 10


def test_one_that_says_it_is_huge_is_not_decoded(monkeypatch):
    data = jpeg(64, 48)
    at = data.index(b"\xff\xc0")
    huge = data[: at + 5] + b"\xff\xff\xff\xff" + data[at + 9 :]
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(BadPhotoError, match="65535 x 65535"):
        read_photo(huge)


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n" + bytes(64), b"\xff\xd8\xff\xe0" + bytes(60), jpeg(64, 48)[:160]]
)
def test_what_is_no_jpeg_is_refused(data):
    with pytest.raises(BadPhotoError):
        read_photo(data)
