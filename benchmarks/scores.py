"""Scores against torch-fidelity's on the same features: seconds in turn, and whether they agree.

    python benchmarks/scores.py [--samples 5000] [--seconds 20] [--json]

Features are 64 random directions of random images, correlated, in float32. gansmith's side gives
what it always gives beside the value: intervals are left out here, as the other side has none.
"""

import argparse
import json
import sys

import torch
from reference import fidelity

from gansmith.apps.bench.clocks import in_turn
from gansmith.metrics.frechet import frechet_distance
from gansmith.metrics.kernel import kernel_distance, subset_size
from gansmith.metrics.precision_recall import precision_recall

SUBSETS, NEIGHBOURS, CLOSE = 20, 3, 1e-4


def main() -> int:
    """Measure and print; 1 if the two sides disagree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    mix = torch.randn(64, 64)
    real, fake = torch.randn(args.samples, 64) @ mix, 0.9 * torch.randn(args.samples, 64) @ mix
    size = subset_size(len(real), len(fake))
    sides = {
        "fd": (
            lambda: frechet_distance(real, fake),
            lambda: fidelity.frechet(real, fake),
        ),
        "kid": (
            lambda: kernel_distance(real, fake, 0, SUBSETS)[0],
            lambda: fidelity.kernel(real, fake, SUBSETS, size),
        ),
        "precision, recall": (
            lambda: sum(precision_recall(real, fake, NEIGHBOURS)),
            lambda: sum(fidelity.precision_recall(real, fake, NEIGHBOURS)),
        ),
    }
    things = {f"{name} {who}": each[who] for name, each in sides.items() for who in (0, 1)}
    found = in_turn(things, args.seconds, "processor")
    rows, good = {}, True
    for name, (ours, theirs) in sides.items():
        apart = abs(ours() / theirs() - 1.0)
        good &= apart < (CLOSE if name != "precision, recall" else 1e-2)  # float32 at a ball's rim
        spread = found.ratio(f"{name} 1", f"{name} 0")
        rows[name] = {"ratio": [spread.median, spread.low, spread.high], "apart": apart}
    if args.json:
        print(json.dumps(rows))
    else:
        for name, row in rows.items():
            median, low, high = row["ratio"]
            print(
                f"{name:18} {median:6.2f} times as fast [{low:.2f}, {high:.2f}], "
                f"{row['apart']:.1e} apart"
            )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
