"""Nets that are made up, so that how far they look, and what is right, is known."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from gansmith.apps.translate.sizing import (
    ALIKE,
    FARTHEST,
    PIXELS,
    Way,
    Windows,
    reach,
    translated,
    windows_for,
)
from gansmith.data.pictures import Picture
from gansmith.models import Spec, Style, Translator

Net = Callable[[Tensor], Tensor]


def make_of(net: Net, stride: int = 1):
    def make(x_BCHW: Tensor, seed: int, numbers: Sequence[int]) -> Tensor:
        assert x_BCHW.dtype == torch.uint8
        assert all(side % stride == 0 for side in x_BCHW.shape[2:])
        assert len(numbers) == len(x_BCHW)
        assert x_BCHW.shape[0] * x_BCHW.shape[2] * x_BCHW.shape[3] <= max(PIXELS, 4 * 320**2)
        return net(x_BCHW.float()).round().clamp(0, 255).to(torch.uint8)

    return make


def box(radius: int) -> Net:
    """The mean of a square, zeros outside of the picture: darker at its edges, as nets are."""
    side = 2 * radius + 1
    weight = torch.full((3, 1, 1, side), 1.0 / side)

    def net(x: Tensor) -> Tensor:
        x = F.conv2d(x, weight, padding=(0, radius), groups=3)
        return F.conv2d(x, weight.mT, padding=(radius, 0), groups=3)

    return net


def levelled(x: Tensor) -> Tensor:
    """Every picture to a mean of 128, as instance normalisation does: it looks at all of it."""
    return x - x.mean((2, 3), keepdim=True) + 128


def slope(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    levels = [200 * x / width + 20, 200 * y / height + 20, 100 * (x / width + y / height) + 20]
    return np.stack(levels, axis=2).round().astype(np.uint8)


def way_of(net: Net, stride: int = 1) -> Way:
    make = make_of(net, stride)
    return Way(make, (3, 3), stride, windows_for(make, 3, stride))


@pytest.mark.parametrize(("radius", "stride"), [(0, 1), (3, 1), (10, 4), (20, 16)])
def test_how_far_a_net_looks_is_measured(radius: int, stride: int) -> None:
    found = reach(make_of(box(radius), stride), 3, stride)
    assert found is not None
    assert found % stride == 0
    assert radius - stride < found <= max(stride, -(-radius // stride) * stride)


@pytest.mark.parametrize("net", [box(FARTHEST + 20), levelled])
def test_a_net_that_looks_at_everything_is_known(net: Net) -> None:
    contrast = (lambda x: levelled(x)) if net is levelled else (lambda x: 40 * net(x) % 256)
    assert reach(make_of(contrast), 3, 1) is None
    assert windows_for(make_of(contrast), 3, 1) == Windows(256, 128, None)


def test_windows_overlap_as_far_as_the_net_looks() -> None:
    near, far = (windows_for(make_of(box(radius), 4), 3, 4) for radius in (2, 30))
    for windows, radius in ((near, 2), (far, 30)):
        assert windows.rim is not None
        assert windows.side - windows.step >= 2 * radius
        assert windows.side % 4 == windows.step % 4 == 0
    assert near.step > far.step


@pytest.mark.parametrize(("radius", "stride"), [(3, 1), (10, 4)])
@pytest.mark.parametrize("size", [(600, 700), (601, 533), (40, 7_000)])
def test_windows_make_what_the_whole_would_be(
    radius: int, stride: int, size: tuple[int, int]
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    net = box(radius)
    found = translated(way_of(net, stride), Picture(noise))
    height, width = size
    padded = np.pad(noise, ((0, -height % stride), (0, -width % stride), (0, 0)), mode="symmetric")
    whole = net(torch.from_numpy(padded).permute(2, 0, 1)[None].float())[0].permute(1, 2, 0).numpy()
    assert np.abs(found - whole[:height, :width]).max() < 1.01
    assert found.shape == (*size, 3)


@pytest.mark.parametrize("net", [box(10), levelled])
def test_a_smooth_slope_shows_no_seam(net: Net) -> None:
    """Windows that disagree, too, fade into each other: no step from a pixel to the next."""
    picture = slope(600, 700)
    made = translated(way_of(net, 4), Picture(picture)).astype(int)
    inner = made[16:-16, 16:-16]  # at the picture's edge the net itself is darker
    assert np.abs(np.diff(inner, axis=0)).max() <= 2
    assert np.abs(np.diff(inner, axis=1)).max() <= 2
    assert np.abs(np.diff(inner, axis=1)).any()


def test_a_seam_would_be_seen() -> None:
    """Of windows that do not overlap the same slope has steps: the test above can fail."""
    make = make_of(levelled, 4)
    way = Way(make, (3, 3), 4, Windows(256, 256, 0))
    made = translated(way, Picture(slope(600, 700))).astype(int)
    assert np.abs(np.diff(made, axis=1)).max() > 20


def residual(name: str, side: int) -> Translator:
    """An untrained net of a family that adds to its picture, as the recipe `pix2pix` has it."""
    torch.manual_seed(0)
    g, d = Style("leaky-relu", "none", "linear", residual=True), Style("leaky-relu", "none")
    spec = Spec(name, (3, side, side), 4, 4, 1, kind="translation", g=g, d=d, in_channels=3)
    net = Translator(spec.nets()[0], spec)
    with torch.no_grad():
        for p in net.net.parameters():
            if not p.any():
                p.normal_(0, 0.05)  # branches that start at zero do so no more
    return net


@pytest.mark.parametrize(("name", "side"), [("unet", 16), ("unet", 64), ("translator", 16)])
def test_nets_that_add_to_their_picture_show_no_seam(name: str, side: int) -> None:
    """Windows are what the whole would be, whether the net looks near or far; and no step shows."""
    net = residual(name, side)
    windows = windows_for(net.translate, 3, net.stride)
    picture = slope(512, 768)
    way = Way(net.translate, (3, 3), net.stride, windows)
    made = translated(way, Picture(picture)).astype(int)
    x = torch.from_numpy(picture).permute(2, 0, 1)[None]
    whole = net.translate(x, 0, [0])[0].permute(1, 2, 0).numpy().astype(int)
    assert np.abs(made - whole).max() <= ALIKE + 1
    for axis in (0, 1):
        steps, natural = (np.abs(np.diff(each, axis=axis)).max() for each in (made, whole))
        assert steps <= natural + 1
    added = np.abs(made - picture.astype(int)).mean()
    assert 0.5 < added < 60, "the net does something, to a picture that is still there"


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (16, 16), (17, 3), (1, 600)])
def test_any_size_will_do(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    made = translated(way_of(lambda x: 255 - x, 16), Picture(picture))
    assert np.array_equal(made, 255 - picture)


def test_colour_becomes_grey_and_grey_colour() -> None:
    grey = np.random.default_rng(2).integers(0, 256, (20, 24, 1), dtype=np.uint8)
    make = make_of(lambda x: (255 - x).mean(1, keepdim=True))
    made = translated(Way(make, (3, 1), 1), Picture(grey))
    assert np.array_equal(made, 255 - grey)


def test_seed_and_number_reach_the_net_and_rows_are_told() -> None:
    asked, rows = set(), []

    def make(x: Tensor, seed: int, numbers: Sequence[int]) -> Tensor:
        asked.update((seed, number) for number in numbers)
        return x

    way = Way(make, (3, 3), 4, Windows(64, 32, None), seed=7, number=3)
    translated(way, Picture(slope(600, 600)), lambda done, total: rows.append((done, total)))
    assert asked == {(7, 3)}
    assert rows[-1] == (600, 600)
    assert len(rows) > 10
