from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from models.common import streaming


@dataclass
class Pair:
    numbers: Tensor
    counts: Tensor


def pair(rows):
    return Pair(torch.arange(rows * 3.0).view(rows, 3) + 1, torch.arange(rows) + 1)


def test_take_and_put_move_whole_rows():
    state = pair(4)
    part = streaming.take_rows(state, torch.tensor([3, 1]))
    assert part.counts.tolist() == [4, 2] and part.numbers[0].tolist() == [10, 11, 12]
    part.numbers += 100
    assert state.numbers[3].tolist() == [10, 11, 12], "a taken row is a copy"
    streaming.put_rows(state, torch.tensor([3, 1]), part)
    assert state.numbers[:, 0].tolist() == [1, 104, 7, 110]


def test_reset_touches_only_its_rows():
    state = pair(3)
    streaming.reset_rows(state, streaming.rows_where(torch.tensor([True, False, True])))
    assert state.counts.tolist() == [0, 2, 0]
    assert state.numbers.sum(1).tolist() == [0, 15, 0]


def test_grow_keeps_what_is_there():
    grown = streaming.grow_rows(pair(2), 5)
    assert streaming.batch_of(grown) == 5
    assert grown.counts.tolist() == [1, 2, 0, 0, 0] and grown.counts.dtype == torch.int64
    with pytest.raises(ValueError, match="cannot shrink"):
        streaming.grow_rows(grown, 4)
