"""Pictures of any size, filled by nets that are made up, so that what is right is known."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gansmith.apps.inpaint.fillers import Filler
from gansmith.apps.inpaint.sizing import SIZES, Way, check_size, fill
from gansmith.data.pictures.blending import BLENDS
from gansmith.errors import UserError

SIDE = 32
Paint = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (H, W, C), hole (H, W) → (H, W, C)


def filler(paint: Paint, channels: int = 3, stride: int = 4, side: int = SIDE) -> Filler:
    """A net that fills by ``paint``; of any size, or with stride 0 of one."""

    def make(x_BCHW: Tensor, hole_BHW: Tensor, seed: int, fillings: Sequence[int]) -> Tensor:
        assert x_BCHW.dtype == torch.uint8
        assert x_BCHW.shape[1] == channels
        assert len(fillings) == len(x_BCHW) == len(hole_BHW)
        if stride:
            assert all(length % stride == 0 for length in x_BCHW.shape[2:])
        else:
            assert x_BCHW.shape[2:] == (side, side)
        made = []
        for x, hole in zip(x_BCHW.permute(0, 2, 3, 1).numpy(), hole_BHW.numpy(), strict=True):
            assert hole.any()
            assert not hole.all()
            made.append(paint(x, hole))
        return (
            torch.from_numpy(np.stack(made))
            .round()
            .clamp(0, 255)
            .to(torch.uint8)
            .permute(0, 3, 1, 2)
        )

    way = "trained" if stride else "latent"
    return Filler(way, (channels, side, side), stride, "none", make)


def plane(x: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The plane through the known pixels, by least squares: right wherever the picture is one."""
    y, z = np.mgrid[: hole.shape[0], : hole.shape[1]]
    terms = np.stack([np.ones(hole.shape), y, z], axis=2).astype(float)
    found = np.linalg.lstsq(terms[~hole], x[~hole].astype(float), rcond=None)[0]
    return terms @ found


def mean(x: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """One colour, the mean of the known: another one in every window."""
    return np.broadcast_to(x[~hole].mean(0), x.shape)


def noise(x: np.ndarray, hole: np.ndarray) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, x.shape)


def way(by: Filler, size: str = "auto", blend: str = "none") -> Way:
    return Way(by, BLENDS[blend], size)


def slope(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    levels = [200 * x / width + 20, 200 * y / height + 20, 220 - 100 * (x / width + y / height)]
    return np.stack(levels, axis=2).round().astype(np.uint8)


def spots(height: int, width: int, count: int, side: int, seed: int = 0) -> np.ndarray:
    hole = np.zeros((height, width), bool)
    rng = np.random.default_rng(seed)
    for _ in range(count):
        top, left = rng.integers(0, height - side), rng.integers(0, width - side)
        hole[top : top + side, left : left + side] = True
    return hole


def filled(how: Way, picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The glare in the hole is to play no part."""
    glaring = np.where(hole[:, :, None], 255, picture).astype(np.uint8)
    return fill(how, [glaring], [hole])[0]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("blend", BLENDS)
def test_a_slope_with_many_holes_is_the_slope(size: str, blend: str) -> None:
    picture, hole = slope(150, 210), spots(150, 210, 40, 9)
    out = filled(way(filler(plane), size, blend), picture, hole)
    assert np.array_equal(out[~hole], picture[~hole])
    apart = np.abs(out.astype(int) - picture)[hole]
    # Some of the holes touch, and are too large for a window: those are filled at a smaller size.
    assert apart.max() <= (2 if size == "tile" else 8)


@pytest.mark.parametrize("blend", BLENDS)
def test_a_large_hole_is_filled_from_around_it(blend: str) -> None:
    """Larger than a window: no window would see what is around it."""
    picture, hole = slope(150, 210), spots(150, 210, 1, 90)
    for size in ("auto", "tile"):
        out = filled(way(filler(plane), size, blend), picture, hole)
        assert np.abs(out.astype(int) - picture).max() <= 4


def test_windows_that_disagree_show_no_seam() -> None:
    """Every window is filled by one colour, 6 to 7 grey levels from its neighbour's."""
    picture = slope(128, 256)
    hole = np.random.default_rng(0).random((128, 256)) < 0.7
    out = filled(way(filler(mean), "tile"), picture, hole).astype(int)
    level = out[:, :, 0].astype(float)
    level[~hole] = np.nan
    columns = np.nanmean(level, axis=0)  # of the hole alone, along the slope
    assert np.abs(np.diff(columns)).max() < 2  # as steep as a smooth fade
    assert columns[-1] - columns[0] > 100  # and it does follow the picture


def test_large_holes_and_small_ones_go_their_own_ways() -> None:
    seen: list[tuple[int, ...]] = []

    def watched(x: np.ndarray, hole: np.ndarray) -> np.ndarray:
        seen.append(hole.shape)
        return plane(x, hole)

    picture = slope(300, 300)
    hole = spots(300, 300, 1, 100)
    hole[250:256, 20:26] = hole[280:284, 280:284] = True
    out = filled(way(filler(watched)), picture, hole)
    assert np.abs(out.astype(int) - picture).max() <= 4
    assert 1 < len(seen) < 12  # one part made smaller, and the windows at two small holes
    seen.clear()
    filled(way(filler(watched), "resize"), picture, hole)
    assert len(seen) == 1


@pytest.mark.parametrize(("height", "width"), [(5, 7), (32, 32), (33, 31), (3, 90), (1, 40)])
@pytest.mark.parametrize("size", SIZES)
def test_any_size_will_do(height: int, width: int, size: str) -> None:
    picture = np.full((height, width, 3), (90, 200, 7), np.uint8)
    hole = np.zeros((height, width), bool)
    hole[:, width // 3 : width // 2] = True
    assert np.array_equal(filled(way(filler(plane), size), picture, hole), picture)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 64), (20, 90), (90, 20)])
