"""Images per second beside other busy processes, and alone: `gansmith train` against plain loops.

    python benchmarks/busy.py [--seconds 20] [--rounds 3] [--others 0 1] [--json]

Whole processes in turn, as a user starts them, on the same data: `gansmith train` with its default
recipe and a budget in seconds (its clock includes measuring its own pace), as it is (``default``,
whose nets are narrow where there is so little time) and at the usual width (``ours``); the textbook
DCGAN; and the plain loop of the nets, loss and batch of ``ours`` (`reference/r1r2.py`); these two
with torch's default threads. A busy process counts as fast as it can on one core. The clock is the
wall's, so whatever else the machine does counts: the load it had is printed with the figures.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gansmith.apps.bench.clocks import Spread
from gansmith.recipes.automatic import USUAL

REFERENCE = Path(__file__).resolve().parent / "reference"
SIDES = ("ours", "default", "textbook", "r1r2")
PAIRS = (("ours", "textbook"), ("default", "textbook"), ("ours", "r1r2"))
SPIN = """
import os
parent = os.getppid()
while os.getppid() == parent:  # who is killed leaves nobody behind
    for _ in range(10**6):
        pass
"""


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many processes that do nothing as fast as they can."""
    others = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def images_per_second(side: str, data: str, seconds: float, folder: Path) -> float:
    """Of one process that trains for so long."""
    if side in ("ours", "default"):
        command = [sys.executable, "-m", "gansmith", "train", data, "--json", "--no-score"]
        command += ["--budget", f"{seconds:g}s", "--out", str(folder), "--overwrite"]
        command += ["--set", f"model.width={USUAL}"] if side == "ours" else []
    else:
        file = {"textbook": "textbook_dcgan.py", "r1r2": "r1r2.py"}[side]
        command = [sys.executable, str(REFERENCE / file), data, "--seconds", f"{seconds:g}"]
        if side == "textbook":
            command += ["--samples", "0", "--out", str(folder)]
    env = {key: value for key, value in os.environ.items() if not key.startswith("OMP_")}
    done = subprocess.run(
        command, env=env, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    return float(json.loads(done.stdout.splitlines()[-1])["images_per_second"])


def measure(args: argparse.Namespace, others: int, folder: Path) -> dict[str, object]:
    """All sides in turn, so many times, beside so many busy processes."""
    found: dict[str, list[float]] = {side: [] for side in SIDES}
    loads = []
    for number in range(args.rounds):
        for side in SIDES if number % 2 == 0 else reversed(SIDES):
            loads.append(os.getloadavg()[0])
            with busy(others):
                rate = images_per_second(side, args.data, args.seconds, folder / side)
            found[side].append(rate)
            said = f"{others} busy, load {loads[-1]:.1f}: {side} {rate:.1f} images/s"
            print(said, file=sys.stderr, flush=True)
    row: dict[str, object] = {
        "others": others,
        "load": [min(loads), max(loads)],
        "images_per_second": {side: Spread.of(rates).median for side, rates in found.items()},
    }
    for over, under in PAIRS:
        pairs = zip(found[over], found[under], strict=True)
        spread = Spread.of([one / other for one, other in pairs])
        row[f"{over} over {under}"] = [spread.median, spread.low, spread.high]
    return row


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="digits")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--others", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="gansmith-busy-") as temporary:
        for others in args.others:
            row = measure(args, others, Path(temporary))
            rows.append(row)
            if not args.json:
                print(json.dumps(row), flush=True)
    if args.json:
        print(json.dumps({"cores": os.cpu_count(), "rows": rows}))


if __name__ == "__main__":
    main()
