"""Many blocks of the separator at once on ONNX Runtime: weights are read from memory once for all of them."""

from __future__ import annotations

import onnxruntime
import torch
from torch import Tensor, nn

from models.common.dilated import DilatedBlock, Rings
from models.common.onnx_graph import Graph
from models.separation.onnx_step import run
from models.separation.separator import BINS, FRAMES, Separator
from models.separation.voice_cue import CUE

_END = 2**31 - 1
"""An index after every other."""


class OnnxRun:
    """`OnnxCore` for any number of blocks of the same rows, not in 8 bits: from 25 blocks on that takes longer.

    Args:
        net: The network, whose weights are copied.
    """

    def __init__(self, net: Separator) -> None:
        self._rings = net.rings
        self._session = _session(net)

    def __call__(
        self, x: Tensor, lips: Tensor, voice: Tensor, memory: Tensor, steps: Tensor, recurrent: Tensor, beside: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Run T blocks of K rows.

        Args:
            x: (K, FRAMES * T, 3 * BINS) features.
            lips: (K, FRAMES * T, 2 * 96).
            voice: (K, CUE).
            memory: (K, slots, FRAMES * hidden) of these rows, see `Rings`.
            steps: (K,) blocks that these rows have run.
            recurrent: (K, width).
            beside: (K,).

        Returns:
            mask (K, FRAMES * T, 4 * BINS), memory and recurrent after the blocks.
        """
        feed = {"x": x, "lips": lips, "voice": voice, "recurrent": recurrent[None], "beside": beside}
        feed["past"] = in_order(self._rings, memory, steps)
        mask, past, last = run(self._session, feed)
        blocks = x.shape[1] // FRAMES
        return mask, in_rings(self._rings, past, steps + blocks), last[0]


def in_order(rings: Rings, memory: Tensor, steps: Tensor) -> Tensor:
    """Return the past of every block, the oldest first: (K, slots * FRAMES, hidden)."""
    rows = len(memory)
    return memory.gather(1, _places(rings, steps)[..., None].expand_as(memory)).view(rows, rings.slots * FRAMES, -1)


def in_rings(rings: Rings, past: Tensor, steps: Tensor) -> Tensor:
    """Return the memory of rows that have run `steps` blocks, given their past in order."""
    slots = past.reshape(len(past), rings.slots, -1)
    memory = torch.empty_like(slots)
    return memory.scatter_(1, _places(rings, steps)[..., None].expand_as(slots), slots)


def _places(rings: Rings, steps: Tensor) -> Tensor:
    """Return at which slot of the memory each slot of the past in order lies, (K, slots)."""
    lengths = torch.repeat_interleave(rings.length, rings.length)
    starts = torch.repeat_interleave(rings.start, rings.length)
    return starts + (steps[:, None] + torch.arange(rings.slots) - starts) % lengths


def _session(net: Separator) -> onnxruntime.InferenceSession:
    g, width = Graph(), net.width
    blocks = [block for block in net.blocks if isinstance(block, DilatedBlock)]
    hidden = blocks[0].taps.shape[1]
    x, lips, voice = (
        g.input("x", "frames", 3 * BINS),
        g.input("lips", "frames", 2 * net.lips.width),
        g.input("voice", CUE),
    )
    past = g.input("past", net.rings.slots * FRAMES, hidden)
    recurrent, beside = g.free("recurrent", 1, "rows", width), g.places("beside")
    x = g.linear(x, net.input.weight, net.input.bias)
    kept, at = [], 0
    for i, (lips_in, voice_in) in enumerate(zip(net.lips_in, net.voice_in, strict=True)):
        assert isinstance(lips_in, nn.Linear) and isinstance(voice_in, nn.Linear)
        cue = g.gelu(g.linear(g.op("Concat", x, lips, axis=2), lips_in.weight, lips_in.bias))
        scale, shift = (
            g.op("Unsqueeze", g.linear(voice, voice_in.weight[part], voice_in.bias[part] + one), g.constant([1]))
            for part, one in ((slice(0, width), 1.0), (slice(width, None), 0.0))
        )
        x = g.op("Add", g.op("Add", x, g.op("Mul", cue, scale)), shift)
        for block in blocks[i * net.depth : (i + 1) * net.depth]:
            span = 2 * block.dilation
            x, new = _dilated(g, x, block, g.slice(past, 1, at, at + span))
            kept.append(new)
            at += span
        if i == 1:
            outputs, recurrent = _recurrent(g, x, recurrent, net)
            x = g.op("Add", x, outputs)
        exchange = net.exchange[i]
        assert isinstance(exchange, nn.Linear)
        nobody = g.op("Mul", g.slice(x, 0, 0, 1), g.constant(0.0))
        partner = g.op("Gather", g.op("Concat", x, nobody, axis=0), beside, axis=0)
        x = g.op("Add", x, g.matmul(partner, exchange.weight))
    x = g.gelu(g.linear(g.norm(x, net.norm), net.out_hidden.weight, net.out_hidden.bias))
    last = (torch.cat([getattr(net.out, part), getattr(net.share, part)]) for part in ("weight", "bias"))
    return g.session(mask=g.linear(x, *last), past_out=g.op("Concat", *kept, axis=1), recurrent_out=recurrent)


def _dilated(g: Graph, x: str, block: DilatedBlock, past: str) -> tuple[str, str]:
    """Add `DilatedBlock.forward` as nodes.

    Args:
        g: To add to.
        x: (rows, frames, width).
        block: The layers.
        past: (rows, 2 * dilation, hidden) activations of the frames before.

    Returns:
        Result like x, and what is the past of the next frames.
    """
    d = block.dilation
    y = g.gelu(g.linear(g.norm(x, block.norm_in), block.widen.weight, block.widen.bias), approximate="tanh")
    all_of_it = g.op("Concat", past, y, axis=1)
    taps = [g.slice(all_of_it, 1, 0, -2 * d), g.slice(all_of_it, 1, d, -d), y]
    older, old, new = (g.op("Mul", tap, g.constant(weight)) for tap, weight in zip(taps, block.taps, strict=True))
    z = g.op("Add", g.op("Add", g.op("Add", older, g.constant(block.taps_bias)), old), new)
    z = g.norm(g.gelu(z, approximate="tanh"), block.norm_out)
    narrow = g.linear(z, block.narrow.weight, block.narrow.bias)
    return g.op("Add", x, narrow), g.slice(all_of_it, 1, -2 * d, _END)


def _recurrent(g: Graph, x: str, h: str, net: Separator) -> tuple[str, str]:
    """Add the recurrent layer: x (rows, frames, width), h (1, rows, width) -> like x, and the last h."""
    weight_in, weight_again, bias_in, bias_again = net.recurrent.parameters()

    def keep_first(x: Tensor) -> Tensor:
        # Torch has the gates as reset, keep, new; ONNX as keep, reset, new.
        reset, keep, new = x.detach().chunk(3)
        return torch.cat([keep, reset, new])

    weights = [g.constant(keep_first(weight)[None]) for weight in (weight_in, weight_again)]
    bias = g.constant(torch.cat([keep_first(bias_in), keep_first(bias_again)])[None])
    sequence = g.op("Transpose", x, perm=[1, 0, 2])
    outputs, last = g.ops("GRU", 2, sequence, *weights, bias, "", h, hidden_size=net.width, linear_before_reset=1)
    return g.op("Transpose", g.op("Squeeze", outputs, g.constant([1])), perm=[1, 0, 2]), last
