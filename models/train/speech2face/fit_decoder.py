"""Teach the decoder: from face embeddings to pictures, on faces alone.

    python -m models.train.speech2face.fit_decoder --data DIR --cache DIR --out FILE

Every frontal, neutral picture is brought into the mean face's shape along the landmarks of its mesh. Ridge regression
from the embedding of the real face's pictures gives the texture there and the flow that takes it back; of the texture
the leading directions are kept. No voice is heard.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import save_file
from scipy.interpolate import RBFInterpolator

from models.common.arrays import F32, F64, Array
from models.common.arrays import U8 as Pixels
from models.speech2face.decoder import COLOUR, GRID, RANK, SIDE, TO_RGB, FaceDecoder
from models.train.speech2face.data import cached, cached_faces, people, pictures, true_embeddings

LANDMARKS = 70
"""Of the mesh, spread evenly, that carry the flow."""

BORDER = 7
"""Places along each edge of the picture that stay where they are."""

SMOOTHING = 1.0
"""Of the flow, squared pixels that a landmark may be off."""

TEXTURE_RIDGE, FLOW_RIDGE = 0.2, 0.5
"""Of the regressions, in units of the embeddings' squares summed over all people."""


def spread(points: F64, count: int) -> list[int]:
    """Choose points (N, 2) evenly: each next one is the farthest from all before."""
    chosen, apart = [1], np.linalg.norm(points - points[1], axis=1)
    while len(chosen) < count:
        chosen.append(int(apart.argmax()))
        apart = np.minimum(apart, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return chosen


def flow_between(source: F64, target: F64) -> F32:
    """How far the target lies from each place of the source, interpolated by thin plates.

    Args:
        source: (K, 2) pixels.
        target: (K, 2).

    Returns:
        (GRID, GRID, 2) pixels.
    """
    line = np.linspace(0, SIDE - 1, BORDER)
    edge = np.array([(x, y) for x in line for y in line if {x, y} & {line[0], line[-1]}])
    moved = np.concatenate([target - source, np.zeros_like(edge)])
    plates = RBFInterpolator(np.concatenate([source, edge]), moved, kernel="thin_plate_spline", smoothing=SMOOTHING)
    middles = (np.arange(GRID) + 0.5) / GRID * SIDE - 0.5
    return np.asarray(plates(np.stack(np.meshgrid(middles, middles), -1).reshape(-1, 2)), np.float32).reshape(
        GRID, GRID, 2
    )


def warped(rgb: Pixels, flow: F32) -> Pixels:
    """Take every pixel from where the flow points to."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    whole = cv2.resize(flow, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    taken = cv2.remap(rgb, x + whole[..., 0], y + whole[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(taken, np.uint8)


def textures(found: list[Pixels], points: F64) -> dict[str, Array]:
    """Bring pictures into the mean face's shape.

    Returns:
        "textures" (N, SIDE, SIDE, 3), and "flows" (N, GRID, GRID, 2) that take them back, in pixels.
    """
    mean = points.mean(axis=0)
    chosen = spread(mean, LANDMARKS)
    own = [one[chosen] for one in points]
    shaped = [warped(rgb, flow_between(mean[chosen], one)) for rgb, one in zip(found, own, strict=True)]
    flows = [flow_between(one, mean[chosen]) for one in own]
    return {"textures": np.stack(shaped), "flows": np.stack(flows)}


def ridge(x: F64, y: F64, strength: float) -> tuple[F64, F64]:
    """Weights (D, K) and mean (K,) of y (N, K) from x (N, D), which has mean 0."""
    mean = y.mean(axis=0)
    return np.linalg.solve(x.T @ x + strength * np.eye(x.shape[1]), x.T @ (y - mean)), mean


def fit(embeddings: F64, shaped: Pixels, flows: F32) -> FaceDecoder:
    """Fit the decoder.

    Args:
        embeddings: (N, 128).
        shaped: (N, SIDE, SIDE, 3), in the mean face's shape.
        flows: (N, GRID, GRID, 2).
    """
    middle = embeddings.mean(axis=0)
    x = embeddings - middle
    ycc = shaped.astype(np.float64) / 255 @ np.linalg.inv(np.array(TO_RGB)).T
    light = ycc[..., 0].reshape(len(x), -1)
    colour = np.stack([cv2.resize(one, (COLOUR, COLOUR), interpolation=cv2.INTER_AREA) for one in ycc[..., 1:]])
    looks = np.concatenate([light, colour.transpose(0, 3, 1, 2).reshape(len(x), -1)], axis=1)
    to_looks, mean_looks = ridge(x, looks, TEXTURE_RIDGE)
    # In units of half the picture's side, as grid_sample wants them.
    to_flow, mean_flow = ridge(
        x, flows.transpose(0, 3, 1, 2).reshape(len(x), -1).astype(np.float64) * 2 / SIDE, FLOW_RIDGE
    )
    # The directions of the embedding that people differ most in, as the pictures show it.
    _, sizes, directions = np.linalg.svd(x @ to_looks, full_matrices=False)
    basis = directions[:RANK]
    to_code = to_looks @ basis.T
    back = np.linalg.lstsq(x @ to_code, x @ to_flow, rcond=None)[0]
    scale = sizes[:RANK] / np.sqrt(len(x))
    net = FaceDecoder()
    cut = SIDE * SIDE
    for layer, weight, bias in (
        (net.code, (to_code / scale).T, -middle @ to_code / scale),
        (net.light, (basis * scale[:, None])[:, :cut].T, mean_looks[:cut]),
        (net.colour, (basis * scale[:, None])[:, cut:].T, mean_looks[cut:]),
        (net.flow, (back * scale[:, None]).T, mean_flow),
    ):
        layer.weight.data, layer.bias.data = (torch.from_numpy(np.ascontiguousarray(v)).float() for v in (weight, bias))
    return net.eval().requires_grad_(False)


def material(data: Path, cache: Path) -> tuple[F64, Pixels, F32, list[str]]:
    """Everything that `fit` needs, of everybody who has a canonical picture: and who they are."""
    listed = people(data)
    crops = cached_faces(cache / "crops.npz", data / "train.zip", [name for p in listed for name in p.faces])
    true, _ = true_embeddings(listed, crops)
    has = [i for i, p in enumerate(listed) if p.canonical]
    names = [str(listed[i].canonical) for i in has]
    canonical = cached_faces(cache / "canonical.npz", data / "train.zip", names)
    found = cached(
        cache / "textures.npz",
        lambda: textures(pictures(data / "train.zip", names), canonical.points.astype(np.float64)),
    )
    return true[has].astype(np.float64), found["textures"], found["flows"], [listed[i].id for i in has]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--data", "--cache", "--out"):
        parser.add_argument(name, type=Path, required=True)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    embeddings, shaped, flows, _ = material(options.data, options.cache)
    net = fit(embeddings, shaped, flows)
    save_file({name: value.half().contiguous() for name, value in net.state_dict().items()}, options.out)


if __name__ == "__main__":
    main()
