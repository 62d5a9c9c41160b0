"""Shards of a few members, sound and unsound."""

import io
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Members = Sequence[tuple[str, bytes]]
Shard = Callable[[Path, Members], Path]


def encoded(number: int, side: int = 12, form: str = "PNG") -> bytes:
    """A colour picture whose pixels all read its number in red."""
    rng = np.random.default_rng(number)
    pixels = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
    pixels[..., 0] = number
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


@pytest.fixture
def image() -> Callable[..., bytes]:
    return encoded


@pytest.fixture
def shard() -> Shard:
    """Writes a tar of these members, as other programs do."""

    def write(path: Path, members: Members) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(path, "w") as tar:
            for name, content in members:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        return path

    return write


@pytest.fixture
def shards(tmp_path: Path, shard: Shard) -> Callable[..., Path]:
    """A folder of shards of numbered pictures with a class beside each."""

    def write(sizes: Sequence[int] = (5, 3, 4), name: str = "shards", classes: int = 3) -> Path:
        number = 0
        for at, size in enumerate(sizes):
            members = []
            for _ in range(size):
                members.append((f"{number:04d}.png", encoded(number)))
                members.append((f"{number:04d}.cls", str(number % classes).encode()))
                number += 1
            shard(tmp_path / name / f"{at:03d}.tar", members)
        return tmp_path / name

    return write


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path / "a cache 缓存"))
