"""Time of a step of the separator by chunk length, backend and faces. `python -m bench.separate`."""

from __future__ import annotations

import torch

from bench.page import publish, table, verdict
from models.separation.runtime import WEIGHTS
from models.train.separation import pace

LIMIT = 0.2
FACES = (1, 2, 4)


def main() -> None:
    every = pace.table(WEIGHTS, FACES)
    rows = [
        [
            p.backend,
            str(p.faces),
            f"{p.chunk} ms",
            f"{p.latency:.0f} ms",
            f"{p.cpu:.2f} ms",
            f"{p.wall:.2f} ms",
            f"{p.slow:.2f} ms",
            f"{p.real_time / p.faces:.3f}",
        ]
        for p in every
    ]
    head = ["backend", "faces", "chunk", "algorithmic latency", "CPU a step", "wall a step", "wall, 99th percentile"]
    text = table([*head, "real-time factor a face"], rows)
    one = next(p for p in every if (p.backend, p.faces, p.chunk) == ("onnx8", 1, 20))
    text += (
        "\n\nOne thread. The network runs in blocks of 20 ms: a longer chunk is several of them and sounds the same. "
        "onnx8 keeps large layers in 8 bits and is what a call uses; onnx and torch are float32. "
    )
    text += f"Limit: one face on one core at most {LIMIT} of real time (ONNX, 8 bits): {verdict(one.real_time, LIMIT)}."
    if torch.cuda.is_available():
        text += f" Rows a batch within 20 ms on this GPU: {pace.rows_in_time(WEIGHTS)}."
    publish("separate", "python -m bench.separate", text)


if __name__ == "__main__":
    main()
