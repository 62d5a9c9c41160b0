"""The failure suite's cases: what is planted where, what should be found, and which half it is of.

The suite is in its second edition. All that the first one asked is there to tune rules on now. What
is reported is new: programs and changes by another hand (``others/``, ``others.yaml``), and, of the
faults that are known, that half which a second draw of their names' SHA-256 takes, with seeds 200,
201, ... Of healthy runs the seeds alone tell the halves apart.
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
FIRST_SEEDS = (0, 100)  # of the first edition's two draws
UNSEEN_SEED = 200
SEEDS = {"settings": 1, "runs": 2, "loops": 1, "translators": 1}  # of every fault and size
PROGRAMS = ("dcgan_tutorial", "wgan_gp", "sn_hinge", "conditional")
SOUND_PROGRAMS = 4  # seeds of each
VARIETY = 8  # seeds that the faults of the programs take turns in
SECOND = "2:"  # before a name, in the second draw
Half = Literal["tuning", "unseen"]
Kind = Literal["settings", "runs", "translators", "loops", "programs"]
Job = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """One visit of the doctor.

    Attributes:
        fault: its name; ``none`` is healthy.
        kind: how the doctor sees it: settings, one of our runs, one that makes pictures of
            pictures, the loop that rules were tuned on, or another stranger's program.
        codes: what should be said first.
        also: what is true too, without being the point.
        onset: the step at which the fault begins to show.
        job: data, recipe, steps and changes of a run; program, arguments and steps of a loop.
        repairable: whether a mend is known that a control of ours can make.
        planted: "known" if rules could be tuned on this fault with other seeds, else "new".
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
    planted: Literal["known", "new"] = "known"

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.fault}-{self.size}-{self.seed}"


@functools.cache
def _read(path: Path) -> dict[str, Any]:
    tree: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return tree


