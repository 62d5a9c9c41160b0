"""Draw samples from a run or a saved generator and write them as pictures."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from gansmith.apps import runs
from gansmith.errors import UserError, nearest
from gansmith.models import Generator
from gansmith.reports.sheets import scatter, sheet

Progress = Callable[[str, int, int], None]


def class_number(generator: Generator, wanted: str | None) -> int | None:
    """A class by its name or its number.

    Raises:
        UserError: if the generator does not know it.
    """
    if wanted is None:
        return None
    names = generator.spec.classes
    if wanted in names:
        return names.index(wanted)
    if re.fullmatch(r"[0-9]{1,9}", wanted) and int(wanted) < len(names):
        return int(wanted)
    more = ", ..." if len(names) > 12 else ""
    what = f"knows {', '.join(names[:12])}{more}" if names else "was trained without classes"
    raise UserError(f"class {wanted!r} is not known{nearest(wanted, names)}: this generator {what}")


def picture(pixels_HWC: np.ndarray) -> Image.Image:
    """uint8 (H, W, 1 or 3) as a picture."""
    return Image.fromarray(pixels_HWC[:, :, 0] if pixels_HWC.shape[2] == 1 else pixels_HWC)


def sample(
    source: str | Path,
    count: int = 64,
    seed: int = 0,
    class_name: str | None = None,
    grid: bool = False,
    out: str | Path | None = None,
    batch: int = 128,
    progress: Progress | None = None,
) -> Path:
    """Write ``000000.png``, ``000001.png``, ... or, with ``grid``, one sheet ``grid.png``.

    Sample i is a function of the seed and i. Points are written as ``points.npy`` (float32 N×2),
    or with ``grid`` as a scatter plot.

    Args:
        source: a run, a saved generator or a hub name.
        count: how many.
        seed: which samples.
        class_name: name or number of a class, for a conditional generator.
        grid: one sheet instead of one file per sample.
        out: the folder to write in; by default ``samples-seed-S`` in the run (``-class-K`` with a
            class).

    Returns:
        The folder that was written in.

    Raises:
        UserError: if there is no generator, or the folder cannot be written.
    """
    if count < 1:
        raise UserError(f"cannot make {count} samples: ask for at least one")
    if batch < 1:
        raise UserError(f"cannot make {batch} samples at a time: batch is at least one")
    generator = runs.load(source)
    chosen = class_number(generator, class_name)
    folder = Path(out) if out is not None else _default_folder(source, seed, chosen)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: this is a file; --out names a folder to write in")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if generator.spec.kind == "points":
            points = generator.sample(count, seed, chosen, batch).numpy()
            _write_points(points, grid, folder)
        elif grid:
            images = generator.sample(count, seed, chosen, batch).permute(0, 2, 3, 1).numpy()
            sheet(images).save(folder / "grid.png")
        else:
            _write_images(generator, count, seed, chosen, batch, folder, progress)
    except OSError as error:
        raise UserError(f"{folder}: {(error.strerror or str(error)).lower()}") from error
    return folder


def _default_folder(source: str | Path, seed: int, chosen: int | None) -> Path:
    """In the run or saved folder itself; of a generator from the hub, here."""
    name = f"samples-seed-{seed}" + ("" if chosen is None else f"-class-{chosen}")
    path = Path(source)
    return path / name if path.is_dir() else Path(f"{path.name}-{name}")


def _write_images(
    generator: Generator,
    count: int,
    seed: int,
    chosen: int | None,
    batch: int,
    folder: Path,
    progress: Progress | None,
) -> None:
    done = 0
    for images in generator.batches(count, seed, chosen, batch):
        for pixels in images.permute(0, 2, 3, 1).numpy():
            picture(pixels).save(folder / f"{done:06d}.png")
            done += 1
        if progress:
            progress("sampling", done, count)


def _write_points(points: np.ndarray, grid: bool, folder: Path) -> None:
    if grid:
        scatter(points, None, folder / "grid.png")
    else:
        np.save(folder / "points.npy", points, allow_pickle=False)
