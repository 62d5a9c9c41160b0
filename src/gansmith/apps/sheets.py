"""A run's sample sheets: always the same noise, so that they can be compared over time."""

from pathlib import Path

import numpy as np

from gansmith.apps.showing import OfPictures
from gansmith.data import DataInfo
from gansmith.models import Generator
from gansmith.reports.sheets import picture_bytes, scatter, sheet, strip, write_file

SHEET_SEED = 0
SHEET_SAMPLES = 64
SCATTER_SAMPLES = 2_500
COLUMNS = 8  # of pictures that were made of others


def draw_sheet(generator: Generator, step: int, info: DataInfo, folder: Path) -> str:
    """Draw one sheet (or scatter plot) of the generator as it is; returns the file's name."""
    path = folder / "samples" / f"step-{step:08d}.png"
    path.parent.mkdir(exist_ok=True)
    if generator.spec.kind == "points":
        points = generator.sample(SCATTER_SAMPLES, SHEET_SEED, batch=SCATTER_SAMPLES).numpy()
        scatter(points, np.asarray(info.modes) if info.modes else None, path)
    elif isinstance(generator, OfPictures):
        rows = generator.rows(SHEET_SEED)
        laid = sheet(rows.permute(0, 2, 3, 1).numpy(), columns=COLUMNS)
        write_file(path, picture_bytes(laid))
    else:
        images = generator.sample(SHEET_SAMPLES, SHEET_SEED, batch=SHEET_SAMPLES)
        write_file(path, picture_bytes(sheet(images.permute(0, 2, 3, 1).numpy())))
    return path.name


def draw_strip(folder: Path) -> None:
    """The sheets' first rows over time, as ``samples/strip.gif``."""
    sheets = sorted((folder / "samples").glob("step-*.png"))
    if sheets:
        strip(sheets, folder / "samples" / "strip.gif")
