"""Who a face is."""

import cv2
import numpy as np

from models.common.arrays import F32, U8
from models.faces.signature import Gallery, signature
from models.faces.tracker import FaceModels
from tests.models.faces.films import steady_mesh


class TestSignature:
    def test_people_differ_more_than_pictures_of_one(self, models: FaceModels, eileen: U8, grace: U8) -> None:
        rng = np.random.default_rng(2)

        def looks(portrait: U8) -> list[F32]:
            made = []
            side = len(portrait)
            for _ in range(6):
                turn = cv2.getRotationMatrix2D((side / 2, side / 2), rng.uniform(-15, 15), rng.uniform(0.6, 1))
                rgb = cv2.warpAffine(portrait, turn, (side, side)).astype(np.float32) * rng.uniform(0.8, 1.2)
                rgb = np.clip(rgb + rng.normal(0, 5, rgb.shape), 0, 255).astype(np.uint8)
                made.append(signature(rgb, steady_mesh(models, rgb)))
            return made

        one, two = looks(eileen), looks(grace)
        gallery = Gallery()
        for look in one[:2]:
            gallery.add(look)
        assert min(gallery.likeness(look) for look in one[2:]) > max(gallery.likeness(look) for look in two) + 0.1

    def test_a_gallery_stays_small(self) -> None:
        gallery = Gallery()
        rng = np.random.default_rng(3)
        for _ in range(50):
            gallery.add(rng.normal(size=560).astype(np.float32))
        assert len(gallery) <= 8
