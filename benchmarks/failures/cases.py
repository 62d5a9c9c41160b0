"""The failure suite's cases: what is planted where, what should be found, and which half it is of.

Of every kind the faults are put in the order of their names' SHA-256: the first half is there to
tune rules on, with seeds 0, 1, ..., the other, with seeds 100, 101, ..., is reported and nothing is
tuned on it. Of healthy runs the seeds alone tell the halves apart.
"""

import functools
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml

HERE = Path(__file__).resolve().parent
LOOP_STEPS = 200  # of a stranger's loop: what `gansmith doctor` watches unless told otherwise
HALVES = ("tuning", "unseen")
FIRST_SEED = {"tuning": 0, "unseen": 100}
SEEDS = {"settings": 1, "runs": 2, "loops": 1}  # of every fault and size
Half = Literal["tuning", "unseen"]
Kind = Literal["settings", "runs", "loops"]
Job = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """One visit of the doctor.

    Attributes:
        fault: its name; ``none`` is healthy.
        kind: how the doctor sees it: settings, one of our runs, or a stranger's loop.
        codes: what should be said first.
        also: what is true too, without being the point.
        onset: the step at which the fault begins to show.
        job: data, recipe, steps and changes of a run; the arguments of a loop.
        repairable: whether a mend is known that a control of ours can make.
    """

    fault: str
    kind: Kind
    size: str
    seed: int
    half: Half
    what: str = ""
    codes: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    onset: int = 0
    job: Job = field(default_factory=dict)
    repairable: bool = False

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.fault}-{self.size}-{self.seed}"


@functools.cache
def _read(path: Path) -> dict[str, Any]:
    tree: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return tree


def halves(names: list[str]) -> dict[str, Half]:
    """Which half each fault is of: a function of its name and its company alone."""
    ranked = sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    return {
        name: "tuning" if place < (len(ranked) + 1) // 2 else "unseen"
        for place, name in enumerate(ranked)
    }


STYLE = {"digits-conv": 0, "toy": 1, "digits-mlp": 2}  # loops take turns in style by their seed


def _seeds(half: Half, count: int, first: int = 0) -> range:
    return range(FIRST_SEED[half] + first, FIRST_SEED[half] + first + count)


def _planted(
    name: str, fault: Mapping[str, Any], kind: Kind, size: str, seed: int, half: Half, job: Job
) -> Case:
    """A case of a fault as its table describes it."""
    return Case(
        fault=name,
        kind=kind,
        size=size,
        seed=seed,
        half=half,
        what=fault["what"],
        codes=tuple(fault["codes"]),
        also=tuple(fault.get("also", ())),
        onset=fault.get("onset", 0),
        job=job,
        repairable=fault.get("repairable", False),
    )


def _changes() -> Iterator[Case]:
    tree = _read(HERE / "changes.yaml")
    sizes, faults = tree["sizes"], tree["faults"]
    for kind in ("settings", "runs"):
        of_kind = [name for name, fault in faults.items() if fault["kind"] == kind]
        half_of = halves(of_kind)
        for name in of_kind:
            fault = faults[name]
            for size in fault.get("sizes", sizes):
                base, planted = sizes[size], fault.get("set", {})
                planted = planted.get(size, planted) if size in planted else planted
                job = {
                    **base,
                    "data": fault.get("data", base["data"]),
                    "set": {**base.get("set", {}), **planted},
                }
                for seed in _seeds(half_of[name], SEEDS[kind]):
                    yield _planted(name, fault, kind, size, seed, half_of[name], job)


def _loops() -> Iterator[Case]:
    faults = _read(HERE / "loops" / "expected.yaml")
    half_of = halves(list(faults))
    for name, fault in faults.items():
        for size in fault["sizes"]:
            for seed in _seeds(half_of[name], SEEDS["loops"], STYLE[size]):
                job = {"steps": fault.get("steps", LOOP_STEPS)}
                yield _planted(name, fault, "loops", size, seed, half_of[name], job)


def _healthy() -> Iterator[Case]:
    tree = _read(HERE / "changes.yaml")
    for job in tree["healthy"]:
        size = f"{job['data']}-{job['recipe']}"
        for half in HALVES:
            for seed in _seeds(half, job["seeds"] // 2):
                yield Case("none", "runs", size, seed, half, job=job)
    for size in tree["sizes"]:
        for half in HALVES:
            for seed in _seeds(half, tree["loops"] // 2):
                yield Case("none", "loops", size, seed, half, job={"steps": LOOP_STEPS})


def all_cases() -> list[Case]:
    """Every case, healthy ones first, in an order that never changes."""
    return [*_healthy(), *_changes(), *_loops()]


def sound(size: str) -> dict[str, Any]:
    """The job that faults of a size are planted in."""
    base: dict[str, Any] = _read(HERE / "changes.yaml")["sizes"][size]
    return base


def made_data(name: str, folder: Path) -> str:
    """The data source of a job: a built-in name as it is, or an archive made of the digits."""
    if name not in ("sevens", "few-eights", "copies", "flat"):
        return name
    from gansmith import open_data

    path = folder / f"{name}.npz"
    if path.exists():
        return str(path)
    pixels, labels = open_data("digits", labels=True, limit=4000).batch(np.arange(4000))
    x, y = pixels.numpy(), labels.numpy()
    if name == "sevens":
        x, y = x[y == 7], y[y == 7]
    elif name == "few-eights":
        kept = (y != 8) | (np.cumsum(y == 8) <= 3)
        x, y = x[kept], y[kept]
    elif name == "copies":
        x, y = np.tile(x[:40], (50, 1, 1, 1)), np.tile(y[:40], 50)
    else:
        x[: len(x) * 3 // 4] = 127
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(path, images=x[:, 0], labels=y)
    return str(path)
