"""Quality per second: the default recipe against the textbook DCGAN, at equal or unequal times.

    python benchmarks/quality.py [--seconds 180] [--seeds 0]
    python benchmarks/quality.py --clock processor --seconds 600 --share 0.1

The reference trains for ``--seconds``, the recipe for ``--share`` of them; turn by turn in one run,
each in a process of its own. By the wall's clock both are as a user starts them; by the processor's
(`processor_time.py`) both have one thread, and other work on the machine changes nothing. Both are
scored by `gansmith evaluate` with 10,000 samples against as many held-out images, on the features
that it has for that data set. The reference is given the better of its two batch-norm modes. The
recipe's clock includes measuring its own pace; neither clock includes reading the data.
"""

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import processor_time

REFERENCE = "reference/textbook_dcgan.py"
SAMPLES = 10_000


@dataclass(frozen=True)
class Row:
    """One run: its Fréchet distance with the 95 % interval, and how much it saw."""

    fd: float
    low: float
    high: float
    images: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.fd:.4g} [{self.low:.4g}, {self.high:.4g}] "
            f"({self.images:,} images in {self.seconds:.0f} s)"
        )


def _json(*command: str) -> dict[str, Any]:
    env = {key: value for key, value in os.environ.items() if not key.startswith("OMP_")}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=env)
    return json.loads(done.stdout.splitlines()[-1])


def _fd(target: Path, data: str, samples: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "gansmith", "evaluate", str(target), "--against", data]
    return _json(*command, "-n", str(samples), "--json", "--metrics", "fd")["scores"]["fd"]


def recipe(
    data: str,
    seconds: float,
    seed: int,
    clock: str,
    changes: list[str],
    out: Path,
    samples: int = SAMPLES,
) -> Row:
    """Train the default recipe by the command line."""
    words = ["train", data, "--json", "--overwrite", "--no-score", "--budget", f"{seconds:g}s"]
    words += ["--seed", str(seed), "--out", str(out)]
    for change in changes:
        words += ["--set", change]
    if clock == "processor":
        told = _json(*processor_time.command(*words, "--threads", "1"))
    else:
        told = _json(sys.executable, "-m", "gansmith", *words)
    fd = _fd(out, data, samples)
    return Row(fd["value"], fd["low"], fd["high"], told["images"], told["seconds"])


def textbook(
    data: str, seconds: float, seed: int, clock: str, out: Path, samples: int = SAMPLES
) -> Row:
    """Train and score the reference."""
    words = [data, "--seed", str(seed), "--seconds", f"{seconds:g}", "--out", str(out)]
    if clock == "processor":
        told = _json(*processor_time.command(REFERENCE, *words))
    else:
        told = _json(sys.executable, str(processor_time.HERE / REFERENCE), *words)
    fd = min(
        (_fd(out / f"{mode}.npz", data, samples) for mode in ("train", "eval")),
        key=lambda score: score["value"],
    )
    seen = round(told["images_per_second"] * told["seconds"])
    return Row(fd["value"], fd["low"], fd["high"], seen, told["seconds"])


def main() -> None:
    """Run every data set and seed, both sides in turn; print a line for each, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", default=["digits", "fashion"])
    parser.add_argument("--seconds", type=float, default=180.0, help="of the reference")
    parser.add_argument("--share", type=float, default=1.0, help="of them the recipe has")
    parser.add_argument("--clock", choices=("wall", "processor"), default="wall")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--samples", type=int, default=SAMPLES, help="of either side, scored")
    parser.add_argument("--alone", action="store_true", help="the recipe without the reference")
    parser.add_argument("--set", action="append", default=[], help="a setting of the recipe")
    parser.add_argument("--out", type=Path, default=Path("runs/bench-quality"))
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = []
    for seed in args.seeds:
        for data in args.data:
            seconds, out = args.seconds * args.share, args.out / f"recipe-{data}-{seed}"
            ours = recipe(data, seconds, seed, args.clock, args.set, out, args.samples)
            row = {"data": data, "seed": seed, "recipe": asdict(ours)}
            line = f"{data} seed {seed}: recipe {ours}"
            if not args.alone:
                out = args.out / f"textbook-{data}-{seed}"
                theirs = textbook(data, args.seconds, seed, args.clock, out, args.samples)
                row |= {"textbook": asdict(theirs), "ratio": ours.fd / theirs.fd}
                line += f", textbook {theirs}: ratio {row['ratio']:.3f}"
            rows.append(row)
            if not args.json:
                print(line, flush=True)
    if args.json:
        print(json.dumps({"rows": rows}))


if __name__ == "__main__":
    main()
