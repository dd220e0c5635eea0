"""The step of separator and lip encoder on ONNX Runtime, in a fraction of torch's time."""

from typing import Any

import onnxruntime
import torch
from torch import Tensor, nn

from models.common.dilated import DilatedBlock
from models.common.onnx_graph import Graph, dilated_block_step, dilated_blocks_past
from models.separation.lip_encoder import LIPS, LipEncoder
from models.separation.separator import BINS, FRAMES, Separator, gru_weights
from models.separation.voice_cue import CUE


class OnnxCore:
    """`Separator.core` on one CPU thread; callable in its place (`separate.Core`).

    Args:
        net: The network, whose weights are copied.
        eight_bits: Whether in 8 bits: nearly twice as fast, the voice 35 dB or more above what it changes. Else the
            numbers are torch's.
    """

    def __init__(self, net: Separator, eight_bits: bool = True) -> None:
        self._session = _separator_session(net, eight_bits)

    def __call__(
        self, x: Tensor, lips: Tensor, voice: Tensor, past: Tensor, recurrent: Tensor, beside: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See `separate.Core` for the shapes."""
        feed = {"x": x, "lips": lips, "voice": voice, "past": past, "recurrent": recurrent, "beside": beside}
        mask, fresh, new = run(self._session, feed)
        return mask, fresh, new


class OnnxLips:
    """`LipEncoder.core` on one CPU thread; callable in its place."""

    def __init__(self, net: LipEncoder) -> None:
        self._session = _lips_session(net)

    def __call__(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """See `LipEncoder.core` for the shapes."""
        embedding, fresh = run(self._session, {"x": x, "past": past})
        return embedding, fresh


def run(session: onnxruntime.InferenceSession, feed: dict[str, Tensor]) -> list[Tensor]:
    """Run a session on tensors."""
    arrays: list[Any] = session.run(None, {name: value.contiguous().numpy() for name, value in feed.items()})
    return [torch.from_numpy(a) for a in arrays]


def _blocks(modules: nn.ModuleList) -> list[DilatedBlock]:
    return [block for block in modules if isinstance(block, DilatedBlock)]


def _lips_session(net: LipEncoder) -> onnxruntime.InferenceSession:
    g, blocks = Graph(), _blocks(net.blocks)
    x = g.input("x", 2 * LIPS + 1)
    past = dilated_blocks_past(g, g.input("past", 2 * len(blocks), net.hidden), blocks, 1)
    x = g.linear(x, net.input.weight, net.input.bias)
    fresh = []
    for block, from_past in zip(blocks, past, strict=True):
        x, y = dilated_block_step(g, x, block, from_past, None, 1)
        fresh.append(g.reshape(y, -1, 1, net.hidden))
    return g.session(embedding=x, fresh=g.op("Concat", *fresh, axis=1))


def _separator_session(net: Separator, eight_bits: bool) -> onnxruntime.InferenceSession:
    g, blocks, width = Graph(eight_bits), _blocks(net.blocks), net.width
    hidden = blocks[0].taps.shape[1]
    x, lips = g.input("x", FRAMES, 3 * BINS), g.input("lips", 2 * net.lips.width)
    voice = g.input("voice", CUE)
    past = g.input("past", 2 * len(blocks), FRAMES * hidden)
    recurrent, beside = g.input("recurrent", width), g.places("beside")
    from_past = dilated_blocks_past(g, past, blocks, FRAMES)
    x = g.linear(g.reshape(x, -1, 3 * BINS), net.input.weight, net.input.bias)
    both_frames = g.constant([1, FRAMES, 1])

    def on_every_frame(value: str) -> str:
        """Repeat (rows, width) for every frame -> (rows * FRAMES, width)."""
        return g.reshape(g.op("Expand", g.reshape(value, -1, 1, width), both_frames), -1, width)

    fresh: list[str] = []
    for i, (lips_in, voice_in) in enumerate(zip(net.lips_in, net.voice_in, strict=True)):
        assert isinstance(lips_in, nn.Linear) and isinstance(voice_in, nn.Linear)
        # The lips are the same in both frames: their half of the layer is worked out once a row.
        from_lips = g.linear(lips, lips_in.weight[:, width:], lips_in.bias)
        cue = g.gelu(g.op("Add", g.matmul(x, lips_in.weight[:, :width]), on_every_frame(from_lips)))
        scale, shift = (
            on_every_frame(g.linear(voice, voice_in.weight[part], voice_in.bias[part] + one))
            for part, one in ((slice(0, width), 1.0), (slice(width, None), 0.0))
        )
        x = g.op("Add", g.op("Add", x, g.op("Mul", cue, scale)), shift)
        for n in range(i * net.depth, (i + 1) * net.depth):
            previous = None
            if blocks[n].dilation % FRAMES:
                slot = g.slice(past, 1, len(blocks) + n, len(blocks) + n + 1)
                previous = g.slice(slot, 2, (FRAMES - 1) * hidden, FRAMES * hidden)
            x, y = dilated_block_step(g, x, blocks[n], from_past[n], previous, FRAMES)
            fresh.append(g.reshape(y, -1, 1, FRAMES * hidden))
        if i == 1:
            outputs, recurrent = _recurrent(g, x, recurrent, net)
            x = g.op("Add", x, outputs)
        exchange = net.exchange[i]
        assert isinstance(exchange, nn.Linear)
        partner = g.rows_at(g.reshape(x, -1, FRAMES * width), beside, FRAMES * width)
        x = g.op("Add", x, g.matmul(g.reshape(partner, -1, width), exchange.weight))
    x = g.gelu(g.linear(g.norm(x, net.norm), net.out_hidden.weight, net.out_hidden.bias))
    last = (torch.cat([getattr(net.out, part), getattr(net.share, part)]) for part in ("weight", "bias"))
    mask = g.reshape(g.linear(x, *last), -1, FRAMES, 4 * BINS)
    return g.session(mask=mask, fresh=g.op("Concat", *fresh, axis=1), recurrent_out=recurrent)


def _recurrent(g: Graph, x: str, h: str, net: Separator) -> tuple[str, str]:
    """Add `Separator._recurrent_step` as nodes: x (rows * FRAMES, width) -> outputs of that shape, last h."""
    width = net.width
    weight_in, weight_again, bias_in, bias_again = gru_weights(net.recurrent)
    inward = g.reshape(g.linear(x, weight_in, bias_in), -1, FRAMES, 3 * width)
    outputs = []
    for t in range(FRAMES):
        a = g.ops("Split", 3, g.reshape(g.slice(inward, 1, t, t + 1), -1, 3 * width), axis=1, num_outputs=3)
        b = g.ops("Split", 3, g.linear(h, weight_again, bias_again), axis=1, num_outputs=3)
        reset, keep = (g.op("Sigmoid", g.op("Add", a[j], b[j])) for j in (0, 1))
        new = g.op("Tanh", g.op("Add", a[2], g.op("Mul", reset, b[2])))
        h = g.op("Add", new, g.op("Mul", keep, g.op("Sub", h, new)))
        outputs.append(g.reshape(h, -1, 1, width))
    return g.reshape(g.op("Concat", *outputs, axis=1), -1, width), h
