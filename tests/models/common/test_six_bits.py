"""Weights in six bits."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from models.common.six_bits import GROUP, MOST, pack, unpack

MATRICES = arrays(
    np.float32,
    array_shapes(min_dims=2, max_dims=2, max_side=70),
    elements=st.floats(-8, 8, width=32, allow_subnormal=False),
)


@given(MATRICES)
def test_a_weight_comes_back_to_half_a_step_of_its_group(weight):
    packed, scale = pack(weight)
    outputs, inputs = weight.shape
    padded = -(-inputs // GROUP) * GROUP
    assert packed.nbytes == outputs * padded * 3 // 4 and scale.shape == (outputs, padded // GROUP)
    error = np.abs(unpack(packed, scale, inputs) - weight)
    # Scales are rounded to half precision, the least of it by 2**-25: the largest weight may be clipped by a little.
    steps = np.repeat(scale.astype(np.float32), GROUP, axis=1)[:, :inputs]
    assert (error <= steps * 0.53 + MOST * 2.0**-25).all()


def test_whole_numbers_come_back_exactly():
    weight = np.arange(-MOST, MOST + 2, dtype=np.float32)[:63].repeat(2)[None, :]
    weight[0, ::GROUP] = MOST
    packed, scale = pack(weight)
    assert (scale == 1).all()
    np.testing.assert_array_equal(unpack(packed, scale, weight.shape[1]), weight)
