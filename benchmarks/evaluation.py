"""Seconds of a whole score card, and memory of a Fréchet distance of a million samples.

    python benchmarks/evaluation.py [--samples 1000000] [--json]

The card is of 10,000 digits of the training split against the 10,000 of the test split, every score
that needs no further weights, on features that were taken before (they are taken first, and timed
apart). The stream is of random images through a tiny extractor of 64 dimensions, so that what is
measured is the memory of the scores and not of a generator.
"""

import argparse
import json
import resource
import sys
import time

import numpy as np
import torch

from gansmith.apps.scoring import ScoreOptions, Scorer, reference
from gansmith.apps.streams import batches_of
from gansmith.metrics import Comparison, score_card, take

SECONDS, GIGABYTES = 30.0, 2.0


def card_seconds() -> dict[str, float]:
    """Seconds of the features, and of the card on them."""
    real = reference("digits", (1, 28, 28))
    train = reference("digits", (1, 28, 28), split="train")
    begun = time.perf_counter()
    scorer = Scorer.of(real, train, ScoreOptions())
    scorer.train_features()
    fake = scorer.take(batches_of(train, np.arange(len(train) - 10_000, len(train))))
    features = time.perf_counter() - begun
    begun = time.perf_counter()
    scores, left_out = scorer.card(fake)
    seconds = time.perf_counter() - begun
    return {
        "features_seconds": features,
        "card_seconds": seconds,
        "scores": len(scores),
        "left_out": len(left_out),
    }


class Patches:
    """64 random projections of an image."""

    name, digest, resize = "patches", "0" * 12, "none"

    def __init__(self) -> None:
        self._weights = torch.randn(64, 64, generator=torch.Generator().manual_seed(0))

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1).float() / 255 @ self._weights


def stream_gigabytes(samples: int) -> dict[str, float]:
    """Peak memory of this process above what it was before, over a streamed distance."""
    rng = torch.Generator().manual_seed(0)

    def batches(count: int):
        for _ in range(count // 1_000):
            yield torch.randint(0, 256, (1_000, 1, 8, 8), dtype=torch.uint8, generator=rng)

    features = Patches()
    real = take(batches(10_000), features)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    fake = take(batches(samples), features)
    score = score_card(Comparison(real, fake, features), only=("fd",))[0]["fd"]
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "samples": samples,
        "fd": score.value,
        "peak_gigabytes": after / 2**20,
        "growth_gigabytes": (after - before) / 2**20,
    }


def main() -> int:
    """Measure and print; 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = stream_gigabytes(options.samples) | card_seconds()
    if options.json:
        print(json.dumps(found))
    else:
        print(
            f"fd of {options.samples:,} samples: peak {found['peak_gigabytes']:.2f} GB, of which "
            f"{found['growth_gigabytes']:.2f} GB for them (at most {GIGABYTES:g})"
        )
        print(
            f"score card, {found['scores']} scores, 10,000 against 10,000 digits: "
            f"{found['card_seconds']:.1f} s (at most {SECONDS:g}); "
            f"features before: {found['features_seconds']:.1f} s"
        )
    good = found["card_seconds"] <= SECONDS and found["peak_gigabytes"] <= GIGABYTES
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
