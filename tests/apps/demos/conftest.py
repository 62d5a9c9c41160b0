"""Packages as npm would bring them, but small: a few drawings, and paintings of the same."""

import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.apps.demos import emoji

NAMES = [f"1f{index:03x}" for index in range(0x300, 0x360)]
SVG = '<svg viewBox="0 0 72 72" xmlns="http://www.w3.org/2000/svg">{}</svg>'
Pack = Callable[[str, dict[str, bytes]], None]


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pack:
    """Puts an archive of these files where npm's would be kept, and its hash where ours is."""
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path / "cache"))

    def put(name: str, files: dict[str, bytes]) -> None:
        known = emoji.PACKAGES[name]
        path = emoji.demos_folder() / known.archive
        path.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(path, "w:gz") as tar:
            for member, content in files.items():
                info = tarfile.TarInfo(f"package/{member}")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        changed = emoji.Package(known.name, known.archive, sha256, known.licence)
        monkeypatch.setitem(emoji.PACKAGES, name, changed)

    return put


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def openmoji(pack: Pack) -> None:
    """A square of its own place in line and in colour."""
    files = {}
    for index, name in enumerate(NAMES):
        box = f'<rect x="{10 + index % 8 * 4}" y="{10 + index // 8 * 2}" width="20" height="20" '
        line, colour = (
            'fill="none" stroke="#000" stroke-width="2"/>',
            f'fill="#{index * 5:02x}a040"/>',
        )
        files[f"black/svg/{name.upper()}.svg"] = SVG.format(box + line).encode()
        files[f"color/svg/{name.upper()}.svg"] = SVG.format(box + colour).encode()
    pack("openmoji", files)


@pytest.fixture
def two_vendors(pack: Pack, openmoji: None) -> None:
    """Discs in red, on nothing, beside OpenMoji; some under longer names, some of their own."""
    y, x = np.mgrid[:64, :64]
    files = {}
    for index, name in enumerate([*NAMES, "1f600", "1f601"]):
        pixels = np.zeros((64, 64, 4), np.uint8)
        inside = (x - 20 - index % 8 * 3) ** 2 + (y - 20 - index // 8 * 2) ** 2 < 200
        pixels[inside] = (220, 30, 30, 255)
        files[f"img/twitter/64/{name}{'-fe0f' * (index % 3 == 0)}.png"] = png(pixels)
        files[f"img/twitter/sheets/{name}.png"] = b"not of interest"
    pack("twitter", files)
