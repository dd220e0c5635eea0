import numpy as np
import pytest

from models.faces.detect import FaceDetector
from models.speech2face.drawn import Unusable
from models.speech2face.runtime import FaceMaker
from tests.models.speech2face.test_solo import recording


@pytest.fixture(scope="module")
def maker():
    return FaceMaker()


@pytest.fixture(scope="module")
def faces(maker):
    """Of one voice, of the same with other words, and of another voice."""
    cuts = ("beckett.wav", 6.0, 1.0), ("two_cities.wav", 6.0, 1.0), ("clone-test.wav", 4.0, 0.0)
    return [maker.draw(recording(*cut)) for cut in cuts]


def test_a_face_is_drawn_that_the_detector_finds(faces):
    detector = FaceDetector()
    for face in faces:
        assert face.picture.shape == (96, 96, 3) and face.picture.dtype == np.uint8
        assert len(detector.whole(face.picture)) == 1
        assert face.embedding.shape == (128,) and 1.2 < np.linalg.norm(face.embedding) < 1.7


def test_gender_and_age_are_probabilities(faces):
    for face in faces:
        assert sum(face.gender.values()) == pytest.approx(1) and sum(face.age.values()) == pytest.approx(1, abs=1e-5)
        assert all(0 <= p <= 1 for p in (*face.gender.values(), *face.age.values()))


def test_other_words_of_a_voice_give_nearly_the_same_face(faces):
    one, again, other = (face.embedding for face in faces)
    assert np.linalg.norm(one - again) < 0.6 * np.linalg.norm(one - other)
    one, again, other = (face.picture.astype(float) for face in faces)
    assert np.abs(one - again).mean() < np.abs(one - other).mean()


def test_a_quiet_recording_gives_nearly_the_same_face(maker, faces):
    quiet = maker.draw(np.float32(0.1) * recording("beckett.wav", 6.0))
    # Not quite: a few frames more or less are taken for speech.
    assert np.linalg.norm(quiet.embedding - faces[0].embedding) < 0.2


def test_no_voice_is_refused(maker):
    with pytest.raises(Unusable):
        maker.draw(np.zeros(80_000, np.float32))
