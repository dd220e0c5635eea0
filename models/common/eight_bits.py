"""Weights in eight bits each, with a scale for every output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

SCALE = ":scale"
"""What follows a tensor's name in the name of its scales."""

_MOST = 127


def pack(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Round tensors to eight bits.

    Args:
        values: float, by name.

    Returns:
        Of what has two axes or more: int8 of the same shape, -127 to 127, and beside it, under its name and `SCALE`,
        fp16 scales, one for each place on the first axis. The rest in fp16.
    """
    packed = {}
    for name, value in values.items():
        if value.dim() < 2:
            packed[name] = value.half().contiguous()
            continue
        rows = value.float().flatten(1)
        # Rounded up to what fp16 can hold: 1e-7 is among the least.
        scale = (rows.abs().amax(dim=1) / _MOST).clamp(min=1e-7).half()
        whole = (rows / scale.float()[:, None]).round().clamp(-_MOST, _MOST)
        packed[name] = whole.char().view_as(value).contiguous()
        packed[name + SCALE] = scale
    return packed


def unpack(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Undo `pack`, float32; what has no scales is taken as it is."""
    values = {name: value.float() for name, value in stored.items() if not name.endswith(SCALE)}
    for name in values:
        if (scale := stored.get(name + SCALE)) is not None:
            values[name] = values[name] * scale.float().view(-1, *[1] * (values[name].dim() - 1))
    return values
