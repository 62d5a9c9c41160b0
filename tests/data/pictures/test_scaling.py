import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansmith.data.pictures.scaling import (
    around,
    bounds,
    frame,
    of_parts,
    parts,
    resized,
    resized_around,
)
from gansmith.data.pictures.tiling import Box


def hole_of(size: tuple[int, int], *boxes: Box) -> np.ndarray:
    hole = np.zeros(size, bool)
    for box in boxes:
        hole[box.here] = True
    return hole


@pytest.mark.parametrize("size", [(10, 20), (80, 160), (37, 53)])
def test_nothing_of_the_hole_is_in_what_is_known(size: tuple[int, int]) -> None:
    """A grey picture stays grey, whatever glares in its hole."""
    hole = hole_of((40, 80), Box(11, 13, 17, 30))
    pixels = np.full((40, 80, 3), 100, np.uint8)
    pixels[hole] = 255
    small, gap = resized_around(pixels, hole, size)
    assert small.shape == (*size, 3)
    assert np.abs(small[~gap].astype(int) - 100).max() <= 1
    assert abs(gap.mean() - hole.mean()) < 0.03


def test_a_picture_of_the_right_size_is_let_be() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 6, 1), dtype=np.uint8)
    hole = hole_of((6, 6), Box(0, 0, 3, 3))
    small, gap = resized_around(pixels, hole, (6, 6))
    assert small is pixels
    assert gap is hole
    assert resized(pixels, (6, 6)) is pixels
    assert resized(pixels, (3, 9)).shape == (3, 9, 1)


@given(st.integers(2, 60), st.integers(2, 60), st.floats(0.001, 0.999), st.integers(0, 999))
def test_something_is_known_and_something_is_hole(
    height: int, width: int, share: float, seed: int
) -> None:
    hole = np.random.default_rng(seed).random((height, width)) < share
    hole.flat[0], hole.flat[-1] = True, False
    pixels = np.full((height, width, 1), 77, np.uint8)
    small, gap = resized_around(pixels, hole, (8, 8))
    assert gap.any()
    assert not gap.all()
    assert np.abs(small[~gap].astype(int) - 77).max() <= 5  # a mean of few known pixels, rounded


@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 40), st.floats(1, 4), st.data())
def test_surroundings_hold_the_box_and_lie_inside(
    height: int, width: int, least: int, times: float, data: st.DataObject
) -> None:
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    box = Box(
        top,
        left,
        data.draw(st.integers(1, height - top)),
        data.draw(st.integers(1, width - left)),
    )
    for found in (around(box, (height, width), least, times), frame(box, (height, width), (3, 4))):
        assert 0 <= found.top <= box.top
        assert 0 <= found.left <= box.left
        assert box.top + box.height <= found.top + found.height <= height
        assert box.left + box.width <= found.left + found.width <= width
    wide = around(box, (height, width), least, times)
    assert wide.height >= min(height, least)


def test_a_box_with_its_surroundings() -> None:
    assert around(Box(40, 40, 20, 10), (100, 100), 8) == Box(30, 35, 40, 20)
    assert around(Box(0, 90, 20, 10), (100, 100), 8) == Box(0, 80, 40, 20)
    assert around(Box(40, 40, 2, 2), (100, 100), 32) == Box(25, 25, 32, 32)


def test_a_frame_stays_in_the_middle_where_the_hole_lets_it() -> None:
    assert frame(Box(10, 60, 5, 5), (64, 128), (32, 32)) == Box(0, 32, 64, 64)
    assert frame(Box(10, 120, 5, 5), (64, 128), (32, 32)) == Box(0, 61, 64, 64)
    assert frame(Box(10, 0, 5, 5), (64, 128), (32, 32)) == Box(0, 0, 64, 64)
    # No square holds it: all of the picture, stretched.
    assert frame(Box(10, 0, 5, 100), (64, 128), (32, 32)) == Box(0, 0, 64, 128)


def test_the_bounds_of_a_hole() -> None:
    assert bounds(hole_of((9, 9), Box(2, 3, 1, 2), Box(5, 4, 2, 1))) == Box(2, 3, 5, 2)


@pytest.mark.parametrize("scale", [1, 5])
def test_parts_of_a_hole(scale: int) -> None:
    """The same at a size at which blocks are pixels, and at one where they are larger."""
    size = (300 * scale, 400 * scale)
    boxes = [Box(*(n * scale for n in each)) for each in ((0, 0, 20, 20), (100, 200, 40, 60))]
    hole = hole_of(size, *boxes)
    numbers, side, found = parts(hole)
    assert len(found) == 2
    assert (side > 1) == (scale > 1)
    for box, mine in zip(boxes, found, strict=True):
        assert box.top - side < mine.top <= box.top
        assert box.width <= mine.width < box.width + 2 * side
    everywhere = Box(0, 0, *size)
    one = np.array([False, True, False])
    alone = hole & of_parts(numbers, side, one, everywhere)
    assert np.array_equal(alone, hole_of(size, boxes[0]))
    assert np.array_equal(alone[boxes[1].here], hole[boxes[1].here] & False)
    both = hole & of_parts(numbers, side, ~np.array([True, False, False]), everywhere)
    assert np.array_equal(both, hole)


def test_parts_that_touch_at_a_corner_are_one() -> None:
    _, _, found = parts(hole_of((20, 20), Box(0, 0, 5, 5), Box(5, 5, 5, 5)))
    assert found == [Box(0, 0, 10, 10)]
