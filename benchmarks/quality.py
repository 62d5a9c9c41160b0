"""Quality per second: the default recipe against the textbook DCGAN at equal wall time.

Turn by turn in one run, each in a process of its own as a user would start it. Both are scored by
`gansmith evaluate` with 10,000 samples against the 10,000 held-out images, on the features of the
classifier trained on that data set. The reference is given the better of its two batch-norm modes.
The recipe's clock includes measuring its own pace; neither clock includes reading the data.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def _json(*command: str) -> dict[str, Any]:
    env = {key: value for key, value in os.environ.items() if not key.startswith("OMP_")}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=env)
    return json.loads(done.stdout.splitlines()[-1])


def recipe(data: str, seconds: float, seed: int, out: Path) -> dict[str, Any]:
    """Train the default recipe by the command line."""
    command = [sys.executable, "-m", "gansmith", "train", data, "--json", "--overwrite"]
    command += ["--budget", f"{seconds:g}s", "--seed", str(seed), "--out", str(out)]
    result = _json(*command)
    return {
        "fd": result["scores"]["fd"]["value"],
        "low": result["scores"]["fd"]["low"],
        "high": result["scores"]["fd"]["high"],
        "images_per_second": result["images_per_second"],
        "seconds": result["seconds"],
    }


def textbook(data: str, seconds: float, seed: int, out: Path) -> dict[str, Any]:
    """Train and score the reference."""
    command = [
        sys.executable,
        str(HERE / "reference" / "textbook_dcgan.py"),
        data,
        "--seed",
        str(seed),
    ]
    result = _json(*command, "--seconds", f"{seconds:g}", "--out", str(out))
    scored = [
        _json(
            *[sys.executable, "-m", "gansmith", "evaluate", str(out / f"{mode}.npz")],
            *["--against", data, "--json", "--metrics", "fd"],
        )["scores"]["fd"]
        for mode in ("train", "eval")
    ]
    best = min(scored, key=lambda score: score["value"])
    return {
        "fd": best["value"],
        "low": best["low"],
        "high": best["high"],
        "images_per_second": result["images_per_second"],
        "seconds": result["seconds"],
    }


def main() -> None:
    """Run every data set and seed, both sides in turn; print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", default=["digits", "fashion"])
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--out", type=Path, default=Path("runs/bench-quality"))
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = []
    for seed in args.seeds:
        for data in args.data:
            ours = recipe(data, args.seconds, seed, args.out / f"recipe-{data}-{seed}")
            theirs = textbook(data, args.seconds, seed, args.out / f"textbook-{data}-{seed}")
            ratio = ours["fd"] / theirs["fd"]
            rows.append(
                {"data": data, "seed": seed, "recipe": ours, "textbook": theirs, "ratio": ratio}
            )
            if not args.json:
                print(
                    f"{data} seed {seed}, {args.seconds:g} s: FD {ours['fd']:.2f} "
                    f"({ours['images_per_second']:.0f} images/s) against {theirs['fd']:.2f} "
                    f"({theirs['images_per_second']:.0f} images/s): ratio {ratio:.3f}",
                    flush=True,
                )
    if args.json:
        print(json.dumps({"rows": rows}))


if __name__ == "__main__":
    main()
