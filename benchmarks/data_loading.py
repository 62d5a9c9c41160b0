"""Batches from the packed file against torchvision's ImageFolder + DataLoader, and peak memory.

    python benchmarks/data_loading.py [--images 10000] [--json]

JPEGs of 64 to 96 px are made from the built-in digits, tinted. Both sides give uint8 batches of 64
random images at 64 x 64; torchvision resizes and crops as its users do, with 0 and with 2 workers,
and the better of the two counts, without its start-up. All sides run in turn in one process:
only ratios hold on a busy machine. Memory is the peak of a child process that draws random batches
from a packed set of 1,000 and of 100,000 RGB images at 64 px.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from reference.image_folder import rate as torchvision_rate

from gansmith.data import Dataset, open_data
from gansmith.data.packed import Writer, open_packed

BATCH = 64
SIDE = 64
MEMORY = (1_000, 100_000)


def make_jpegs(folder: Path, count: int) -> None:
    """Digits in random colours and sizes, one sub-folder per class."""
    digits = open_data("digits", labels=True)
    pixels, labels = digits.batch(np.arange(count))
    rng = np.random.default_rng(0)
    for name in digits.info.classes:
        (folder / name).mkdir(parents=True)
    for i in range(count):
        grey = pixels[i, 0].numpy().astype(np.float32) / 255
        ink, paper = rng.integers(0, 256, (2, 3))
        colour = grey[..., None] * ink + (1 - grey[..., None]) * paper
        image = Image.fromarray(colour.astype(np.uint8))
        image = image.resize(tuple(rng.integers(64, 97, 2)), Image.Resampling.BICUBIC)
        image.save(folder / str(int(labels[i])) / f"{i:05d}.jpg", quality=90)


def random_batches(data: Dataset, batches: int) -> Iterator[torch.Tensor]:
    """Batches of uniformly random indices."""
    rng = np.random.default_rng(0)
    for _ in range(batches):
        yield data.batch(rng.integers(0, len(data), BATCH))[0]


def packed_rate(data: Dataset) -> float:
    """Images per second over ten epochs' worth of random batches."""
    started, seen = time.perf_counter(), 0
    for images in random_batches(data, 10 * len(data) // BATCH):
        seen += len(images)
    return seen / (time.perf_counter() - started)


def speed(count: int, work: Path) -> dict[str, float]:
    """All sides in turn on the same JPEGs."""
    folder = work / "jpegs"
    make_jpegs(folder, count)
    started = time.perf_counter()
    data = open_data(str(folder), resolution=(SIDE, SIDE), channels=3)
    packing = time.perf_counter() - started
    started = time.perf_counter()
    open_data(str(folder), resolution=(SIDE, SIDE), channels=3)
    opening = time.perf_counter() - started
    rates = {f"torchvision, {n} workers": torchvision_rate(folder, n, BATCH, SIDE) for n in (0, 2)}
    best = max(rates.values())
    packed = packed_rate(data)
    return {
        **rates,
        "gansmith": packed,
        "ratio": packed / best,
        "packing_seconds": packing,
        "opening_again_seconds": opening,
    }


def peak(folder: Path) -> float:
    """Peak resident memory in MB of this process after 3,000 random batches."""
    import resource

    data = open_packed(folder, "bench")
    for _ in random_batches(data, 3_000):
        pass
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def memory(work: Path) -> dict[str, float]:
    """The peak of a child process for each size of set."""
    result = {}
    block = np.random.default_rng(0).integers(0, 256, (1000, 3, SIDE, SIDE), dtype=np.uint8)
    for count in MEMORY:
        folder = work / f"set-{count}"
        with Writer(folder, (3, SIDE, SIDE), count) as writer:
            for _ in range(count // len(block)):
                writer.append(block, np.full(len(block), -1))
            writer.finish("bench", [], [])
        argv = [sys.executable, __file__, "--peak", str(folder)]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        result[f"peak MB, {count:,} images"] = float(done.stdout)
        shutil.rmtree(folder)
    values = list(result.values())
    result["growth MB"] = values[1] - values[0]
    return result


def main() -> int:
    """Measure and print; 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--peak", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        print(peak(options.peak))
        return 0
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="gansmith-bench-") as temporary:
        work = Path(temporary)
        os.environ["GANSMITH_CACHE"] = str(work / "cache")
        result = speed(options.images, work) | memory(work)
    if options.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:28} {value:14,.2f}")
    return 0 if result["ratio"] >= 5 and result["growth MB"] < 1024 else 1


if __name__ == "__main__":
    sys.exit(main())
