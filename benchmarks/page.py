"""Every short benchmark in turn, and its figures into a page: what `make bench` runs.

    python benchmarks/page.py [--page docs/performance.md] [--only step scores ...] [--seconds 20]

Between the lines ``<!-- bench -->`` and ``<!-- /bench -->`` the page gets a table of ratios with
their quartiles, and on what they were measured; the rest of it is left alone. Without ``--page``
the table is printed. A quiet machine takes about twenty minutes, eight of them beside `busy.py`'s
busy process and without it.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from gansmith.apps.bench.clocks import Spread
from gansmith.engine import machine, versions

HERE = Path(__file__).resolve().parent
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"
Row = tuple[str, str, str, str]  # what, figure [quartiles], target, command


def _json(*command: str) -> dict[str, Any]:
    """The object that a program prints; some end with 1 where a target is missed."""
    done = subprocess.run(
        [sys.executable, *command, "--json"], stdout=subprocess.PIPE, text=True, check=False
    )
    return json.loads(done.stdout.splitlines()[-1])


def _script(name: str, *words: str) -> tuple[dict[str, Any], str]:
    """A benchmark's figures, and how to get them again."""
    said = " ".join(["python", f"benchmarks/{name}.py", *words])
    return _json(str(HERE / f"{name}.py"), *words), f"`{said}`"


def _spread(each: dict[str, float] | list[float]) -> str:
    """Of `Spread` as an object, or as a list of median and quartiles."""
    values = list(each.values()) if isinstance(each, dict) else each
    return "{:.3g} [{:.3g}, {:.3g}]".format(*values)


def bench_rows(seconds: float) -> list[Row]:
    """`gansmith bench` of the default recipe at 32 and 64 pixels."""
    rows = []
    for side in ("32", "64"):
        words = ["bench", "--resolution", side, "--threads", "1", "--seconds", f"{seconds:g}"]
        found = _json("-m", "gansmith", *words)
        command = f"`gansmith {' '.join(words)}`"
        rows.append((f"step / bare kernels, {side} px", _spread(found["ratio"]), "≤ 1.15", command))
        own, whole, near = (_spread(each) for each in found["penalty_adds"].values())
        rows.append((f"the recipe's penalty adds to D, {side} px", own, "", command))
        rows.append((f"exact on the whole batch adds, {side} px", whole, "≤ 1.9", command))
        rows.append((f"finite differences on a quarter add, {side} px", near, "≤ 0.3", command))
        share = found["parts"]["data"]["median"] / found["step"]["median"]
        rows.append((f"the data's part of a step, {side} px", f"{share:.3f}", "", command))
        adds = _spread(found["data_adds"])
        rows.append((f"new data at every step adds, {side} px", adds, "≤ 0.03", command))
    return rows


def step_rows(seconds: float) -> list[Row]:
    """A step against the plain loop of the same nets, loss and batch."""
    found, command = _script("step", "--rounds", str(max(4, round(seconds / 4))))
    return [
        (f"images/s over the plain R1 + R2 loop, {name}", _spread(row["ratio"]), "≥ 1.3", command)
        for name, row in found.items()
    ]


def busy_rows(seconds: float) -> list[Row]:
    """`gansmith train` beside busy processes."""
    found, command = _script("busy", "--seconds", f"{seconds:g}")
    rows = []
    for row in found["rows"]:
        low, high = row["load"]
        where = f"{row['others']} busy beside it, load before {low:.1f} to {high:.1f}"
        beside = "≥ 5" if row["others"] else "≥ 1"
        for pair, name, target in (
            ("default over textbook", "the textbook loop, as it starts", beside),
            ("ours over textbook", "the textbook loop, width 16", beside),
            ("ours over r1r2", "the plain loop of the same nets", "≥ 1"),
        ):
            rows.append((f"images/s over {name}, {where}", _spread(row[pair]), target, command))
    return rows


def score_rows(seconds: float) -> list[Row]:
    """Scores against torch-fidelity's."""
    found, command = _script("scores", "--seconds", f"{seconds:g}")
    return [
        (f"speed of {name} over torch-fidelity's", _spread(row["ratio"]), "", command)
        for name, row in found.items()
    ]


def data_rows(seconds: float) -> list[Row]:
    """Batches against ImageFolder + DataLoader."""
    del seconds  # an epoch each
    found, command = _script("data_loading", "--images", "4000")
    figure = f"{found['ratio']:.3g}"
    return [("batches/s over ImageFolder + DataLoader", figure, "≥ 5", command)]


BENCHES: dict[str, Callable[[float], list[Row]]] = {
    "bench": bench_rows,
    "step": step_rows,
    "busy": busy_rows,
    "scores": score_rows,
    "data": data_rows,
}


def _rows(name: str, seconds: float) -> list[Row]:
    """A benchmark's rows, or one that says that it failed: the others' minutes are not lost."""
    try:
        return BENCHES[name](seconds)
    except (IndexError, KeyError, ValueError) as error:
        return [
            (name, f"failed ({type(error).__name__})", "", f"`benchmarks/page.py --only {name}`")
        ]


def table(rows: list[Row], load: Spread) -> str:
    """The rows under their heads, and on what they were measured."""
    about, known = machine(), versions()
    lines = ["| what | median [quartiles] | target | command |", "| --- | ---: | ---: | --- |"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(
        [
            f"Measured on {date.today().isoformat()}: {about['cpu']}, {about['cores']} cores, "
            f"{about['memory_gb']} GB, accelerator: {about['accelerator']}; python "
            f"{known['python']}, torch {known['torch']}.",
            f"Other work on the machine: load average {load.median:.1f} between the benchmarks, "
            f"{load.low:.1f} to {load.high:.1f} (their own process counts as 1).",
            "",
            *lines,
        ]
    )


def written(page: str, text: str) -> str:
    """The page with the text between its marks.

    Raises:
        ValueError: if it has none.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def main() -> None:
    """Measure, print, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path)
    parser.add_argument("--only", nargs="+", choices=BENCHES, default=list(BENCHES))
    parser.add_argument("--seconds", type=float, default=20.0, help="for each measurement")
    args = parser.parse_args()
    rows: list[Row] = []
    loads = [os.getloadavg()[0]]
    for name in args.only:
        for row in _rows(name, args.seconds):
            rows.append(row)
            print(f"{row[0]}: {row[1]}" + (f" (target {row[2]})" if row[2] else ""), flush=True)
        loads.append(os.getloadavg()[0])
    text = table(rows, Spread(sorted(loads)[len(loads) // 2], min(loads), max(loads)))
    if args.page:
        args.page.write_text(written(args.page.read_text(encoding="utf-8"), text), encoding="utf-8")
    else:
        print(f"\n{text}")


if __name__ == "__main__":
    main()
