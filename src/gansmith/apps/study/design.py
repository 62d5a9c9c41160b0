"""What a study compares: its arms and seeds, its fair shares, and the folder that holds it."""

import json
import math
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

from gansmith.config import Budget, known_keys, parse_assignment
from gansmith.errors import UserError, nearest
from gansmith.files import lock, write_atomically
from gansmith.recipes.questions import QUESTIONS, question
from gansmith.reports.words import joined, setting

PLAN, TRIALS, JOURNAL, LOCK = "plan.json", "trials", "optuna.jsonl", ".lock"
OWN = (PLAN, TRIALS, JOURNAL, "report.html", "table.md", "study.json", ".rehearsal-*")
QUARTERS = 4
LEAST_SECONDS = 10.0  # of training: in less nothing is learned that could be compared
SPARE = 0.03  # of every share: paces vary
CLOSING = 4.0  # seconds for the report


@dataclass(frozen=True)
class Arm:
    """One of the things compared: its label, and its settings by dotted key."""

    label: str
    settings: dict[str, Any]


@dataclass(frozen=True)
class Design:
    """All that makes a study this one and no other.

    ``base`` is what all arms share; an arm's own settings win over it.
    """

    name: str
    words: str
    notes: tuple[str, ...]
    data: str
    recipe: str
    base: dict[str, Any]
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    budget: float  # seconds
    samples: int

    @property
    def count(self) -> int:
        """How many trials there are."""
        return len(self.arms) * len(self.seeds)

    def trial(self, number: int) -> tuple[int, int]:
        """The arm's number and the seed of a trial: all arms of the first seed, then the next."""
        seed, arm = divmod(number, len(self.arms))
        return arm, self.seeds[seed]

    def changes(self, arm: int, seed: int) -> dict[str, Any]:
        """What `gansmith.apps.train.train` is given for a trial, but for its length."""
        fixed = {"threads": 1, "device": "cpu", "evaluate.samples": self.samples}
        return fixed | self.base | self.arms[arm].settings | {"seed": seed}

    def trial_name(self, number: int) -> str:
        """The trial's folder below ``trials/``."""
        arm, seed = self.trial(number)
        slug = re.sub(r"[^\w.]+", "-", self.arms[arm].label).strip("-").lower() or "arm"
        return f"{arm + 1:02d}-{slug[:48]}-seed-{seed}"

    def as_tree(self) -> dict[str, Any]:
        """Plain values, as `plan.json` holds them."""
        tree: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return tree

    @classmethod
    def from_tree(cls, tree: Mapping[str, Any]) -> "Design":
        """The inverse of `as_tree`."""
        lists = {key: tuple(tree[key]) for key in ("notes", "seeds")}
        arms = tuple(Arm(each["label"], dict(each["settings"])) for each in tree["arms"])
        return cls(**{**tree, **lists, "arms": arms})


@dataclass(frozen=True)
class Plan:
    """What was measured at the start, and what follows: from here on every trial is fixed.

    Attributes:
        metric, better, kind: what trials are judged by, and of what data.
        pace: images per second of each arm.
        images: how many each arm is trained on.
        steps: the same in steps of the game.
        share: seconds of training of each trial.
        overhead: seconds of everything else in a trial: evaluations, saving, pictures.
    """

    design: Design
    metric: str
    better: str
    kind: str
    pace: tuple[float, ...]
    images: tuple[int, ...]
    steps: tuple[int, ...]
    share: float
    overhead: float


FIXED = {
    "recipe": "arms differ by settings, not by recipes: run a study of each, with --recipe",
    "seed": "--seeds and --first-seed give the seeds",
    "budget": "--budget is of the whole study, and every trial has the same share",
    "threads": "every trial has one thread",
    "device": "a study's trials share the processor, so they run on it",
    "data.source": "DATA names the data",
    "resolution": "scores at another size cannot be compared: set it for all arms",
    "data.channels": "scores of other channels cannot be compared: set it for all arms",
    "data.crop": "scores against other crops cannot be compared: set it for all arms",
    "data.limit": "scores against other data cannot be compared: set it for all arms",
    "evaluate": "every trial is scored in the same way: --samples says of how many",
    "save_every": "the study says when a trial saves",
    "sample_every": "the study says when samples are drawn",
    "keep": "the study says how many checkpoints stay",
}
FOR_ALL = ("resolution", "data.channels", "data.crop", "data.limit")  # may be set, not varied


