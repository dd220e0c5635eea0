import pytest
import torch

from models.common.dilated import DilatedBlock, Rings


@pytest.mark.parametrize("frames", [1, 2])
def test_steps_with_rings_equal_the_whole_for_rows_at_different_phases(frames):
    torch.manual_seed(0)
    dilations = [1, 2, 4, 8, 16]
    # In double precision, so that only a wrong frame can make a difference and not another order of sums.
    blocks = [DilatedBlock(6, 10, d).double() for d in dilations]
    rings = Rings(dilations, frames, 10)
    x = torch.randn(3, 120, 6, dtype=torch.float64)
    expected = x
    for block in blocks:
        expected = block(expected)
    memory, steps, got = rings.memory(3).double(), torch.zeros(3, dtype=torch.int64), torch.zeros_like(x)
    chance = torch.Generator().manual_seed(1)
    with torch.no_grad():
        while int(steps.min()) * frames < x.shape[1]:
            run = (torch.rand(3, generator=chance) < 0.6) & (steps * frames < x.shape[1])
            rows = run.nonzero()[:, 0].flip(0)
            if len(rows) == 0:
                continue
            past, places = rings.read(memory, rows, steps[rows])
            y = torch.stack([x[r, steps[r] * frames : (steps[r] + 1) * frames] for r in rows])
            fresh = []
            for i, block in enumerate(blocks):
                older, old = (past[:, i + j].view(len(rows), frames, 10) for j in (0, len(blocks)))
                y, inner = block.step(y, older, old)
                fresh.append(inner.reshape(len(rows), -1))
            rings.write(memory, places, torch.stack(fresh, 1))
            for r, value in zip(rows, y, strict=True):
                got[r, steps[r] * frames : (steps[r] + 1) * frames] = value
            steps[rows] += 1
    torch.testing.assert_close(got, expected, atol=1e-12, rtol=0)


def test_memory_is_no_longer_than_the_blocks_look_back():
    assert Rings([1, 2, 4], 2, 5).memory(3).shape == (3, 1 + 2 + 4, 10)
    assert Rings([1, 2, 4], 1, 5).memory(3).shape == (3, 2 + 4 + 8, 5)


def test_dilations_that_do_not_fit_the_step_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        Rings([1, 3], 2, 5)


def test_a_change_is_seen_where_the_taps_lie_and_nowhere_else():
    torch.manual_seed(0)
    x = torch.randn(1, 20, 4)
    later = x.clone()
    later[:, 10] += torch.randn(4)
    block = DilatedBlock(4, 8, 3)
    changed = (block(x) - block(later)).abs().sum(-1)[0] > 1e-7
    assert changed.nonzero()[:, 0].tolist() == [10, 13, 16]
