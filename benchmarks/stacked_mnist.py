"""StackedMNIST: how many of the 1,000 modes a recipe finds, and how evenly, in so many CPU-seconds.

The protocol of Metz et al. 2017 and Lin et al. 2018: 26,000 generated samples, each channel named
by a classifier, modes with at least one sample, KL of the modes' shares to even ones. The first row
is what held-out real stacks score. Each run is trained by the command line, on one thread, in a
process of its own, whose processor time is printed; seeds are given before and every run is shown.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from gansmith.data import open_data
from gansmith.metrics import MODE_SAMPLES, extract, load_features, mode_card, predicted

SCORES = "modes,kl,confident,fd,precision,recall"
DATA = "stacked-mnist"


def real_row() -> str:
    """26,000 stacks of held-out digits under the same count."""
    features = load_features("stacked-digits-cnn")
    rows = extract(open_data(DATA, split="test"), features, indices=np.arange(MODE_SAMPLES))
    logits = features.logits_of(rows)  # type: ignore[attr-defined]
    found = mode_card(predicted(logits), 1_000, features.name, features.resize)
    sure = float((logits.amax(1).exp() > 0.9).float().mean())
    return (
        f"| held-out real | | | | {found['modes'].value:.0f} | {found['kl'].value:.4f} | "
        f"{sure:.1%} | | | |"
    )


def _json(*words: str) -> dict[str, Any]:
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "gansmith", *words, "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=env)
    return json.loads(done.stdout.splitlines()[-1])


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(recipe: str, seed: int, changes: list[str], out: Path) -> str:
    """One row of the table; CPU seconds are of training, its measuring and its watching."""
    before = _spent()
    settings = [word for change in ["threads=1", *changes] for word in ("--set", change)]
    told = _json(
        *["train", DATA, "--recipe", recipe, "--seed", str(seed), *settings],
        *["--out", str(out), "--overwrite", "--no-score"],
    )
    cpu = _spent() - before
    scores = _json("evaluate", str(out), "--metrics", SCORES)["scores"]
    value = {name: score["value"] for name, score in scores.items()}
    return (
        f"| `{recipe}` | {seed} | {cpu:.0f} | {told['images']:,} | {value['modes']:.0f} | "
        f"{value['kl']:.4f} | {value['confident']:.1%} | {value['fd']:.2f} | "
        f"{value['precision']:.2f} | {value['recall']:.2f} |"
    )


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default=DATA)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--out", type=Path, default=Path("runs/stacked-mnist"))
    args = parser.parse_args()
    print("| run | seed | CPU s | images | modes | KL | confident | fd | precision | recall |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    print(real_row(), flush=True)
    for seed in args.seeds:
        print(measure(args.recipe, seed, args.changes, args.out / str(seed)), flush=True)


if __name__ == "__main__":
    main()
