"""Folders of odd files, and a cache of the test's own."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Picture = Callable[..., Image.Image]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache that nobody shares."""
    folder = tmp_path / "a cache 缓存"
    monkeypatch.setenv("GANSMITH_CACHE", str(folder))
    return folder


@pytest.fixture
def picture() -> Picture:
    """A smooth colour picture, different for each number: what survives JPEG and resampling."""

    def make(number: int = 0, width: int = 40, height: int = 40) -> Image.Image:
        y, x = np.mgrid[0:height, 0:width]
        red = 255 * x / max(width - 1, 1)
        green = 255 * y / max(height - 1, 1)
        blue = np.full_like(red, (37 * number) % 256)
        return Image.fromarray(np.stack([red, green, blue], -1).round().astype(np.uint8))

    return make
