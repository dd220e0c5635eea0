import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.common.running_mean import running_mean, running_mean_step


@given(seed=st.integers(0, 99), length=st.integers(1, 60), horizon=st.integers(1, 50))
@settings(max_examples=50)
def test_whole_equals_steps(seed, length, horizon):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(2, length, 3, generator=g)
    weight = (torch.rand(2, length, 1, generator=g) < 0.7).float()
    mean, count, steps = torch.zeros(2, 3), torch.zeros(2, 1), []
    for t in range(length):
        mean, count = running_mean_step(x[:, t], weight[:, t], mean, count, horizon)
        steps.append(mean)
    torch.testing.assert_close(running_mean(x, weight, horizon), torch.stack(steps, 1), atol=1e-5, rtol=1e-5)


def test_cumulative_first_then_forgets_with_the_horizon():
    x = torch.cat([torch.zeros(1, 100, 1), torch.ones(1, 50, 1)], dim=1)
    means = running_mean(x, torch.ones_like(x), 100)[0, :, 0]
    assert means[99] == 0
    torch.testing.assert_close(means[100:], 1 - 0.99 ** torch.arange(1, 51), atol=1e-6, rtol=0)


def test_values_without_weight_change_nothing():
    x = torch.tensor([[[1.0], [50.0], [3.0]]])
    assert running_mean(x, torch.tensor([[[1.0], [0.0], [1.0]]]), 10).flatten().tolist() == [1, 1, 2]
