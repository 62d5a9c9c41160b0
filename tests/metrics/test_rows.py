"""Rows in one piece of memory: the same rows, and the batches that they came in."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from gansmith.metrics.rows import Rows


@given(st.lists(st.integers(0, 900), min_size=1, max_size=9))
def test_rows_come_back_in_order(sizes):
    batches = [torch.randn(size, 3) for size in sizes]
    rows = Rows()
    for batch in batches:
        rows.add(batch)
    assert len(rows) == sum(sizes)
    assert torch.equal(rows.all(), torch.cat(batches))
    assert rows.all().untyped_storage().nbytes() == 12 * sum(sizes)
    for one, other in zip(rows.batches(), batches, strict=True):
        assert torch.equal(one, other)


def test_it_grows_a_few_times_only():
    rows, places = Rows(), set()
    for _ in range(500):
        rows.add(torch.zeros(100, 2))
        places.add(rows._buffer.data_ptr())
    assert len(places) <= 8