def upper(names: list[str], salt: str = "") -> set[str]:
    """The half of the names whose SHA-256 come last: a function of the names alone."""
    ranked = sorted(names, key=lambda name: hashlib.sha256((salt + name).encode()).hexdigest())
    return set(ranked[(len(ranked) + 1) // 2 :])


STYLE = {"digits-conv": 0, "toy": 1, "digits-mlp": 2}  # loops take turns in style by their seed


def _draws(names: list[str]) -> Iterator[tuple[str, Half, int]]:
    """Each name with its half and the first of its seeds, once for each edition that asks it."""
    later, again = upper(names), upper(names, SECOND)
    for name in names:
        yield name, "tuning", FIRST_SEEDS[name in later]
        if name in again:
            yield name, "unseen", UNSEEN_SEED


def _planted(
    name: str,
    fault: Mapping[str, Any],
    kind: Kind,
    size: str,
    seed: int,
    half: Half,
    job: Job,
    new: bool = False,
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
        planted="new" if new else "known",
    )


def _job(fault: Mapping[str, Any], size: str, base: Job) -> Job:
    """The sound job of a size, with the fault planted in it."""
    planted = fault.get("set", {})
    planted = planted.get(size, planted) if size in planted else planted
    return {
        **base,
        "data": fault.get("data", base["data"]),
        "set": {**base.get("set", {}), **planted},
    }


def _changes() -> Iterator[Case]:
    tree = _read(HERE / "changes.yaml")
    sizes, faults = tree["sizes"], tree["faults"]
    for kind in ("settings", "runs"):
        of_kind = [name for name, fault in faults.items() if fault["kind"] == kind]
        for name, half, first in _draws(of_kind):
            fault = faults[name]
            for size in fault.get("sizes", sizes):
                job = _job(fault, size, sizes[size])
                for seed in range(first, first + SEEDS[kind]):
                    yield _planted(name, fault, kind, size, seed, half, job)


def _others() -> Iterator[Case]:
    tree = _read(HERE / "others.yaml")
    for name, fault in tree["faults"].items():
        for size in fault["sizes"]:
            job = _job(fault, size, tree["sizes"][size])
            for seed in range(UNSEEN_SEED, UNSEEN_SEED + SEEDS[fault["kind"]]):
                yield _planted(name, fault, fault["kind"], size, seed, "unseen", job, new=True)


def _translators() -> Iterator[Case]:
    """Translators and completers that fail, and sound ones beside them."""
    tree = _read(HERE / "translators.yaml")
    sizes, faults = tree["sizes"], tree["faults"]
    for size, job in sizes.items():
        for half, seed in (("tuning", FIRST_SEEDS[0]), ("unseen", UNSEEN_SEED)):
            yield Case("none", "translators", size, seed, half, job=job)
    for name, half, first in _draws(list(faults)):
        for size in faults[name]["sizes"]:
            job = _job(faults[name], size, sizes[size])
            for seed in range(first, first + SEEDS["translators"]):
                yield _planted(name, faults[name], "translators", size, seed, half, job)


def _program(program: str, steps: int, *args: str) -> Job:
    return {"program": program, "steps": steps, "args": list(args)}


def _own_loop(size: str, seed: int, fault: str, steps: int = LOOP_STEPS) -> Job:
    args = ("--size", size, "--seed", str(seed), "--fault", fault)
    return _program("loops/loops.py", steps, *args)


def _loops() -> Iterator[Case]:
    faults = _read(HERE / "loops" / "expected.yaml")
    for name, half, first in _draws(list(faults)):
        fault = faults[name]
        for size in fault["sizes"]:
            for seed in range(first + STYLE[size], first + STYLE[size] + SEEDS["loops"]):
                job = _own_loop(size, seed, name, fault.get("steps", LOOP_STEPS))
                yield _planted(name, fault, "loops", size, seed, half, job)


def _other_program(program: str, seed: int, fault: str, steps: int = LOOP_STEPS) -> Job:
    args = ("--seed", str(seed), "--fault", fault, "--steps", str(2 * steps))
    return _program(f"others/{program}.py", steps, *args)


def _programs() -> Iterator[Case]:
    for place, (name, fault) in enumerate(_read(HERE / "others" / "expected.yaml").items()):
        seed = UNSEEN_SEED + place % VARIETY
        for program in fault["programs"]:
            job = _other_program(program, seed, name, fault.get("steps", LOOP_STEPS))
            yield _planted(name, fault, "programs", program, seed, "unseen", job, new=True)


def _healthy() -> Iterator[Case]:
    tree = _read(HERE / "changes.yaml")
    draws: list[tuple[Half, int]] = [("tuning", first) for first in FIRST_SEEDS]
    draws.append(("unseen", UNSEEN_SEED))
    for job in tree["healthy"]:
        size = f"{job['data']}-{job['recipe']}"
        for half, first in draws:
            for seed in range(first, first + job["seeds"] // 2):
                yield Case("none", "runs", size, seed, half, job=job)
    for size in tree["sizes"]:
        for half, first in draws:
            for seed in range(first, first + tree["loops"] // 2):
                job = _own_loop(size, seed, "none")
                yield Case("none", "loops", size, seed, half, job=job)
    for program in PROGRAMS:
        for seed in range(UNSEEN_SEED, UNSEEN_SEED + SOUND_PROGRAMS):
            job = _other_program(program, seed, "none")
            yield Case("none", "programs", program, seed, "unseen", job=job, planted="new")


def all_cases() -> list[Case]:
    """Every case, healthy ones first, in an order that never changes."""
    return [*_healthy(), *_changes(), *_loops(), *_others(), *_programs(), *_translators()]


def sound(size: str) -> dict[str, Any]:
    """The job that faults of a size are planted in."""
    names = ("changes.yaml", "others.yaml", "translators.yaml")
    tables = (_read(HERE / name)["sizes"] for name in names)
    base: dict[str, Any] = {key: job for table in tables for key, job in table.items()}[size]
    return base


MADE = ("sevens", "few-eights", "copies", "flat", "masks", "unlabelled", "sides", "strangers")
PAIRS = 400


def made_data(name: str, folder: Path) -> str:
    """The data source of a job: a built-in name as it is, or what is made of the digits.

    That is an archive, or a folder of two sides: digits, and their negatives on red paper; of
    ``strangers`` each has another digit's.
    """
    if name not in MADE:
        return name
    if name in ("sides", "strangers"):
        return str(_two_sides(folder / name, apart=PAIRS // 2 if name == "strangers" else 0))
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
    elif name == "masks":
        x = (x > 127).astype(np.uint8)
    elif name == "flat":
        x[: len(x) * 3 // 4] = 127
    folder.mkdir(parents=True, exist_ok=True)
    labelled = {} if name == "unlabelled" else {"labels": y}
    np.savez(path, images=x[:, 0], **labelled)
    return str(path)


def _two_sides(folder: Path, apart: int) -> Path:
    """Pairs by name; the partner is that of the digit so many places on."""
    from PIL import Image

    from gansmith import open_data

    if (folder / "whole").exists():
        return folder
    pixels = open_data("digits", limit=PAIRS).batch(np.arange(PAIRS))[0][:, 0].numpy()
    for number, grey in enumerate(pixels):
        of = pixels[(number + apart) % PAIRS]
        red = np.stack([255 - of // 8, (255 - of) // 2, (255 - of) // 2], -1)
        for side, picture in (("A", grey), ("B", red)):
            (folder / side).mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(folder / side / f"{number:03d}.png")
    (folder / "whole").touch()
    return folder
