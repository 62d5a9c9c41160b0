"""Samples by number: in the order asked for, however the data set is read."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gansmith.data import DataInfo
from gansmith.data.drawing import drawn, read


class Numbers:
    """Sample i is a picture of one pixel, i; it may be read in ascending order alone."""

    info = DataInfo("numbers", "images", 7, (1, 1, 1), (), "0" * 12, ())

    def __len__(self) -> int:
        return 7

    def batch(self, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        assert (np.diff(indices) >= 0).all()
        x = torch.from_numpy(indices.astype(np.uint8))
        return x[:, None, None, None], torch.zeros(len(x), dtype=torch.int64)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=20))
def test_samples_come_in_the_order_that_is_asked_for(indices: list[int]) -> None:
    assert read(Numbers(), np.array(indices)).flatten().tolist() == indices


@given(st.integers(0, 30), st.integers(1, 30), st.integers(1, 9), st.integers(0, 3))
def test_a_drawn_sample_hangs_on_its_number_alone(
    start: int, count: int, batch: int, seed: int
) -> None:
    order = np.random.default_rng(seed).permutation(7)
    numbers, values = [], []
    for some, x in drawn(Numbers(), count, seed, batch, start):
        assert len(some) == len(x) <= batch
        numbers += some
        values += x.flatten().tolist()
    assert numbers == list(range(start, start + count))
    assert values == [order[number % 7] for number in numbers]
