"""Weights in eight bits."""

import torch
from safetensors.torch import save_file

from models.common import weights
from models.common.eight_bits import SCALE, pack, unpack


def test_a_weight_comes_back_to_half_a_step_of_its_output():
    values = {"conv": torch.randn(6, 3, 2, 2, generator=torch.Generator().manual_seed(0)), "bias": torch.tensor([0.3])}
    packed = pack(values)
    assert packed["conv"].dtype == torch.int8 and packed["conv"].shape == (6, 3, 2, 2)
    assert packed["conv" + SCALE].shape == (6,) and packed["bias"].dtype == torch.float16
    back = unpack(packed)
    assert back.keys() == values.keys()
    step = values["conv"].flatten(1).abs().amax(1) / 127
    assert ((back["conv"] - values["conv"]).flatten(1).abs() <= 0.53 * step[:, None]).all()
    assert torch.equal(back["bias"], values["bias"].half().float())


def test_whole_numbers_come_back_exactly_and_nothing_stays_nothing():
    values = {"weight": torch.stack([torch.arange(-127.0, 128.0), torch.zeros(255)])}
    assert torch.equal(unpack(pack(values))["weight"], values["weight"])


def test_a_file_in_eight_bits_is_read_like_any_other(tmp_path):
    save_file(pack({"weight": torch.tensor([[127.0, -1.0], [254.0, 2.0]])}), tmp_path / "net")
    assert torch.equal(weights.tensors(tmp_path / "net")["weight"], torch.tensor([[127.0, -1.0], [254.0, 2.0]]))
