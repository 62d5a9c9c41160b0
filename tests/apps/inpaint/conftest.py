from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gansmith.models import Completer, Spec

RNG = np.random.default_rng(0)


@pytest.fixture
def completer(tmp_path: Path) -> Path:
    """A saved completion net of 16x16 colour pictures that was never trained."""
    torch.manual_seed(0)
    spec = Spec("completion", (3, 16, 16), z_dim=4, width=4, depth=1, kind="completion")
    return Completer(spec.nets()[0], spec).save_pretrained(tmp_path / "net")


@pytest.fixture
def photos(tmp_path: Path) -> tuple[Path, Path]:
    """Four pictures of 20x24, and a mask for each."""
    pictures, masks = tmp_path / "图 片", tmp_path / "masks"
    for index in range(4):
        for folder in (pictures, masks):
            folder.mkdir(exist_ok=True)
        pixels = RNG.integers(0, 256, (20, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(pictures / f"{index}.png")
        levels = np.zeros((20, 24), np.uint8)
        levels[5 : 9 + index, 4 : 12 + index] = 255
        Image.fromarray(levels).save(masks / f"{index}.png")
    return pictures, masks
