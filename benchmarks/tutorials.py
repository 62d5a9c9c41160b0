"""The tutorials' recipes on the digits, within five CPU-minutes each, scored by the classifier.

Each is trained by the command line, on one thread, in a process of its own, whose clocks are made
to tell processor time: the budget then holds the same work whatever else the machine does. What is
counted is training, its measuring and its reading of the data, without the scoring. The seed is
given before and every run is printed.
"""

import argparse
import json
import resource
import subprocess
from pathlib import Path
from typing import Any

from processor_time import command

RECIPES = ("sigmoid-mlp", "activations-mlp", "least-squares", "cross-entropy", "dcgan")
SCORES = "classes,confident,class_kl,fd,precision,recall"


def _json(*words: str) -> dict[str, Any]:
    done = subprocess.run(command(*words, "--json"), check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(recipe: str, data: str, seed: int, seconds: float, out: Path) -> str:
    """One row of the table."""
    before = _spent()
    told = _json(
        *["train", data, "--recipe", recipe, "--seed", str(seed), "--budget", f"{seconds:g}s"],
        *["--set", "threads=1", "--out", str(out), "--overwrite", "--no-score"],
    )
    cpu = _spent() - before
    scores = _json("evaluate", str(out), "--metrics", SCORES)["scores"]
    value = {name: score["value"] for name, score in scores.items()}
    return (
        f"| `{recipe}` | {seed} | {cpu:.0f} | {told['images']:,} | {value['classes']:.0f} of 10 | "
        f"{value['confident']:.1%} | {value['fd']:.2f} | {value['precision']:.2f} | "
        f"{value['recall']:.2f} |"
    )


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipes", nargs="*", default=RECIPES)
    parser.add_argument("--data", default="digits")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--seconds", type=float, default=280, help="processor time of training")
    parser.add_argument("--out", type=Path, default=Path("runs/tutorials"))
    args = parser.parse_args()
    print("| recipe | seed | CPU s | images | classes | confident | fd | precision | recall |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
    for seed in args.seeds:
        for recipe in args.recipes:
            out = args.out / f"{recipe}-{seed}"
            print(measure(recipe, args.data, seed, args.seconds, out), flush=True)


if __name__ == "__main__":
    main()
