"""Sheets keep every pixel, strips the order of time, and scatters the places of points."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gansmith.errors import UserError
from gansmith.reports.sheets import (
    GAP_GREY,
    first_rows,
    load_picture,
    plot_only,
    scatter,
    sheet,
    spread,
    strip,
    write_file,
)


def images(count: int, height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    shape = (count, height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 40),
    height=st.integers(2, 12),
    width=st.integers(2, 12),
    channels=st.sampled_from([1, 3]),
    columns=st.none() | st.integers(1, 9),
    scale=st.none() | st.integers(1, 3),
    gap=st.integers(0, 3),
)
def test_every_pixel_comes_back_from_its_cell(
    count: int, height: int, width: int, channels: int,
    columns: int | None, scale: int | None, gap: int,
) -> None:  # fmt: skip
    given_images = images(count, height, width, channels)
    picture = sheet(given_images, columns, scale, gap)
    pixels = np.asarray(picture).reshape(picture.height, picture.width, channels)
    size = scale or 0
    if not scale:  # the automatic one: read it off the picture's width
        candidates = [
            (cols, s)
            for cols in ([min(columns, count)] if columns else range(1, count + 1))
            for s in range(1, 400)
            if cols * (width * s + gap) + gap == picture.width
            and -(-count // cols) * (height * s + gap) + gap == picture.height
        ]
        assert candidates
        cols, size = candidates[0]
    else:
        cols = (picture.width - gap) // (width * size + gap)
    for index in range(count):
        top = gap + index // cols * (height * size + gap)
        left = gap + index % cols * (width * size + gap)
        cell = pixels[top : top + height * size, left : left + width * size]
        assert (cell[::size, ::size] == given_images[index]).all()
        assert (cell[size - 1 :: size, size - 1 :: size] == given_images[index]).all()


def test_64_digits_are_eight_by_eight_and_about_700_wide() -> None:
    picture = sheet(images(64, 28, 28, 1))
    assert picture.size == (690, 690)
    assert picture.mode == "L"
    assert sheet(images(64, 32, 32, 3)).size == (8 * 98 + 2, 8 * 98 + 2)


def test_large_images_are_never_shrunk_and_wide_ones_stand_in_fewer_columns() -> None:
    assert sheet(images(4, 256, 256, 3)).width >= 512
    wide = sheet(images(36, 16, 64, 1), scale=1, gap=0)
    assert wide.width / wide.height == pytest.approx(1, abs=0.8)


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((4, 8, 8), np.uint8),
        np.zeros((4, 8, 8, 2), np.uint8),
        np.zeros((4, 8, 8, 1), np.float32),
        np.zeros((0, 8, 8, 1), np.uint8),
    ],
)
def test_what_is_no_batch_of_images_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected uint8|at least one"):
        sheet(bad)


def test_the_first_row_of_a_sheet_is_found_by_its_lines() -> None:
    batch = images(12, 10, 8, 3)
    whole, row = sheet(batch, columns=4, scale=2), sheet(batch[:4], columns=4, scale=2)
    assert (np.asarray(first_rows(whole)) == np.asarray(row)).all()
    two = sheet(batch[:8], columns=4, scale=2)
    assert (np.asarray(first_rows(whole, 2)) == np.asarray(two)).all()
    assert first_rows(whole, 9) is whole
    plain = Image.new("L", (20, 20), 255)
    assert first_rows(plain) is plain
    assert first_rows(Image.new("L", (4, 4), GAP_GREY)).size == (4, 4)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_strip_shows_the_first_rows_in_the_order_of_time(tmp_path: Path, channels: int) -> None:
    paths = []
    for index in range(5):
        batch = np.full((6, 8, 8, channels), index * 50 + 3, np.uint8)
        batch[:, :4] = 255  # so that a row is never all one grey
        path = tmp_path / f"step-{index:08d}.png"
        sheet(batch, columns=3, scale=2).save(path)
        paths.append(path)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG and no more")
    content = strip([*paths, tmp_path / "broken.png"], tmp_path / "strip.gif", milliseconds=100)
    assert (tmp_path / "strip.gif").read_bytes() == content
    with Image.open(io.BytesIO(content)) as gif:
        assert gif.n_frames == 5
        assert gif.info["loop"] == 0
        assert gif.size == (3 * 18 + 2, 18 + 2)
        greys, durations = [], []
        for index in range(5):
            gif.seek(index)
            durations.append(gif.info["duration"])
            greys.append(gif.convert("L").getpixel((10, 16)))
    assert greys == pytest.approx([3, 53, 103, 153, 203], abs=6)
    assert durations == [100, 100, 100, 100, 2000]


def test_a_strip_of_nothing_readable_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="readable"):
        strip([tmp_path / "none.png"])


@given(count=st.integers(0, 300), most=st.integers(1, 40))
def test_spread_keeps_the_ends_and_the_order(count: int, most: int) -> None:
    chosen = spread(count, most)
    assert len(chosen) == min(count, most)
    assert chosen == sorted(set(chosen))
    if count:
        assert chosen[-1] == count - 1
        assert most == 1 or chosen[0] == 0


def test_a_damaged_picture_is_none(tmp_path: Path) -> None:
    whole = tmp_path / "whole.png"
    sheet(images(4, 8, 8, 3)).save(whole)
    (tmp_path / "half.png").write_bytes(whole.read_bytes()[:200])
    (tmp_path / "empty.png").touch()
    assert load_picture(whole) is not None
    assert load_picture(tmp_path / "half.png") is None
    assert load_picture(tmp_path / "empty.png") is None
    assert load_picture(tmp_path) is None


def test_a_file_is_written_whole_or_an_error_says_where(tmp_path: Path) -> None:
    write_file(tmp_path / "a.txt", b"one")
    write_file(tmp_path / "a.txt", b"two")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_bytes() == b"two"
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="folder: cannot be written"):
        write_file(tmp_path / "folder", b"three")
    with pytest.raises(UserError, match="no such file"):
        write_file(tmp_path / "missing" / "a.txt", b"four")


def blue_and_orange(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Where, in the axes' units of [0, 1] from the lower left, a picture is blue and orange."""
    picture = load_picture(path)
    assert picture is not None
    pixels = np.asarray(plot_only(picture)).astype(int)
    red, blue = pixels[..., 0], pixels[..., 2]
    found = []
    for mask in (blue - red > 40, red - blue > 60):
        y, x = np.nonzero(mask)
        found.append(np.stack([x / mask.shape[1], 1 - y / mask.shape[0]], 1))
    return found[0], found[1]