def _fixed(key: str) -> str:
    """Why a setting is not an arm's to choose; empty where it is."""
    return FIXED.get(key) or FIXED.get(key.partition(".")[0], "")


def vary(texts: Sequence[str]) -> list[tuple[str, list[Any]]]:
    """``["loss=ns,hinge"]`` becomes ``[("loss", ["ns", "hinge"])]``.

    Raises:
        UserError: for an unknown setting, one that is named twice, or no value.
    """
    known = known_keys()
    found: list[tuple[str, list[Any]]] = []
    for text in texts:
        key, equals, values = text.partition("=")
        key = key.strip()
        words = [word.strip() for word in values.split(",") if word.strip()]
        if not equals or not words:
            raise UserError(f"--vary {text!r} is not understood: write --vary loss=ns,hinge")
        if key not in known:
            raise UserError(f"--vary: unknown setting {key!r}{nearest(key, known)}")
        if key in dict(found):
            raise UserError(f"--vary {key}: it is named twice")
        if why := _fixed(key):
            raise UserError(f"--vary {key}: {why}")
        found.append((key, [parse_assignment(f"{key}={word}")[1] for word in words]))
    return found


def arms_of(name: str, varied: Sequence[tuple[str, list[Any]]]) -> tuple[Arm, ...]:
    """The question's arms, each with every combination of what is varied beside them."""
    own = [Arm(label, dict(settings)) for label, settings in question(name).arms]
    if not varied:
        return tuple(own)
    grid = []
    for values in product(*(each for _, each in varied)):
        settings = dict(zip((key for key, _ in varied), values, strict=True))
        short = len(settings) == 1
        named = [
            setting(value) if short else f"{key.rpartition('.')[2]} {setting(value)}"
            for key, value in settings.items()
        ]
        grid.append(Arm(", ".join(named), settings))
    if name == "grid":
        return tuple(grid)
    return tuple(
        Arm(f"{one.label}; {each.label}", one.settings | each.settings)
        for one, each in product(own, grid)
    )


def design(
    name: str | None,
    data: str | None,
    varied: Sequence[str],
    budget: str,
    seeds: int | None,
    first_seed: int,
    recipe: str | None,
    changes: Mapping[str, Any],
    samples: int,
) -> Design:
    """A study as it is asked for; nothing is read or written.

    Raises:
        UserError: for an unknown question or setting, or nothing to compare.
    """
    asked = question(name or "grid")
    axes = vary(varied)
    arms = arms_of(name or "grid", axes)
    if len(arms) < 2:
        known = ", ".join(QUESTIONS)
        raise UserError(
            f"a study compares two arms or more: name a question ({known}) or write --vary "
            "loss=ns,hinge"
        )
    labels = [arm.label for arm in arms]
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice:
        raise UserError(f"--vary: the arm {twice!r} is there twice")
    compared = {key for arm in arms for key in arm.settings}
    both = next((key for key in changes if key in compared), None)
    if both:
        raise UserError(f"--set {both}: this is what the study compares, so it cannot be set")
    for key in changes:
        if key not in FOR_ALL and (why := _fixed(key)):
            raise UserError(f"--set {key}: {why}")
    spent = Budget.parse(budget)
    if spent.unit != "seconds":
        raise UserError(f"--budget {budget}: a study is planned by the clock: write 20m or 2h")
    count = asked.seeds if seeds is None else seeds
    if count < 1 or first_seed < 0:
        raise UserError("--seeds must be at least 1, and --first-seed at least 0")
    words = asked.words
    if not QUESTIONS.get(name or ""):
        words = f"Which values of {joined([key for key, _ in axes])} are best?"
        if len(axes) == 1:
            words = f"Which {axes[0][0]} is best: {', '.join(labels)}?"
    base = dict(asked.base) | dict(changes)
    return Design(
        name=name or "grid",
        words=words,
        notes=asked.notes,
        data=data or asked.data,
        recipe=recipe or asked.recipe,
        base=base,
        arms=arms,
        seeds=tuple(range(first_seed, first_seed + count)),
        budget=spent.amount,
        samples=samples,
    )


