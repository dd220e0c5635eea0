"""Portraits of a photo and of a voice, with the models themselves."""

import base64
import json

import cv2
import numpy as np
import pytest
import skimage.data
import soundfile
from scipy.signal import resample_poly

from models.common.weights import packaged
from models.portrait.mouth import Mouth
from streamer.portraits.maker import Maker, Refused


@pytest.fixture(scope="module")
def maker():
    return Maker(Mouth())


def jpeg(rgb):
    return cv2.imencode(".jpg", rgb[..., ::-1])[1].tobytes()


def test_a_face_is_drawn_for_one_voice_and_says_what_it_is(maker):
    path = packaged("moonshine_voice", "assets", "two_cities.wav")
    pcm, rate = soundfile.read(path, dtype="float32", always_2d=True)
    made = json.loads(maker.of_voice(resample_poly(pcm[: 7 * rate].mean(axis=1), 16_000, rate).astype(np.float32)))
    picture = base64.b64decode(made["picture"])
    assert b"trainedAlgorithmicMedia" in picture and b"Not a likeness of anybody" in picture
    assert made["width"] > 300 and 80 < made["unit"] < 200


def test_for_silence_none_is_drawn(maker):
    with pytest.raises(Refused, match=r"^No face can be drawn from what was heard: silent\.$"):
        maker.of_voice(np.zeros(7 * 16_000, np.float32))


def test_a_photo_has_one_face_in_it(maker):
    face = np.ascontiguousarray(skimage.data.astronaut()[0:220, 110:330])
    assert json.loads(maker.of_photo(jpeg(face)))["height"] > 200
    with pytest.raises(Refused, match="This photo does not do: 2 faces are found in it: a portrait has one"):
        maker.of_photo(jpeg(np.concatenate([face, face], axis=1)))
    with pytest.raises(Refused, match="no face is found in it"):
        maker.of_photo(jpeg(np.full((200, 300, 3), 90, np.uint8)))
    with pytest.raises(Refused, match="no JPEG"):
        maker.of_photo(b"GIF89a")