def test_a_net_of_one_size_sees_the_picture_at_it(height: int, width: int) -> None:
    picture, hole = slope(height, width), spots(height, width, 1, 9)
    for blend in BLENDS:
        out = filled(way(filler(plane, stride=0), blend=blend), picture, hole)
        assert np.array_equal(out[~hole], picture[~hole])
        assert np.abs(out.astype(int) - picture)[hole].max() <= 8


def test_a_frame_that_is_all_hole_gives_way_to_the_whole_picture() -> None:
    picture = slope(32, 96)
    hole = np.zeros((32, 96), bool)
    hole[:, 32:64] = True
    out = filled(way(filler(plane, stride=0)), picture, hole)
    assert np.abs(out.astype(int) - picture).max() <= 8


def test_grey_pictures_and_colour_nets_and_the_other_way() -> None:
    grey = slope(40, 50)[:, :, :1]
    hole = spots(40, 50, 2, 9)
    for stride in (0, 4):
        out = filled(way(filler(plane, 3, stride)), grey, hole)
        assert out.shape == grey.shape
        assert np.abs(out.astype(int) - grey).max() <= 8
        colour = slope(40, 50)
        out = filled(way(filler(plane, 1, stride)), colour, hole)
        assert np.array_equal(out[~hole], colour[~hole])
        assert (np.ptp(out[hole], axis=1) == 0).all()  # grey, since the net knows no colour


def test_many_pictures_at_once_are_each_its_own() -> None:
    sizes = [(32, 32), (50, 40), (20, 60)]
    pictures = [slope(*size) for size in sizes]
    holes = [spots(*size, 1, 8, seed) for seed, size in enumerate(sizes)]
    for stride in (0, 4):
        how = way(filler(plane, stride=stride))
        together = fill(how, pictures, holes)
        for picture, hole, out in zip(pictures, holes, together, strict=True):
            assert np.array_equal(out, fill(how, [picture], [hole])[0])


def test_seed_and_filling_reach_the_net() -> None:
    asked = set()

    def make(x: Tensor, hole: Tensor, seed: int, fillings: Sequence[int]) -> Tensor:
        asked.update((seed, filling) for filling in fillings)
        return x

    by = replace(filler(plane), make=make)
    picture, hole = slope(90, 90), spots(90, 90, 9, 5)
    fill(replace(way(by), seed=7, filling=3), [picture], [hole])
    assert asked == {(7, 3)}


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, Way]:
    height, width = draw(st.integers(1, 90)), draw(st.integers(2, 90))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    picture = rng.integers(0, 256, (height, width, draw(st.sampled_from([1, 3]))), dtype=np.uint8)
    if draw(st.booleans()):
        hole = rng.random((height, width)) < draw(st.floats(0.001, 0.999))
    else:
        hole = np.zeros((height, width), bool)
        tall, wide = draw(st.integers(1, height)), draw(st.integers(1, width))
        hole[:tall, :wide] = True
    hole.flat[0], hole.flat[-1] = True, False
    stride = draw(st.sampled_from([0, 4]))
    by = filler(noise, draw(st.sampled_from([1, 3])), stride)
    size = draw(st.sampled_from(SIZES if stride else ("auto", "resize")))
    return picture, hole, way(by, size, draw(st.sampled_from(list(BLENDS))))


@given(cases())
def test_known_pixels_come_back_to_the_bit(case: tuple[np.ndarray, np.ndarray, Way]) -> None:
    picture, hole, how = case
    before = picture.copy()
    out = fill(how, [picture], [hole])[0]
    assert (out.shape, out.dtype) == (picture.shape, np.uint8)
    assert np.array_equal(out[~hole], picture[~hole])
    assert np.array_equal(picture, before)  # and nothing of the caller's is changed


@given(cases())
def test_every_pixel_of_the_hole_is_filled(case: tuple[np.ndarray, np.ndarray, Way]) -> None:
    """And what it showed plays no part."""
    picture, hole, how = case
    other = np.where(hole[:, :, None], 255 - picture, picture)
    assert np.array_equal(fill(how, [picture], [hole])[0], fill(how, [other], [hole])[0])


def test_sizes_by_name() -> None:
    check_size("tile", filler(plane))
    check_size("auto", filler(plane, stride=0))
    with pytest.raises(UserError, match=r"size 'tiles' is not known; did you mean 'tile'\?"):
        check_size("tiles", filler(plane))
    with pytest.raises(UserError, match=r"--size tile needs a run of a completion net.*32x32"):
        check_size("tile", filler(plane, stride=0))
