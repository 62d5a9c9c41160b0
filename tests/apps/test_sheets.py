from pathlib import Path

import numpy as np
import torch
from PIL import Image

from gansmith.apps.sheets import draw_sheet, draw_strip
from gansmith.data import describe
from gansmith.models import Generator, Spec


def untrained(shape: tuple[int, ...], kind: str = "images") -> Generator:
    torch.manual_seed(0)
    spec = Spec("mlp", shape, z_dim=4, width=4, depth=1, kind=kind)
    return Generator(spec.nets()[0], spec)


def test_sheets_show_the_same_noise_every_time(tmp_path: Path) -> None:
    (tmp_path / "samples").mkdir()
    generator, info = untrained((1, 8, 8)), describe("digits")
    names = [draw_sheet(generator, step, info, tmp_path) for step in (0, 200)]
    assert names == ["step-00000000.png", "step-00000200.png"]
    first, second = (np.asarray(Image.open(tmp_path / "samples" / name)) for name in names)
    assert (first == second).all()
    draw_strip(tmp_path)
    with Image.open(tmp_path / "samples" / "strip.gif") as strip:
        assert strip.format == "GIF"


def test_points_are_plotted_over_their_modes(tmp_path: Path) -> None:
    (tmp_path / "samples").mkdir()
    name = draw_sheet(untrained((2,), "points"), 7, describe("ring"), tmp_path)
    with Image.open(tmp_path / "samples" / name) as plot:
        assert plot.size[0] > 50


def test_without_sheets_there_is_no_strip(tmp_path: Path) -> None:
    (tmp_path / "samples").mkdir()
    draw_strip(tmp_path)
    assert list((tmp_path / "samples").iterdir()) == []
