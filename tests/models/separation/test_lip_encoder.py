import pytest
import torch

from models.separation.lip_encoder import HORIZON, LipEncoder


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return LipEncoder(width=12, hidden=20).eval().requires_grad_(False)


def test_steps_equal_the_whole_past_the_horizon_with_faces_coming_and_going(net):
    torch.manual_seed(1)
    length = HORIZON + 60
    lips = torch.randn(2, length, 4).cumsum(1) * 0.2 + 5
    visible = torch.rand(2, length, 1) < 0.8
    expected = net(lips, visible.float())
    state, rows, got = net.init_state(3), torch.tensor([2, 0]), []
    for t in range(length):
        shown = torch.where(visible[:, t], lips[:, t], torch.nan)
        net.step(shown, visible[:, t, 0], state, rows)
        got.append(state.embedding[rows])
    torch.testing.assert_close(torch.stack(got, 1), expected, atol=1e-4, rtol=0)
    assert state.frames.tolist() == [length, 0, length]


def test_a_mouth_at_rest_looks_the_same_wherever_it_is(net):
    still = torch.ones(1, 40, 4)
    shown = torch.ones(1, 40, 1)
    torch.testing.assert_close(net(still, shown), net(still * 9, shown), atol=1e-5, rtol=0)


def test_absent_is_what_a_long_hidden_face_gives(net):
    nothing = torch.zeros(1, 200, 4)
    torch.testing.assert_close(net(nothing, nothing[..., :1])[0, -1], net.absent(), atol=1e-6, rtol=0)
    shown = net(nothing, torch.ones(1, 200, 1))[0, -1]
    assert (shown - net.absent()).abs().max() > 1e-3, "a visible mouth at rest is not a hidden one"
