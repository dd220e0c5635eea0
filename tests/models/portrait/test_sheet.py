import base64
import json

import cv2
import numpy as np

from models.portrait.draw import Portrait
from models.portrait.sheet import sheet


def test_a_sheet_holds_the_net_as_it_is_and_the_picture_with_what_it_says(found, mouth):
    portrait = Portrait(*found, mouth.rest)
    made = json.loads(json.dumps(sheet(portrait, mouth, b"<made/>")))
    assert len(json.dumps(made)) < 250_000

    def numbers(name, fine):
        return np.frombuffer(base64.b64decode(made[name]), "<i2") * fine

    rig, fine = portrait.rig, made["fine"]
    np.testing.assert_allclose(numbers("points", fine["points"]).reshape(-1, 2), rig.points, atol=1 / 32)
    np.testing.assert_allclose(numbers("moves", fine["moves"]).reshape(-1, 40), rig.moves, atol=fine["moves"])
    np.testing.assert_allclose(numbers("basis", fine["lips"]).reshape(-1, 40, 2), mouth.basis, atol=fine["lips"])
    triangles = np.frombuffer(base64.b64decode(made["triangles"]), "<u2").reshape(-1, 3)
    np.testing.assert_array_equal(triangles, rig.triangles)
    picture = base64.b64decode(made["picture"])
    assert picture[2:4] == b"\xff\xe1" and b"<made/>" in picture[:200]
    shown = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert shown.shape == portrait.rgb.shape and np.abs(shown.astype(int) - portrait.rgb).mean() < 6
    teeth = cv2.imdecode(np.frombuffer(base64.b64decode(made["inside"]["teeth"]), np.uint8), cv2.IMREAD_UNCHANGED)
    left, top, right, bottom = made["inside"]["area"]
    assert teeth.shape == (bottom - top, right - left, 4)
