"""Memory and time of large pictures: ``gansmith inpaint`` and ``gansmith translate``.

``seconds`` is the time of one completion of 512 x 512 pixels on two threads, promised to be under
one second. Each of the others runs in a process of its own. Nets are as large as the recipes make
them, and were never trained: what they make does not matter here. A smooth slope is used, and the
largest step between two neighbouring pixels of what was made is told, so that a seam would show.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from gansmith.models import Completer, Spec
from gansmith.models.pretrained import KINDS

Image.MAX_IMAGE_PIXELS = None
CHILD = """
import sys, time
from pathlib import Path
from gansmith.{room} import {name}

begun = time.perf_counter()
{name}(*sys.argv[1:])
lines = Path("/proc/self/status").read_text().splitlines()
peak = next(line.split()[1] for line in lines if line.startswith("VmHWM"))
print(int(peak) / 2**20, time.perf_counter() - begun, time.process_time() / 60)
"""


def slope(side: int) -> np.ndarray:
    """uint8 (side, side, 3): grey levels that rise by one every so many pixels."""
    ramp = (np.arange(side) * 255 // side).astype(np.uint8)
    pixels = np.empty((side, side, 3), np.uint8)
    pixels[:, :, 0], pixels[:, :, 1], pixels[:, :, 2] = ramp, ramp[:, None], 128
    return pixels


def holes(side: int) -> np.ndarray:
    """Boolean: one hole far larger than a window, and many small ones."""
    hole = np.zeros((side, side), bool)
    hole[side // 8 : side * 7 // 16, side // 4 : side * 5 // 8] = True
    for top, left in np.random.default_rng(0).integers(0, side - 20, (300, 2)):
        hole[top : top + 7, left : left + 7] = True
    return hole


def net(folder: Path, name: str, kind: str, width: int, depth: int) -> Path:
    """A net that was never trained, saved."""
    torch.manual_seed(0)
    given = 3 if kind == "translation" else 0
    spec = Spec(name, (3, 64, 64), 8, width, depth, kind=kind, in_channels=given)
    return KINDS[kind](spec.nets()[0], spec).save_pretrained(folder / name)


def measured(name: str, *words: Path) -> str:
    """What a process says of itself: peak in GB, seconds, CPU-minutes."""
    code = CHILD.format(room=f"apps.{name}", name=name)
    command = [sys.executable, "-c", code, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    peak, seconds, minutes = map(float, done.stdout.split())
    return f"{peak:.2f} GB at the most, {seconds:.0f} s, {minutes:.1f} CPU-minutes"


def steepest(path: Path) -> int:
    """The largest step between neighbouring pixels, in grey levels, but at the picture's rim."""
    with Image.open(path) as image:
        pixels = np.asarray(image)[64:-64, 64:-64]
    found = 0
    for axis in (0, 1):
        for row in np.array_split(pixels, 16, axis=1 - axis):
            found = max(found, int(np.abs(np.diff(row.astype(np.int16), axis=axis)).max()))
    return found


def seconds(repeats: int = 5) -> str:
    """The wall time of a completion of 512 x 512 RGB pixels in one window, net as of the recipe."""
    torch.set_num_threads(2)
    spec = Spec("completion", (3, 32, 32), 64, 16, 4, kind="completion")
    torch.manual_seed(0)
    net = Completer(spec.nets()[0], spec)
    x = torch.from_numpy(slope(512)).permute(2, 0, 1)[None]
    hole = torch.zeros(1, 512, 512, dtype=torch.bool)
    hole[:, 100:356, 100:356] = True
    taken = []
    for _ in range(repeats + 1):
        begun = time.perf_counter()
        net.complete(x, hole)
        taken.append(time.perf_counter() - begun)
    found = sorted(taken[1:])  # the first one allocates
    return f"{found[repeats // 2]:.2f} s (from {found[0]:.2f} to {found[-1]:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=8_000, help="pixels [8000]")
    parser.add_argument("--width", type=int, default=16, help="of the nets [16]")
    parser.add_argument("names", nargs="*", help="seconds, completion, unet, translator [all]")
    told = parser.parse_args()
    names = told.names or ["seconds", "completion", "unet", "translator"]
    if "seconds" in names:
        print(f"512 x 512 completed on two threads in {seconds()}")
        names = [each for each in names if each != "seconds"]
    if not names:
        return
    with tempfile.TemporaryDirectory(prefix="gansmith-") as temporary:
        folder = Path(temporary)
        photo, mask = folder / "photo.png", folder / "mask.png"
        Image.fromarray(slope(told.side)).save(photo, compress_level=1)
        Image.fromarray(holes(told.side)).save(mask)
        for name in names:
            kind = "completion" if name == "completion" else "translation"
            saved, out = net(folder, name, kind, told.width, 2), folder / f"{name}.png"
            if kind == "completion":
                print(f"inpaint, {name}: {measured('inpaint', saved, photo, mask, out)}")
            else:
                said = measured("translate", saved, photo, out)
                print(f"translate, {name}: {said}; steepest step {steepest(out)} grey levels")


if __name__ == "__main__":
    main()
