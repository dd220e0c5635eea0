import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.common.stft import STFT
from models.separation.runtime import load_separator
from models.separation.separator import HORIZON, Separator
from models.separation.voice_cue import CUE, VoiceCue
from models.voiceprint.encoder import PRINT


def small(depth=4):
    """A network in which faces tell each other something, which they do not before training."""
    torch.manual_seed(0)
    net = Separator(width=16, hidden=24, stacks=2, depth=depth)
    for weight in net.exchange.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    return net


@pytest.fixture(scope="module", params=["small", "shipped"])
def net(request):
    net = small() if request.param == "small" else load_separator()
    return net.eval().requires_grad_(False)


def case(rows, blocks, seed=0):
    """Spectra, lips and visibility of this face and another, what is known of voices, which row is beside which.

    Of the last row's voices nothing is known; rows 0 and 1 are of one picture.
    """
    g = torch.Generator().manual_seed(seed)
    level = 0.02 + 0.2 * torch.rand(rows, 1, generator=g)
    X = STFT()(torch.randn(rows, blocks * 320, generator=g) * level)
    faces = []
    for _ in range(2):
        lips = torch.randn(rows, (blocks + 1) // 2, 4, generator=g).cumsum(1) * 0.3
        faces += [lips, (torch.rand(rows, (blocks + 1) // 2, 1, generator=g) < 0.9).float()]
    voice = torch.randn(rows, CUE, generator=g) * 0.6
    voice[-1] = 0
    beside = torch.tensor([1, 0, *[-1] * rows])[:rows] if rows > 1 else torch.tensor([-1])
    return X, *faces, voice, beside


def relative(got, expected):
    return float((got - expected).norm() / expected.norm())


class Live:
    """Steps rows on their own clocks: row r of the case is at block `at[r]`."""

    def __init__(self, net, X, lips, visible, other, other_visible, voice, beside):
        self.net, self.X, self.voice, self.beside = net, X, voice, beside
        self.faces = (torch.cat([lips, other]), torch.cat([visible, other_visible])[..., 0] > 0)
        self.rows = len(X)
        self.at = torch.zeros(self.rows, dtype=torch.int64)
        self.state, self.lip_state = net.init_state(self.rows), net.lips.init_state(2 * self.rows)
        self.out = torch.zeros_like(X)

    def step(self, run, reset):
        everyone = torch.arange(self.rows)
        self.at[reset] = 0
        for row in torch.cat([everyone[reset], everyone[reset] + self.rows]):
            for name in vars(self.lip_state):
                getattr(self.lip_state, name)[row] = 0
        due = everyone[run & (self.at % 2 == 0)]
        if len(due):
            both = torch.cat([due, due + self.rows])
            frame = self.at[both % self.rows] // 2
            self.net.lips.step(self.faces[0][both, frame], self.faces[1][both, frame], self.lip_state, both)
        cues = self.net.cues(self.lip_state, everyone, everyone + self.rows, self.net.lips.absent())
        blocks = self.at.clamp(max=self.X.shape[2] // 2 - 1)  # rows at their end do not run
        X = torch.stack([x[:, 2 * k : 2 * k + 2] for x, k in zip(self.X, blocks, strict=True)])
        Y, self.state = self.net.step(X, cues, self.voice, self.state, run, reset, self.beside)
        assert Y[~run].abs().sum() == 0
        for r in everyone[run]:
            self.out[r, :, 2 * self.at[r] : 2 * self.at[r] + 2] = Y[r]
        self.at[run] += 1


def test_streaming_equals_offline(net):
    inputs = case(rows=2, blocks=60)
    live, everyone = Live(net, *inputs), torch.ones(2, dtype=torch.bool)
    for _ in range(60):
        live.step(everyone, ~everyone)
    assert relative(live.out, net(*inputs)) < 1e-4


@given(seed=st.integers(0, 1000))
@settings(max_examples=8)
def test_rows_pause_and_reset_on_their_own(seed):
    net = small().eval().requires_grad_(False)
    blocks, rows = 24, 4
    *known, beside = case(rows, blocks, seed)
    inputs = *known, torch.full_like(beside, -1)
    expected = net(*inputs)
    live, g = Live(net, *inputs), torch.Generator().manual_seed(seed)
    resets = torch.zeros(rows, dtype=torch.int64)
    while int(live.at.min()) < blocks:
        run = (torch.rand(rows, generator=g) < 0.7) & (live.at < blocks)
        reset = (torch.rand(rows, generator=g) < 0.05) & (resets < 2)
        resets += reset
        live.step(run | reset, reset)
    assert relative(live.out, expected) < 1e-4


def test_streaming_equals_offline_after_the_level_begins_to_forget():
    net = small(depth=3).eval().requires_grad_(False)
    blocks = HORIZON // 2 + 40
    X, *rest = case(1, blocks)
    X[..., 400:] *= 0.1
    live, everyone = Live(net, X, *rest), torch.ones(1, dtype=torch.bool)
    for _ in range(blocks):
        live.step(everyone, ~everyone)
    assert relative(live.out, net(X, *rest)) < 1e-3
    assert float(live.state.count[0, 0]) == HORIZON


def test_nothing_before_a_change_changes(net):
    X, *rest = case(1, 30)
    later = X.clone()
    later[..., 40:] *= -0.5
    a, b = net(X, *rest), net(later, *rest)
    torch.testing.assert_close(a[..., :40], b[..., :40], atol=1e-6, rtol=0)
    assert relative(b[..., 40:], a[..., 40:]) > 0.1


def test_faces_heed_each_other_only_where_they_are_together(net):
    *known, voice, beside = case(rows=3, blocks=20)
    nobody, other = torch.full_like(beside, -1), voice + torch.tensor([[0.0], [3.0], [0.0]])
    a, b = net(*known, voice, beside), net(*known, other, beside)
    assert relative(b[0], a[0]) > 1e-3
    torch.testing.assert_close(b[2], a[2], atol=1e-6, rtol=1e-4)
    c, d = net(*known, voice, nobody), net(*known, other, nobody)
    torch.testing.assert_close(d[0], c[0], atol=1e-6, rtol=1e-4)
    assert relative(c[0], a[0]) > 1e-3


def test_level_of_the_mixture_goes_straight_through(net):
    X, *rest = case(2, 50)
    assert relative(net(X * 5, *rest) / 5, net(X, *rest)) < 0.02


def test_gradients_reach_every_layer():
    net = small(depth=3)
    *known, _, beside = case(2, 12)
    voice = net.voice(*torch.rand(2, 2, PRINT).unbind())
    net(*known, voice, beside).abs().square().mean().backward()
    missing = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert missing == []


def test_unknown_voices_are_nothing_and_each_counts_by_itself():
    torch.manual_seed(0)
    cue, prints, nothing = VoiceCue(), torch.rand(3, PRINT), torch.zeros(3, PRINT)
    torch.nn.init.normal_(cue.other.weight)
    assert cue(nothing, nothing).abs().max() == 0
    torch.testing.assert_close(cue(prints, nothing).norm(dim=1), torch.full((3,), 8.0))
    torch.testing.assert_close(cue(prints, prints), cue(prints, nothing) + cue(nothing, prints))
