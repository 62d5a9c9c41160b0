"""Small parts: sizes, initial variances, and the convolution."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gansmith.models.layers import channels_last, he, stage_sizes


@pytest.mark.parametrize(
    ("size", "stages"),
    [
        ((28, 28), [(28, 28), (14, 14), (7, 7)]),
        ((32, 32), [(32, 32), (16, 16), (8, 8), (4, 4)]),
        ((48, 64), [(48, 64), (24, 32), (12, 16), (6, 8)]),
        ((8, 8), [(8, 8), (4, 4)]),
        ((12, 20), [(12, 20), (6, 10)]),
        ((36, 36), [(36, 36), (18, 18), (9, 9)]),
        ((7, 7), [(7, 7)]),
    ],
)
def test_sizes_halve_to_a_small_base(size, stages):
    assert stage_sizes(*size) == stages


@given(st.integers(2, 64), st.integers(2, 64))
def test_each_size_is_half_of_the_one_before(rows, columns):
    sizes = stage_sizes(4 * rows, 4 * columns)
    assert sizes[0] == (4 * rows, 4 * columns)
    assert len(sizes) >= 2
    for (high, wide), (low, narrow) in pairwise(sizes):
        assert (high, wide) == (2 * low, 2 * narrow)
    assert min(sizes[-1]) >= 4


@pytest.mark.parametrize(
    ("layer", "fan_in"),
    [
        (nn.Linear(50, 40), 50),
        (nn.Conv2d(16, 64, 3), 16 * 9),
        (nn.ConvTranspose2d(32, 32, 4, 2, 1), 32 * 4),
    ],
    ids=["linear", "convolution", "transposed"],
)
def test_he_draws_by_the_fan_in(layer, fan_in):
    he(layer, gain=3.0)
    assert float(layer.weight.detach().std()) == pytest.approx(3.0 / math.sqrt(fan_in), rel=0.05)
    assert not layer.bias.any()
    assert not he(layer, gain=0.0).weight.any()


def test_channels_last_changes_the_layout_alone():
    x = torch.randn(2, 3, 4, 5)
    y = channels_last(x)
    assert torch.equal(x, y)
    assert y.is_contiguous(memory_format=torch.channels_last)