def shares(design: Design, workers: int, elapsed: float, overhead: float) -> float:
    """Seconds of training that each trial gets, so that all of it ends with the budget.

    Trials are whole, so with w workers the study lasts as long as ⌈trials / w⌉ of them.

    Raises:
        UserError: naming the budget that it would take, if the share is too small to learn in.
    """
    rounds = math.ceil(design.count / workers)
    left = (design.budget - elapsed - CLOSING) / rounds
    share = left * (1.0 - SPARE) - overhead
    if share >= LEAST_SECONDS:
        return share
    needed = elapsed + CLOSING + rounds * (LEAST_SECONDS + overhead) / (1.0 - SPARE)
    text = f"{math.ceil(needed * 1.05 / 60)}m" if needed > 100 else f"{math.ceil(needed * 1.05)}s"
    raise UserError(
        f"a budget of {design.budget:g} s leaves each of the {design.count} trials "
        f"{max(0.0, share):.1f} s of training on {workers} cores, too little to learn anything: "
        f"--budget {text} would do, or fewer --seeds"
    )


# --- the folder


def is_study(folder: Path) -> bool:
    """Whether a study was planned here."""
    return (folder / PLAN).is_file()


def save_plan(folder: Path, plan: Plan) -> None:
    """Write the plan: from here on the folder is a study."""
    tree = {**asdict(plan), "design": plan.design.as_tree()}
    write_atomically(folder / PLAN, json.dumps(tree, indent=2).encode())


def read_plan(folder: Path) -> Plan:
    """The plan of a study's folder.

    Raises:
        UserError: if there is none, or it is damaged.
    """
    try:
        tree = json.loads((folder / PLAN).read_text("utf-8"))
        lists = {key: tuple(tree[key]) for key in ("pace", "images", "steps")}
        return Plan(**{**tree, **lists, "design": Design.from_tree(tree["design"])})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{folder / PLAN}: no readable plan of a study") from None


def check_folder(folder: Path, wanted: Design, overwrite: bool) -> bool:
    """Whether the study is there already and goes on; nothing is written or removed.

    Raises:
        UserError: if another study, or something else, is in the folder.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: this is a file, so no study can be made here")
    if is_study(folder) and not overwrite:
        there, here = read_plan(folder).design.as_tree(), wanted.as_tree()
        other = next((key for key in here if here[key] != there.get(key)), None)
        if other:
            raise UserError(
                f"{folder}: another study is here (its {other} differs); --overwrite starts "
                "afresh, --out names another folder"
            )
        return True
    strange = [p.name for p in folder.iterdir()] if folder.exists() else []
    strange = [name for name in strange if not name.startswith((".lock", ".rehearsal", ".worker"))]
    if strange and not is_study(folder):
        raise UserError(f"{folder}: something else is here already; name another --out")
    return False


def clear(folder: Path) -> None:
    """Take away what a study wrote; the plan last, so that a killed process leaves a study."""
    for name in reversed(OWN):
        for old in folder.glob(name):
            shutil.rmtree(old) if old.is_dir() else old.unlink()


@contextmanager
def held(path: Path) -> Iterator[bool]:
    """Hold a lock that ends with the process; yields whether it was free.

    The system lets go of it however the process ends. Where there is no ``fcntl`` (Windows), two
    coordinators of one folder are not told apart.
    """
    with path.open("a") as file:
        yield lock(file)
