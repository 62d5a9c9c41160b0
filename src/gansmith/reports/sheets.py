"""Sample sheets, the strip of sheets over time, and pictures of two-dimensional points."""

import io
import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from gansmith.errors import UserError
from gansmith.files import write_atomically

GAP_GREY = 24  # nearly black: quiet between digits on black and between photographs alike
PLOT = (0.07, 0.06, 0.9, 0.9)  # left, bottom, width, height of a scatter's axes in its picture
TARGET_WIDTH = 704  # pixels: what a sheet aims at, so that 8 columns of 28 px become 690


def sheet(
    images: np.ndarray, columns: int | None = None, scale: int | None = None, gap: int = 2
) -> Image.Image:
    """Lay out images in rows, left to right, enlarged by a whole factor without blurring.

    Args:
        images: uint8 [N, H, W, C] in [0, 255], C of 1 (grey) or 3 (RGB), N of at least 1.
        columns: images per row; by default what makes the sheet about square, whole rows first.
        scale: how many pixels one pixel becomes; by default what makes the sheet about 700 wide.
        gap: pixels of dark line between images and around the sheet.

    Returns:
        A picture of mode ``L`` or ``RGB``; cells that have no image are dark.

    Raises:
        ValueError: if the array is not as described.
    """
    if images.ndim != 4 or images.dtype != np.uint8 or images.shape[3] not in (1, 3):
        raise ValueError(
            f"expected uint8 [N, H, W, 1 or 3], got {images.dtype} {list(images.shape)}"
        )
    count, height, width, channels = images.shape
    if count == 0:
        raise ValueError("a sheet needs at least one image")
    columns = min(columns or _columns(count, height, width), count)
    rows = math.ceil(count / columns)
    scale = scale or max(1, round(TARGET_WIDTH / (columns * width)))
    cell_h, cell_w = height * scale, width * scale
    canvas = np.full(
        (rows * (cell_h + gap) + gap, columns * (cell_w + gap) + gap, channels), GAP_GREY, np.uint8
    )
    for index, image in enumerate(images):
        top = gap + (index // columns) * (cell_h + gap)
        left = gap + (index % columns) * (cell_w + gap)
        canvas[top : top + cell_h, left : left + cell_w] = image.repeat(scale, 0).repeat(scale, 1)
    return Image.fromarray(canvas[:, :, 0] if channels == 1 else canvas)


def _columns(count: int, height: int, width: int) -> int:
    """Near sqrt(N * H / W), moved to a divisor of N when one lies within a factor of 1.5."""
    ideal = min(count, max(1.0, math.sqrt(count * height / width)))
    divisors = [d for d in range(1, count + 1) if count % d == 0 and ideal / 1.5 <= d < ideal * 1.5]
    return min(divisors, key=lambda d: abs(math.log(d / ideal)), default=math.ceil(ideal))


def first_rows(picture: Image.Image, rows: int = 1) -> Image.Image:
    """The top of a sheet: its first ``rows`` rows of images with the dark lines around them.

    The rows are found by the lines that `sheet` draws; a picture without them (a scatter, or a
    sheet made without a gap) is returned whole.
    """
    pixels = np.asarray(picture.convert("L"))
    line = (pixels == GAP_GREY).all(axis=1)
    if not line[0] or line.all():
        return picture
    seen = 0
    for y in range(1, len(line)):
        seen += bool(line[y] and not line[y - 1])
        if seen == rows:
            gap = int(np.argmin(line))  # the first line of an image: the top line is as thick
            return picture.crop((0, 0, picture.width, min(y + gap, picture.height)))
    return picture


def load_picture(path: Path) -> Image.Image | None:
    """A picture of mode ``L`` or ``RGB`` from a file, or None if it is missing or damaged."""
    try:
        with Image.open(path) as opened:
            opened.load()
            grey = opened.mode in ("1", "L", "LA", "I;16")
            return opened.convert("L" if grey else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def strip(
    sheets: Sequence[Path | Image.Image],
    path: Path | None = None,
    rows: int = 1,
    milliseconds: int = 250,
    most: int = 60,
) -> bytes:
    """An animated GIF of the sheets' first rows over time; it loops, and rests on the last one.

    Args:
        sheets: pictures in the order of time, or their files; damaged files are left out.
        path: where to write it too, if anywhere.
        rows: how many rows of every sheet to show.
        milliseconds: how long one sheet stays.
        most: of more sheets than these, as many are taken evenly, the first and the last included.

    Raises:
        ValueError: if not one sheet can be read.
        UserError: if the file cannot be written.
    """
    chosen = [sheets[i] for i in spread(len(sheets), most)]
    pictures = [load_picture(one) if isinstance(one, Path) else one for one in chosen]
    frames = [first_rows(one, rows) for one in pictures if one is not None]
    if not frames:
        raise ValueError("a strip needs at least one readable sheet")
    size = frames[-1].size
    frames = [one if one.size == size else one.resize(size) for one in frames]
    if any(one.mode != "L" for one in frames):
        frames = [one.convert("RGB").quantize(256, dither=Image.Dither.NONE) for one in frames]
    durations = [milliseconds] * (len(frames) - 1) + [max(2000, milliseconds)]
    buffer = io.BytesIO()
    frames[0].save(
        buffer, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0
    )
    if path is not None:
        write_file(path, buffer.getvalue())
    return buffer.getvalue()


def spread(count: int, most: int) -> list[int]:
    """At most ``most`` indices of ``range(count)``, evenly, the first and the last among them."""
    if count <= most:
        return list(range(count))
    if most == 1:
        return [count - 1]
    return sorted({round(i * (count - 1) / (most - 1)) for i in range(most)})


def picture_bytes(picture: Image.Image) -> bytes:
    """A picture as a PNG file."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: beside it first, then renamed over it.

    Raises:
        UserError: if the folder cannot be written to.
    """
    try:
        write_atomically(path, content)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({os.strerror(error.errno or 0).lower()})"
        ) from None


def scatter(points: np.ndarray, centres: np.ndarray | None, path: Path) -> None:
    """A square picture of generated points (blue) over the centres of the real modes (orange).

    Args:
        points: float [N, 2], the generated samples; those that are not finite are left out.
        centres: float [K, 2], the modes of the mixture, or None when it has none.
        path: the PNG to write. The frame shows the centres with a margin, so that pictures of
            one run share their axes; without centres it shows the middle 98 % of the points.

    Raises:
        ValueError: if the points are not [N, 2].
        UserError: if the file cannot be written.
    """
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"expected points [N, 2], got {list(points.shape)}")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure

    finite = points[np.isfinite(points).all(axis=1)]
    figure = Figure(figsize=(6.9, 6.9), dpi=100, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes(PLOT)
    (left, right), (bottom, top) = _frame(finite, centres)
    shown = finite[:20_000]
    inside = (np.abs(shown - [(left + right) / 2, (bottom + top) / 2]) <= (right - left) / 2).all(1)
    label = f"generated ({len(points):,})"
    if outside := len(shown) - int(inside.sum()):
        label += f", {outside:,} outside the frame"
    axes.scatter(
        shown[inside, 0], shown[inside, 1], s=7, c="#0072B2", alpha=0.35, linewidths=0, label=label
    )
    if centres is not None and len(centres):
        axes.scatter(
            centres[:, 0], centres[:, 1], s=130, facecolors="none", edgecolors="#D55E00",
            linewidths=1.4, label=f"real modes ({len(centres)})",
        )  # fmt: skip
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
    axes.tick_params(color="#bbbbbb", labelcolor="#666666", labelsize=9)
    for spine in axes.spines.values():
        spine.set_color("#dddddd")
    legend = figure.legend(
        loc="upper left", bbox_to_anchor=(0.055, 1.0), ncols=2, frameon=False, fontsize=10,
        handletextpad=0.2, columnspacing=1.2,
    )  # fmt: skip
    for handle, size in zip(legend.legend_handles, (40, 60), strict=False):
        if isinstance(handle, PathCollection):
            handle.set_sizes([size])
            handle.set_alpha(1)
    buffer = io.BytesIO()
    canvas.print_png(buffer)
    write_file(path, buffer.getvalue())


def plot_only(picture: Image.Image) -> Image.Image:
    """What lies inside the axes of a picture by `scatter`, for showing it small."""
    left, bottom, wide, high = PLOT
    box = (left, 1 - bottom - high, left + wide, 1 - bottom)
    sides = (picture.width, picture.height, picture.width, picture.height)
    return picture.crop(tuple(round(f * side) for f, side in zip(box, sides, strict=True)))  # type: ignore[arg-type]


Range = tuple[float, float]


def _frame(points: np.ndarray, centres: np.ndarray | None) -> tuple[Range, Range]:
    """Equal spans in x and y around the centres, or around the middle 98 % of the points."""
    if centres is not None and len(centres):
        low, high, margin = centres.min(0), centres.max(0), 0.2
    elif len(points):
        low, high, margin = np.quantile(points, 0.01, 0), np.quantile(points, 0.99, 0), 0.1
    else:
        low, high, margin = np.full(2, -1.0), np.full(2, 1.0), 0.1
    half = max(float((high - low).max()) / 2, 1e-3) * (1 + 2 * margin)
    x, y = (low + high) / 2
    return (float(x - half), float(x + half)), (float(y - half), float(y + half))
