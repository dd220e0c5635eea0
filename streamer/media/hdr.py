"""High dynamic range (PQ, HLG) brought into the range of ordinary pictures, by a table of colours."""

from __future__ import annotations

import functools
import tempfile
import threading
from pathlib import Path

import av
import av.filter
import numpy as np

from models.common.arrays import F32

PQ, HLG = 16, 18
"""Numbers of these transfer characteristics in H.273."""

SDR = 1
"""Number of BT.709 there, for transfer, primaries and matrix."""

WHITE, PEAK = 203.0, 1000.0
"""Candela per square metre of white paper (ITU-R BT.2408), which becomes nearly white, and of what becomes white."""

KNEE = 0.6
"""Share of paper white up to which light is kept as it is; above it highlights are squeezed."""

SIZE = 65
"""Colours a side of the table."""

WIDER = np.array(((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187)))
"""BT.2020 light to BT.709 light (ITU-R BT.2087)."""


def is_hdr(frame: av.VideoFrame) -> bool:
    """Return whether a picture is of high dynamic range."""
    return frame.color_trc in (PQ, HLG)


def light(code: F32, transfer: int) -> F32:
    """Return the light of R, G, B (..., 3) in [0, 1] of a transfer, in shares of paper white."""
    code = code.astype(np.float64)
    if transfer == PQ:
        root = code ** (32 / 2523)
        shown = 10_000 * (np.maximum(root - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * root)) ** (16_384 / 2610)
    else:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
        luma = scene @ (0.2627, 0.678, 0.0593)
        shown = PEAK * scene * luma[..., None] ** 0.2
    return np.asarray(shown / WHITE, np.float32)


def toned(wide: F32) -> F32:
    """Return what an ordinary screen is sent, R, G, B in [0, 1], for BT.2020 light in shares of paper white."""
    narrow = np.maximum(wide @ WIDER.T, 0)
    most = np.maximum(narrow.max(axis=-1, keepdims=True), 1e-6)
    room, span = 1 - KNEE, (PEAK / WHITE - KNEE) / (1 - KNEE)
    over = np.clip((most - KNEE) / room, 0, span)
    squeezed = np.where(most > KNEE, KNEE + room * over * (1 + over / span**2) / (1 + over), most)
    return np.asarray(np.clip(narrow * squeezed / most, 0, 1) ** (1 / 2.4), np.float32)


@functools.cache
def table(transfer: int) -> str:
    """Return the table of a transfer as the text of a .cube file."""
    side = np.linspace(0, 1, SIZE, dtype=np.float32)
    blue, green, red = np.meshgrid(side, side, side, indexing="ij")
    colours = toned(light(np.stack([red, green, blue], axis=-1), transfer)).reshape(-1, 3)
    return "\n".join([f"LUT_3D_SIZE {SIZE}", *(f"{r:.6f} {g:.6f} {b:.6f}" for r, g, b in colours)])


class ToSdr:
    """Converts pictures; may be used on several threads."""

    def __init__(self) -> None:
        self._own = threading.local()

    def __call__(self, frame: av.VideoFrame, width: int, height: int, format: str) -> av.VideoFrame:
        """Return a picture of high dynamic range as an ordinary one of this size and format."""
        graphs = self._own.__dict__
        key = f"{width}x{height}:{frame.color_trc}"
        if key not in graphs:
            graphs.clear()
            graphs[key] = _graph(width, height, int(frame.color_trc))
        wide = frame.reformat(width=width, height=height, format="rgb48le")
        graphs[key].vpush(wide)
        ordinary = graphs[key].vpull()
        ordinary.color_trc = ordinary.color_primaries = SDR
        same: av.VideoFrame = ordinary.reformat(
            format=format, dst_colorspace=SDR, dst_color_range=0 if format == "rgb24" else 1
        )
        return same


def _graph(width: int, height: int, transfer: int) -> av.filter.Graph:
    graph = av.filter.Graph()
    with tempfile.TemporaryDirectory(prefix="earshot-") as folder:
        (Path(folder) / "sdr.cube").write_text(table(transfer), encoding="ascii")
        source = graph.add("buffer", f"video_size={width}x{height}:pix_fmt=rgb48le:time_base=1/25:pixel_aspect=1/1")
        tone = graph.add("lut3d", f"file={folder}/sdr.cube:interp=trilinear")
        sink = graph.add("buffersink")
        source.link_to(tone)
        tone.link_to(sink)
        graph.configure()
    return graph
