"""Networks of the race: all of the size allowed, causal, and blind to other microphones."""

import pytest
import torch

from models.separation.network import BINS, PRINT
from models.train.separation.candidates import NETWORKS

FRAMES = 24


@pytest.mark.parametrize("name", NETWORKS)
def test_a_candidate_keeps_the_rules(name: str) -> None:
    torch.manual_seed(0)
    net = NETWORKS[name]().eval()
    for layer in net.layers:
        torch.nn.init.normal_(layer.exchange.weight, std=0.1)
    assert 0.5e6 < sum(p.numel() for p in net.parameters()) < 4e6
    X, of = torch.randn(2, BINS, FRAMES, dtype=torch.complex64), torch.tensor([0, 0, 1])
    beside = (of[:, None] == of).float() - torch.eye(3)
    prints = torch.nn.functional.normalize(torch.randn(3, PRINT), dim=1)
    odds = torch.randn(3, FRAMES, 2)
    whole = net(X, of, prints, odds, beside)
    assert whole.shape == (3, BINS, FRAMES)
    whole.abs().mean().backward()
    unused = {name.rsplit(".", 1)[0] for name, p in net.named_parameters() if p.grad is None}
    assert not unused
    alone = net(X[1:], of[:1], prints[2:], odds[2:], beside[2:, 2:])
    torch.testing.assert_close(alone[0], whole[2], rtol=1e-3, atol=1e-4)
    assert not torch.allclose(net(X, of, -prints, odds, beside), whole, atol=1e-3)
    later, told = X.clone(), odds.clone()
    later[:, :, 13:], told[:, 13:] = 0, 0
    with torch.no_grad():
        before = net(later, of, prints, told, beside)[:, :, :13]
    torch.testing.assert_close(before, whole[:, :, :13].detach(), rtol=1e-4, atol=1e-5)