def test_a_scatter_shows_points_and_centres_where_they_are(tmp_path: Path) -> None:
    centres = np.array([[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]])
    rng = np.random.default_rng(0)
    points = np.array([1.0, 1.0]) + 0.05 * rng.normal(size=(500, 2))  # one mode of four
    points[0] = np.nan
    points[1] = 40.0
    path = tmp_path / "点.png"
    scatter(points, centres, path)
    blue, orange = blue_and_orange(path)
    # The frame spans 1.4 times the centres' extent: 1 lies at (1 + 1.4) / 2.8 of it.
    assert blue.mean(0) == pytest.approx([2.4 / 2.8] * 2, abs=0.02)
    assert orange.mean(0) == pytest.approx([0.5, 0.5], abs=0.02)
    assert (orange < 0.5).all(1).any()


def test_a_scatter_needs_neither_centres_nor_points(tmp_path: Path) -> None:
    scatter(np.random.default_rng(0).normal(size=(200, 2)) + 30, None, tmp_path / "a.png")
    blue, _ = blue_and_orange(tmp_path / "a.png")
    assert blue.mean(0) == pytest.approx([0.5, 0.5], abs=0.1)
    scatter(np.empty((0, 2)), None, tmp_path / "b.png")
    with pytest.raises(ValueError, match="expected points"):
        scatter(np.zeros((3, 3)), None, tmp_path / "c.png")
