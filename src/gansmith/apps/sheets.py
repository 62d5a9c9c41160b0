"""A run's sample sheets: always the same noise, so that they can be compared over time."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gansmith.apps.completing import Completions
from gansmith.data import DataInfo
from gansmith.models import Generator
from gansmith.reports.sheets import picture_bytes, scatter, sheet, strip, write_file

SHEET_SEED = 0
SHEET_SAMPLES = 64
SCATTER_SAMPLES = 2_500
FILLED, FILLED_COLUMNS = 24, 8  # completed pictures on a sheet, and in each of its rows
HOLE_GREY = 128


def draw_sheet(generator: Generator, step: int, info: DataInfo, folder: Path) -> str:
    """Draw one sheet (or scatter plot) of the generator as it is; returns the file's name."""
    path = folder / "samples" / f"step-{step:08d}.png"
    path.parent.mkdir(exist_ok=True)
    if generator.spec.kind == "points":
        points = generator.sample(SCATTER_SAMPLES, SHEET_SEED, batch=SCATTER_SAMPLES).numpy()
        scatter(points, np.asarray(info.modes) if info.modes else None, path)
    elif isinstance(generator, Completions):
        rows = filled_rows(generator)
        laid = sheet(rows.permute(0, 2, 3, 1).numpy(), columns=FILLED_COLUMNS)
        write_file(path, picture_bytes(laid))
    else:
        images = generator.sample(SHEET_SAMPLES, SHEET_SEED, batch=SHEET_SAMPLES)
        write_file(path, picture_bytes(sheet(images.permute(0, 2, 3, 1).numpy())))
    return path.name


def filled_rows(completions: Completions) -> Tensor:
    """Rows of completed pictures, under each the pictures with their holes, and as they had been.

    Returns:
        uint8 NCHW, `FILLED_COLUMNS` to a row.
    """
    rows = []
    for made, real, mask in completions.filled(FILLED, SHEET_SEED, FILLED_COLUMNS):
        rows += [made, real.masked_fill(mask[:, None], HOLE_GREY), real]
    return torch.cat(rows)


def draw_strip(folder: Path) -> None:
    """The sheets' first rows over time, as ``samples/strip.gif``."""
    sheets = sorted((folder / "samples").glob("step-*.png"))
    if sheets:
        strip(sheets, folder / "samples" / "strip.gif")
