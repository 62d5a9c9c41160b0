"""Draw samples from a run or a saved generator and write them as pictures."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from gansmith.apps import runs
from gansmith.errors import UserError, nearest
from gansmith.models import NO_SAMPLES, Generator
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
        The folder that was written in. It holds no other samples: in the default folder those
        of an earlier call are removed.

    Raises:
        UserError: if there is no generator, or the folder cannot be written or holds samples of an
            earlier call that would stay among the new ones.
    """
    if count < 1:
        raise UserError(f"cannot make {count} samples: ask for at least one")
    if batch < 1:
        raise UserError(f"cannot make {batch} samples at a time: batch is at least one")
    generator = runs.load(source)
    if generator.spec.kind in NO_SAMPLES:
        raise UserError(f"{source}: {NO_SAMPLES[generator.spec.kind]}")
    chosen = class_number(generator, class_name)
    folder = Path(out) if out is not None else _default_folder(source, seed, chosen)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: this is a file; --out names a folder to write in")
    older = _leftover(folder, count) if generator.spec.kind == "images" and not grid else []
    if older and out is not None:
        raise UserError(
            f"{folder}: {len(older)} other samples are here, which would stay among the new "
            f"{count} ones; name another --out"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in older:
            path.unlink()
        if generator.spec.kind == "images" and not grid:
            _write_images(generator, count, seed, chosen, batch, folder, progress)
        else:
            _write_at_once(generator.sample(count, seed, chosen, batch), grid, folder)
    except OSError as error:
        raise UserError(f"{folder}: {(error.strerror or str(error)).lower()}") from error
    return folder


def _leftover(folder: Path, count: int) -> list[Path]:
    """Samples of an earlier call that this one would not write over."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.glob("*.png") if re.fullmatch(r"\d{6,}", path.stem)]
    return sorted(path for path in found if int(path.stem) >= count)


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


def _write_at_once(samples: Tensor, grid: bool, folder: Path) -> None:
    """Points as numbers or as a plot, or images as one sheet."""
    if samples.ndim == 4:
        sheet(samples.permute(0, 2, 3, 1).numpy()).save(folder / "grid.png")
    elif grid:
        scatter(samples.numpy(), None, folder / "grid.png")
    else:
        np.save(folder / "points.npy", samples.numpy(), allow_pickle=False)
