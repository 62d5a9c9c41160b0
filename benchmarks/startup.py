"""How long a user waits: for ``--help``, and for the first sample sheet on the built-in digits.

Whole processes, as a user starts them; the median of several. The first sheet is drawn before the
first step (it shows noise); the second one shows what a twelfth of the run has learned.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GANSMITH = [sys.executable, "-m", "gansmith"]


def help_seconds() -> float:
    """One ``gansmith --help``."""
    begun = time.perf_counter()
    subprocess.run([*GANSMITH, "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def sheet_seconds(folder: Path) -> tuple[float, float]:
    """Seconds from the start of ``gansmith train`` to its first and its second sheet."""
    begun = time.perf_counter()
    command = [*GANSMITH, "train", "digits", "--budget", "60s", "--no-score", "--out", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    seen: list[float] = []
    while len(seen) < 2 and process.poll() is None:
        if len(list(folder.glob("samples/step-*.png"))) > len(seen):
            seen.append(time.perf_counter() - begun)
        time.sleep(0.02)
    process.terminate()
    process.wait()
    return seen[0], seen[1]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    help_seconds()  # warms the disk cache
    helps = [help_seconds() for _ in range(args.rounds)]
    root = Path(tempfile.mkdtemp(prefix="gansmith-startup-"))
    sheets = [sheet_seconds(root / str(i)) for i in range(max(1, args.rounds // 2))]
    shutil.rmtree(root)
    found = {
        "help_s": statistics.median(helps),
        "first_sheet_s": statistics.median(first for first, _ in sheets),
        "second_sheet_s": statistics.median(second for _, second in sheets),
    }
    if args.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:16} {value:6.2f}")


if __name__ == "__main__":
    main()
