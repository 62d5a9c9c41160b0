import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansmith.data.pictures.tiling import Box, Made, fade, mosaic, starts


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
