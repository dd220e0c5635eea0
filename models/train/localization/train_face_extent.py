"""Teaches `FaceExtent` where the face detector sees faces.

    python -m models.train.localization.train_face_extent --data DIR --work DIR

Pictures are Flickr8k's and those of the composed scenes in the work folder; the boxes are the detector's and mesh's
own, of all faces alike.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from models.common.arrays import F32, U8, Bools, Numbers
from models.faces.detect import FaceDetector
from models.faces.mesh import FaceMesher, roi_of_detection, roi_of_mesh
from models.localization.face_extent import FaceExtent, extent_loss, middles
from models.train.localization.scene_stock import load_stock
from models.vision.image_runtime import ImageRuntime

PLAIN = 700
"""Flickr8k pictures with faces, and a third as many without."""


def boxes_in(rgb: U8, detector: FaceDetector, mesher: FaceMesher) -> F32:
    """Find faces of at least a tenth of the picture's width: (N, 4) left, top, right, bottom as fractions."""
    size = np.array([rgb.shape[1], rgb.shape[0]] * 2, np.float32)
    boxes = []
    for found in detector.whole(rgb):
        if found.box[2] > 0.1 * rgb.shape[1]:
            mesh = mesher.mesh(rgb, roi_of_detection(found.box, found.keypoints))
            mesh = mesher.mesh(rgb, roi_of_mesh(mesh))
            if mesh.score > 0.6:
                x, y, w, h = mesh.box
                boxes.append(np.array([x, y, x + w, y + h], np.float32) / size)
    return np.array(boxes, np.float32).reshape(-1, 4)


def cell_targets(boxes: F32) -> tuple[F32, Bools]:
    """Find for each cell the smallest face that holds its middle: (196, 4), and whether there is one (196,)."""
    x, y = (v.ravel() for v in middles())
    target, owner = np.tile(np.array([0, 0, 1, 1], np.float32), (len(x), 1)), np.zeros(len(x), bool)
    for box in sorted(boxes, key=lambda b: -(b[2] - b[0]) * (b[3] - b[1])):
        inside = (x > box[0]) & (x < box[2]) & (y > box[1]) & (y < box[3])
        target[inside], owner = box, owner | inside
    return target, owner


def collect(data: Path, work: Path, half: str) -> dict[str, Numbers]:
    """Collect grids and targets of all pictures, kept in the work folder."""
    kept = work / f"extent-{half}.npz"
    if kept.is_file():
        return dict(np.load(kept))
    detector, mesher = FaceDetector(), FaceMesher()
    rows: dict[str, list[Numbers]] = {"middle": [], "top": [], "target": [], "owner": []}

    def add(middle: Numbers, top: Numbers, boxes: F32) -> None:
        target, owner = cell_targets(boxes)
        rows["middle"].append(middle.astype(np.float16))
        rows["top"].append(top.astype(np.float16))
        rows["target"].append(target)
        rows["owner"].append(owner)

    for path in sorted(work.glob(f"{half}-[0-9][0-9][0-9].npz")):
        shard = np.load(path)
        for middle, top, small in zip(shard["middle"], shard["top"], shard["picture"], strict=True):
            add(middle, top, boxes_in(cv2.resize(small, (224, 224)), detector, mesher))
    if half == "train":
        stock, encoder = load_stock(data, half, work), ImageRuntime()
        faced = list(dict.fromkeys([face.picture for face in stock.faces] + sorted(stock.faced)))[:PLAIN]
        others = [name for name in stock.encoded if name not in stock.faced][: PLAIN // 3]
        for name in faced + others:
            rgb = stock.picture(name)
            grids = encoder.encode(rgb[None])
            add(grids.middle[0], grids.top[0], boxes_in(rgb, detector, mesher))
    arrays = {name: np.stack(values) for name, values in rows.items()}
    np.savez(kept, **arrays)  # type: ignore[arg-type]  # as if one could be `allow_pickle`
    return arrays


def main() -> None:
    """Train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=1.5, help="of processor time")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    train, dev = (
        {name: torch.from_numpy(value) for name, value in collect(options.data, options.work, half).items()}
        for half in ("train", "dev")
    )
    net = FaceExtent()
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.05)
    began, step = time.process_time(), 0

    def loss_of(part: dict[str, Tensor], rows: Tensor, flip: bool) -> Tensor:
        middle, top, target = part["middle"][rows].float(), part["top"][rows].float(), part["target"][rows]
        owner = part["owner"][rows]
        if flip:
            middle, top = middle.flip(-1), top.flip(-1)
            owner = owner.view(-1, 14, 14).flip(-1).flatten(1)
            target = target.view(-1, 14, 14, 4).flip(-2).flatten(1, 2)[..., [2, 1, 0, 3]] * torch.tensor([-1, 1, -1, 1])
            target = target + torch.tensor([1, 0, 1, 0])
        return extent_loss(net(middle, top), target, owner)

    while (share := (time.process_time() - began) / (60 * options.minutes)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * (0.02 + 0.98 * (1 - share))
        loss = loss_of(train, torch.randint(len(train["owner"]), (32,)), bool(step % 2))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        step += 1
        if step % 100 == 0:
            net.eval()
            with torch.inference_mode():
                judged = float(loss_of(dev, torch.arange(len(dev["owner"])), False))
            print(f"{step}: {float(loss.detach()):.3f}, dev {judged:.3f}")
            net.train()
    net.eval()
    kept = {n: v.half().contiguous() for n, v in net.state_dict().items() if v.is_floating_point()}
    save_file(kept, options.work / "extent.safetensors")


if __name__ == "__main__":
    main()
