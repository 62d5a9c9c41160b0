"""An order of windows: every sample once, and never more than a window of blocks at a time."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from gansmith.data import Blocks, block_order
from gansmith.data.blocks import ENOUGH, FEWEST, MOST, window_of

SIZES = st.lists(st.integers(1, 12), min_size=1, max_size=20).map(tuple)


def drawn(blocks: Blocks, windows: int = 0, seed: int = 1) -> np.ndarray:
    made = (torch.Generator().manual_seed(each) for each in (windows, seed))
    return block_order(blocks, *made)


def blocks_at(blocks: Blocks, order: np.ndarray) -> np.ndarray:
    return np.searchsorted(blocks.starts, order, side="right") - 1


@given(SIZES, st.integers(1, 6), st.integers(0, 2**40))
def test_every_sample_comes_once(sizes, window, seed):
    order = drawn(Blocks(sizes, window), seed, seed + 1)
    assert sorted(order.tolist()) == list(range(sum(sizes)))


@given(SIZES, st.integers(1, 6), st.integers(0, 2**40))
def test_what_is_read_at_any_time_lies_in_one_window_of_blocks(sizes, window, seed):
    blocks = Blocks(sizes, window)
    at = blocks_at(blocks, drawn(blocks, seed, seed + 1))
    seen, place = [], 0
    while place < len(at):  # cut the order where a window is used up
        here = list(dict.fromkeys(at[place:]))[:window]
        length = sum(sizes[block] for block in here)
        # the window's samples are all of its blocks', and no other's
        inside = set(at[place : place + length])
        assert len(inside) <= window
        assert sum(sizes[block] for block in inside) == length or len(inside) == len(sizes)
        seen += inside
        place += sum(sizes[block] for block in inside)
    assert sorted(seen) == list(range(len(sizes)))


@given(SIZES, st.integers(1, 6))
def test_readers_of_one_draw_of_windows_are_in_the_same_one(sizes, window):
    blocks = Blocks(sizes, window)
    one, other = (blocks_at(blocks, drawn(blocks, 7, seed)) for seed in (1, 2))
    first, second = (list(dict.fromkeys(at)) for at in (one, other))
    for start in range(0, len(sizes), window):
        assert set(first[start : start + window]) == set(second[start : start + window])


def test_the_order_is_a_function_of_both_draws():
    blocks = Blocks((5,) * 12, 3)
    same, again = drawn(blocks), drawn(blocks)
    assert np.array_equal(same, again)
    assert not np.array_equal(same, drawn(blocks, windows=5))
    assert not np.array_equal(same, drawn(blocks, seed=5))


def test_samples_of_a_window_are_mixed():
    blocks = Blocks((100, 100, 100, 100), 4)
    at = blocks_at(blocks, drawn(blocks))
    for start in range(0, 400, 40):  # each block has a share of each tenth: 10 expected
        assert np.bincount(at[start : start + 40], minlength=4).min() >= 2


def test_blocks_come_in_another_order_than_their_own():
    blocks = Blocks((1,) * 64, 1)
    assert drawn(blocks).tolist() != list(range(64))
    assert Blocks((3, 0, 2), 4).starts.tolist() == [0, 3, 3, 5]


def test_a_window_holds_enough_samples_but_few_blocks():
    assert window_of((10_000,) * 100) == FEWEST
    assert window_of((1_000,) * 100) == -(-ENOUGH // 1_000)
    assert window_of((10,) * 5_000) == MOST
    assert window_of(()) == MOST
    assert Blocks((1_000,) * 100, 9).reach == 9_000
    assert Blocks((1_000,) * 3, 9).reach == 3_000
