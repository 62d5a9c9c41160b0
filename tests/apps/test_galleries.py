"""Pictures beside the scores: who is near to whom, who looks best, who worst."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from gansmith.apps.galleries import NEIGHBOURS, ROWS, draw_galleries
from gansmith.apps.scoring import ScoreOptions, Scorer
from gansmith.data import open_data
from gansmith.reports.sheets import sheet


def cells(path: Path, columns: int, rows: int, side: int) -> np.ndarray:
    """The images of a sheet, at their own size."""
    pixels = np.asarray(Image.open(path))
    scale = (pixels.shape[1] - 2) // columns // side
    step = side * scale + 2
    found = [
        pixels[2 + r * step : 2 + r * step + side * scale : scale,
               2 + c * step : 2 + c * step + side * scale : scale]
        for r in range(rows) for c in range(columns)
    ]  # fmt: skip
    return np.stack(found)


def test_the_cells_of_a_sheet_are_read_back(tmp_path: Path) -> None:
    images = np.arange(6 * 16, dtype=np.uint8).reshape(6, 4, 4, 1)
    sheet(images, columns=3).save(tmp_path / "sheet.png")
    np.testing.assert_array_equal(cells(tmp_path / "sheet.png", 3, 2, 4), images[..., 0])


def test_galleries_show_copies_first_and_rank_by_realism(tmp_path: Path) -> None:
    test = open_data("digits", split="test", limit=400)
    train = open_data("digits", limit=600)
    scorer = Scorer.of(test, train, ScoreOptions(count=400))
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, (30, 1, 28, 28), dtype=torch.uint8, generator=generator)
    copied = train.batch(np.arange(100, 103))[0]
    other = open_data("digits", split="test").batch(np.arange(5_000, 5_060))[0]
    fake = scorer.take([torch.cat([noise, other, copied])])
    draw_galleries(scorer, fake, tmp_path / "gallery")
    assert {path.name for path in (tmp_path / "gallery").iterdir()} == {
        "nearest.png",
        "typical.png",
        "worst.png",
    }
    shown = cells(tmp_path / "gallery" / "nearest.png", 1 + NEIGHBOURS, ROWS, 28)
    rows = shown.reshape(ROWS, 1 + NEIGHBOURS, 28, 28)
    found = {row[0].tobytes() for row in rows[:3]}
    assert found == {image[0].numpy().tobytes() for image in copied}
    for row in rows[:3]:  # a copy's nearest training image is its source
        np.testing.assert_array_equal(row[0], row[1])
    worst = cells(tmp_path / "gallery" / "worst.png", 8, 1, 28)
    typical = cells(tmp_path / "gallery" / "typical.png", 8, 1, 28)
    assert worst.mean() > 100 > typical.mean()  # noise is grey, digits are mostly dark


def test_few_samples_have_small_galleries(tmp_path: Path) -> None:
    test = open_data("digits", split="test", limit=40)
    scorer = Scorer.of(test, None, ScoreOptions(count=40))
    fake = scorer.take([open_data("digits").batch(np.arange(5))[0]])
    draw_galleries(scorer, fake, tmp_path)
    assert len(list(tmp_path.iterdir())) == 3
