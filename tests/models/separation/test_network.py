"""The network of voices: causal, the same step by step, and rows that share one mixture."""

import pytest
import torch
from torch import Tensor

from models.separation.network import BINS, HOP, PRINT, Extractor, analysis, synthesis, voices

Inputs = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
FRAMES = 12


@pytest.fixture(scope="module")
def net() -> Extractor:
    torch.manual_seed(0)
    net = Extractor(24, 2).eval().requires_grad_(False)
    for layer in net.layers:
        torch.nn.init.normal_(layer.exchange.weight, std=0.3)
    return net


def inputs(mixtures: int, rows: int) -> Inputs:
    torch.manual_seed(1)
    of = torch.arange(mixtures).repeat_interleave(rows)
    X = torch.randn(mixtures, BINS, FRAMES, dtype=torch.complex64)
    beside = (of[:, None] == of).float() - torch.eye(len(of))
    prints = torch.nn.functional.normalize(torch.randn(len(of), PRINT), dim=1)
    return X, of, prints, torch.randn(len(of), FRAMES, 2), beside


@pytest.mark.parametrize("rows", [1, 2, 3, 4])
def test_steps_give_what_the_whole_gives(net: Extractor, rows: int) -> None:
    X, of, prints, odds, beside = inputs(2, rows)
    whole = net(X, of, prints, odds, beside)
    state = net.init_state(len(of))
    steps = [net.step(X[of, :, t : t + 1], prints, odds[:, t : t + 1], beside, state) for t in range(FRAMES)]
    torch.testing.assert_close(torch.cat(steps, dim=2), whole, rtol=1e-4, atol=1e-5)


def test_nothing_is_known_of_the_future(net: Extractor) -> None:
    X, of, prints, odds, beside = inputs(2, 2)
    whole = net(X, of, prints, odds, beside)
    X[:, :, 7:], odds[:, 7:] = 0, 0
    assert torch.equal(net(X, of, prints, odds, beside)[:, :, :7], whole[:, :, :7])


def test_rows_of_other_microphones_do_not_matter(net: Extractor) -> None:
    X, of, prints, odds, beside = inputs(3, 2)
    whole = net(X, of, prints, odds, beside)
    alone = net(X[:1], of[:2], prints[:2], odds[:2], beside[:2, :2])
    torch.testing.assert_close(alone, whole[:2], rtol=1e-4, atol=1e-5)


def test_rows_of_one_microphone_do(net: Extractor) -> None:
    X, of, prints, odds, beside = inputs(1, 2)
    whole = net(X, of, prints, odds, beside)
    changed = torch.stack([prints[0], -prints[1]])
    assert (net(X, of, changed, odds, beside)[0] - whole[0]).abs().max() > 1e-3
    apart = net(X, of, changed, odds, 0 * beside)[0]
    torch.testing.assert_close(net(X, of, prints, odds, 0 * beside)[0], apart, rtol=1e-4, atol=1e-5)


def test_rows_may_come_in_any_order(net: Extractor) -> None:
    X, of, prints, odds, beside = inputs(1, 3)
    turned = net(X, of, prints.roll(1, 0), odds.roll(1, 0), beside)
    torch.testing.assert_close(turned, net(X, of, prints, odds, beside).roll(1, 0), rtol=1e-4, atol=1e-5)


def test_what_none_took_is_shared_and_no_more_than_that() -> None:
    torch.manual_seed(2)
    X = torch.randn(1, BINS, 3, dtype=torch.complex64).expand(3, -1, -1)
    beside = 1 - torch.eye(3)
    nothing = torch.zeros(3, 3, 4 * BINS)
    for claim, share in ((0.0, 1 / 4), (-100.0, 1 / (3 + torch.exp(torch.tensor(4.0)).item()))):
        nothing[..., 3 * BINS :] = claim
        torch.testing.assert_close(voices(nothing, X, beside), X * share)
    assert voices(nothing, X, 0 * beside).abs().max() == 0


def test_latency_is_40_ms() -> None:
    forward, back = analysis(), synthesis()
    sound = torch.randn(1, 20 * HOP)
    out = back(forward(sound))
    assert back.delay + HOP == 640
    torch.testing.assert_close(out[:, back.delay :], sound[:, : -back.delay], rtol=1e-4, atol=1e-5)
