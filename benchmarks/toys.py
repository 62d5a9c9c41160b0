"""Modes of the 2-D mixtures that the ``toy`` recipe finds, seed by seed, as it comes.

    python benchmarks/toys.py [--data ring grid] [--seeds 0 1 2 3 4] [--json]

The protocol is PacGAN's (Lin et al. 2018): 2,500 points; a point is of high quality within 3 sigma
of a mode (points of the mixture itself reach 98.9 %), a mode is found if it has one such point, and
KL is that of the points' counts over the modes to the uniform distribution. Every run is what
``gansmith train ring`` does, on one thread, whole: set-up, training, sheets, scores and report.
Seconds are of the processor, not of the wall, so that a busy machine does not change them much.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import gansmith

MODES = {"ring": 8, "grid": 25}
HIGH_QUALITY = 0.9
CPU_SECONDS = 600


def measure(data: str, seed: int, budget: str | None, folder: Path) -> dict[str, Any]:
    """Train one generator with the recipe's defaults and read its score card."""
    begun = time.process_time()
    changes = {"seed": seed, "threads": 1, "device": "cpu"}
    result = gansmith.train(data, recipe="toy", budget=budget, out=folder, changes=changes)
    cpu = time.process_time() - begun
    scores = {name: score["value"] for name, score in result.scores.items()}
    return {
        "data": data,
        "seed": seed,
        "modes": int(scores["modes"]),
        "of": MODES[data],
        "high_quality": scores["high_quality"],
        "kl": scores["kl"],
        "cpu_seconds": round(cpu, 1),
        "steps": result.steps,
    }


def reached(row: dict[str, Any]) -> bool:
    """Whether a run found every mode, at the wanted quality, in time."""
    every = row["modes"] == row["of"]
    good = row["high_quality"] >= HIGH_QUALITY
    return every and good and row["cpu_seconds"] <= CPU_SECONDS


def line(row: dict[str, Any]) -> str:
    """One row of the table."""
    modes = f"{row['modes']} of {row['of']}"
    return (
        f"{row['data']:6} {row['seed']:4} {modes:>9} {row['high_quality']:13.1%} "
        f"{row['kl']:8.4f} {row['cpu_seconds']:12.0f} {'yes' if reached(row) else 'NO':>8}"
    )


def main() -> int:
    """Measure and print; 1 if a run misses a target."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(5)))
    parser.add_argument("--budget", help="instead of the recipe's own, such as 2k-steps")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = []
    if not options.json:
        print("data   seed     modes  high quality       KL  CPU seconds  reached")
    with tempfile.TemporaryDirectory(prefix="gansmith-toys-") as work:
        for data in options.data:
            for seed in options.seeds:
                rows.append(measure(data, seed, options.budget, Path(work) / f"{data}-{seed}"))
                if not options.json:
                    print(line(rows[-1]), flush=True)
    good = sum(map(reached, rows))
    if options.json:
        print(json.dumps({"rows": rows, "reached": good, "runs": len(rows)}))
    else:
        print(f"{good} of {len(rows)} runs found every mode with at least {HIGH_QUALITY:.0%}")
    return 0 if good == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
