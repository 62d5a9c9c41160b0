import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansmith.data.pictures.tiling import Box, Made, fade, mosaic, ramp, starts


@given(st.integers(1, 300), st.integers(1, 64), st.data())
def test_windows_cover_everything_and_stay_inside(length: int, side: int, data: st.DataObject):
    step = data.draw(st.integers(1, side))
    found = starts(length, side, step)
    covered = np.zeros(length, bool)
    for start in found:
        assert start >= 0
        assert start + min(side, length) <= length
        covered[start : start + side] = True
    assert covered.all()
    assert found == sorted(set(found))


def test_a_fade_half_overlapped_sums_to_one() -> None:
    for side in (2, 8, 64):
        weights = fade(side)
        assert (weights > 0).all()
        assert np.allclose(weights[: side // 2] + weights[side // 2 :], 1)


def assembled(picture: np.ndarray, side: int, step: int, make) -> tuple[np.ndarray, np.ndarray]:
    size = picture.shape[:2]
    bands = list(mosaic(size, side, step, picture.shape[2], make))
    tops = np.cumsum([0, *(len(band.values) for band in bands)])
    assert [band.top for band in bands] == list(tops[:-1])  # each row once, in order
    return np.concatenate([b.values for b in bands]), np.concatenate([b.made for b in bands])


@given(st.integers(1, 70), st.integers(1, 70), st.sampled_from([2, 8, 16, 33]), st.data())
def test_windows_of_a_picture_make_the_picture(
    height: int, width: int, side: int, data: st.DataObject
) -> None:
    picture = np.random.default_rng(0).normal(size=(height, width, 2)).astype(np.float32)
    step = data.draw(st.integers(1, side))

    def make(boxes: list[Box]) -> list[Made | None]:
        return [Made(picture[box.here], 0.5 + index % 2) for index, box in enumerate(boxes)]

    values, made = assembled(picture, side, step, make)
    assert np.allclose(values, picture, atol=1e-5)
    assert made.all()


def test_where_nothing_was_made_is_told() -> None:
    picture = np.ones((32, 32, 1), np.float32)

    def make(boxes: list[Box]) -> list[Made | None]:
        return [Made(picture[box.here]) if box.left == 0 else None for box in boxes]

    values, made = assembled(picture, 8, 4, make)
    assert made[:, :8].all()
    assert not made[:, 8:].any()
    assert (values[:, 8:] == 0).all()


def test_windows_that_disagree_show_no_seam() -> None:
    """Each window has a level of its own; laid side by side there is a step between them."""
    picture = np.zeros((128, 128, 1), np.float32)
    levels = np.random.default_rng(0).uniform(-1, 1, (128, 128))

    def make(boxes: list[Box]) -> list[Made | None]:
        return [Made(np.full((32, 32, 1), levels[box.top, box.left], np.float32)) for box in boxes]

    def steepest(values: np.ndarray) -> float:
        return max(float(np.abs(np.diff(values[:, :, 0], axis=axis)).max()) for axis in (0, 1))

    beside, _ = assembled(picture, 32, 32, make)
    over, _ = assembled(picture, 32, 16, make)
    assert steepest(beside) > 1.0
    assert steepest(over) < 0.2  # 2 levels apart, over 16 pixels, the fade is steepest π/2 · 2/16


def test_memory_is_a_row_of_windows() -> None:
    import tracemalloc

    def peak(height: int) -> int:
        tracemalloc.start()
        for _ in mosaic((height, 64), 32, 16, 3, lambda boxes: [None] * len(boxes)):
            pass
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(8192) < 2 * peak(256)


def test_a_box_is_a_part() -> None:
    assert np.arange(12).reshape(3, 4)[Box(1, 2, 2, 2).here].tolist() == [[6, 7], [10, 11]]


@pytest.mark.parametrize("side", [1, 3])
def test_small_windows(side: int) -> None:
    picture = np.ones((5, 5, 1), np.float32)
    values, _ = assembled(picture, side, 1, lambda b: [Made(picture[x.here]) for x in b])
    assert np.allclose(values, 1)


@given(st.integers(0, 12), st.integers(1, 12), st.integers(1, 200))
def test_ramps_of_two_windows_sum_to_one(rim: int, width: int, more: int) -> None:
    overlap = 2 * rim + width
    side = overlap + more
    one = ramp(0, side, 2 * side - overlap, rim, width)
    two = ramp(side - overlap, side, 2 * side - overlap, rim, width)
    assert np.allclose(one[-overlap:] + two[:overlap], 1, atol=1e-6)
    assert (one[:-overlap] == 1).all()
    assert (two[overlap:] == 1).all()
    assert (one[len(one) - rim :] == 0).all()  # what a window's edge spoils is not seen


@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 5), st.integers(1, 6))
def test_windows_with_a_rim_make_the_picture(height: int, width: int, rim: int, faded: int) -> None:
    """Where their rims are spoilt, too."""
    picture = np.random.default_rng(0).normal(size=(height, width, 2)).astype(np.float32)
    side = 2 * (2 * rim + faded)

    def make(boxes: list[Box]) -> list[Made | None]:
        made: list[Made | None] = []
        for box in boxes:
            values = picture[box.here].copy()
            for axis, (start, length) in enumerate(((box.top, height), (box.left, width))):
                values = np.moveaxis(values, axis, 0)
                if start > 0:
                    values[:rim] = 1e6
                if start + len(values) < length:
                    values[len(values) - rim :] = 1e6
                values = np.moveaxis(values, 0, axis)
            made.append(Made(values))
        return made

    step = side - 2 * rim - faded
    bands = list(mosaic((height, width), side, step, 2, make, rim))
    assert all(band.made.all() for band in bands)
    assert np.allclose(np.concatenate([band.values for band in bands]), picture, atol=1e-4)
