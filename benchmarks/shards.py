"""Shards against the packed file: images per second of reading, and what training pays for them.

    python benchmarks/shards.py [--images 4000] [--rounds 5] [--json]

JPEGs of 64 to 96 px are made from the built-in digits, tinted, packed, and written as shards of
500. Three readers go through them in turn, in batches of 64, in the order that training has: the
packed file; shards whose pixels stay in memory (a small set, after the first pass); and shards of
which nothing stays but what is read ahead (a large set). Then a default run at 64 px plays steps on
the packed file and on a large set in turn. Wall time holds on a quiet machine only; CPU time (of
all threads; of --threads 1, since idle threads spin) holds beside other jobs.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from data_loading import SIDE, make_jpegs

from gansmith.apps.setting_up import Prepared, new_state, set_up
from gansmith.apps.to_shards import to_shards
from gansmith.config import build, nest
from gansmith.data import Dataset, ReadAhead, blocks_of, open_data
from gansmith.data.shards import reading
from gansmith.training import schedule
from gansmith.training.batches import sample_indices
from gansmith.training.loop import play

BATCH = 64
STEPS = 8


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def read(data: Dataset, start: int, batches: int) -> None:
    """Batches in the order of training, each told of one batch ahead."""
    blocks = blocks_of(data)

    def at(number: int) -> np.ndarray:
        return sample_indices(0, "D", number * BATCH, BATCH, len(data), blocks)

    for number in range(start, start + batches):
        if isinstance(data, ReadAhead):
            data.expect(at(number + 1))
        data.batch(at(number))


def opened(source: Path, kept: int) -> Dataset:
    reading.KEPT = kept
    return open_data(str(source), resolution=(SIDE, SIDE))


def reading_rates(packed: Path, shards: Path, rounds: int) -> dict[str, dict[str, float]]:
    sides = {
        "packed": opened(packed, 2**28),
        "shards, small set": opened(shards, 2**28),
        "shards, large set": opened(shards, 12 * 2**20),  # 512 pictures ahead or held
    }
    batches = len(sides["packed"]) // BATCH
    read(sides["shards, small set"], 0, 2 * batches)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for turn in range(rounds):
        for name, data in sides.items():
            found[name].append(timed(partial(read, data, turn * batches, batches)))
    return {
        name: {
            "images_per_second": batches * BATCH / statistics.median(wall for wall, _ in each),
            "cpu_us_per_image": 1e6 * statistics.median(c for _, c in each) / (batches * BATCH),
        }
        for name, each in found.items()
    }


def prepared(source: Path, kept: int, threads: int) -> Prepared:
    reading.KEPT = kept
    settings = {"data.source": str(source), "resolution": SIDE, "device": "cpu", "threads": threads}
    return set_up(build(nest(settings.items())), None)


def training_rates(packed: Path, shards: Path, rounds: int, threads: int) -> dict[str, float]:
    sides = {
        "packed": prepared(packed, 2**28, threads),
        "shards": prepared(shards, 12 * 2**20, threads),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    states = {name: new_state(each.cfg, each.engine, each.spec) for name, each in sides.items()}
    for _ in range(rounds + 1):
        for name, ready in sides.items():
            task, state = states[name]

            def steps(ready: Prepared = ready, task=task, state=state) -> None:
                now = schedule.at(ready.cfg, 0, 1)
                for _ in range(STEPS):
                    play(ready.engine, ready.cfg, task, state, ready.batches, now)
                    state.step += 1

            found[name].append(timed(steps))
    walls = [s[0] / p[0] for s, p in zip(found["shards"][1:], found["packed"][1:], strict=True)]
    cpus = [s[1] / p[1] for s, p in zip(found["shards"][1:], found["packed"][1:], strict=True)]
    size = schedule.images_per_step(sides["packed"].cfg) * STEPS
    return {
        "wall_ratio": statistics.median(walls),
        "cpu_ratio": statistics.median(cpus),
        "cpu_ms_per_image": 1e3 * statistics.median(c for _, c in found["packed"][1:]) / size,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gansmith-bench-") as temporary:
        work = Path(temporary)
        os.environ["GANSMITH_CACHE"] = str(work / "cache")
        make_jpegs(work / "jpegs", asked.images)
        to_shards(str(work / "jpegs"), work / "shards", per_shard=500)
        first = timed(lambda: open_data(str(work / "shards")))
        rates = reading_rates(work / "jpegs", work / "shards", asked.rounds)
        training = training_rates(work / "jpegs", work / "shards", asked.rounds, asked.threads)
    told = {"reading": rates, "training": training}
    if asked.json:
        print(json.dumps(told))
        return 0
    print(f"first opening of the shards: {1e6 * first[1] / asked.images:.0f} CPU us per image")
    for name, each in rates.items():
        print(
            f"{name:18} {each['images_per_second']:>10,.0f} images/s "
            f"{each['cpu_us_per_image']:>8.1f} CPU us per image"
        )
    print(
        f"training on shards, nothing kept, over packed: {training['wall_ratio']:.3f} of the time, "
        f"{training['cpu_ratio']:.3f} of the CPU time ({training['cpu_ms_per_image']:.1f} ms/image)"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
