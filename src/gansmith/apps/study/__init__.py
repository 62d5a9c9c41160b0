"""Study: a designed comparison of settings, each with the same seconds, and its report."""

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gansmith.apps.evaluating import scorer_of
from gansmith.apps.setting_up import Prepared, set_up
from gansmith.apps.settling import dry_run, settings
from gansmith.apps.study.design import (
    JOURNAL,
    LOCK,
    QUARTERS,
    Design,
    Plan,
    check_folder,
    clear,
    design,
    held,
    read_plan,
    save_plan,
    shares,
)
from gansmith.apps.study.floor import Floor, Progress, Say, wait_for_orphans
from gansmith.apps.study.ledger import Ledger
from gansmith.apps.study.results import collect
from gansmith.apps.study.scores import deciding
from gansmith.engine import cores
from gansmith.errors import UserError
from gansmith.metrics import DIRECTIONS
from gansmith.reports.study import write_study_report
from gansmith.reports.words import duration

DataProgress = Callable[[str, int, int], None]
MEASURING = 0.05  # of the budget at most, for pace


@dataclass(frozen=True)
class StudyWatching:
    """What a caller wants to see while a study goes on; all of it may be left out."""

    data: DataProgress | None = None
    say: Say | None = None
    progress: Progress | None = None  # trials ended, of how many


@dataclass(frozen=True)
class StudyResult:
    """What a study found. ``why`` is ``budget``, ``interrupt`` or ``terminate``.

    ``table`` has a row per arm, the best first (see `gansmith.apps.study.results`).
    """

    folder: Path
    question: str
    answer: str
    table: list[dict[str, Any]]
    why: str = "budget"
    done: int = 0
    count: int = 0
    found: dict[str, Any] = field(default_factory=dict, repr=False)

    def as_json(self) -> dict[str, Any]:
        """The fields that ``--json`` prints."""
        return {
            "question": self.question,
            "answer": self.answer,
            "table": self.table,
            "study": str(self.folder),
            "trials": {"ended": self.done, "of": self.count},
            "why": self.why,
        }


def study(
    question: str | None = None,
    data: str | None = None,
    *,
    vary: Sequence[str] = (),
    budget: str = "20m",
    seeds: int | None = None,
    first_seed: int = 0,
    out: str | Path | None = None,
    recipe: str | None = None,
    changes: Mapping[str, Any] | None = None,
    workers: int | None = None,
    samples: int = 2_000,
    overwrite: bool = False,
    watching: StudyWatching = StudyWatching(),
) -> StudyResult:
    """Compare settings; the Python side of ``gansmith study``.

    Every arm and seed is a run of its own, and all have the same seconds of training on one core.
    The seconds are turned into a number of images when the study begins, by the pace of each arm on
    this machine: from there on every trial is exactly repeatable, and a study that is stopped or
    killed goes on when it is called again with the same arguments.

    It starts processes, so a script calls it under ``if __name__ == "__main__":``.

    Args:
        question: a name of `gansmith.recipes.questions.QUESTIONS`, or ``grid``.
        data: as for `gansmith.train`; by default the question's.
        vary: ``"loss=ns,hinge"``: every combination is an arm, of every arm of the question.
        budget: wall-clock time of the whole study, such as ``20m``.
        seeds: seeds of each arm.
        first_seed: the first of them; the others follow it.
        out: the study's folder, by default ``runs/study-QUESTION``.
        recipe: what the arms start from, by default the question's.
        changes: settings by dotted key, for all arms.
        workers: processes, by default the machine's cores.
        samples: how many generated samples a score is taken of.
        overwrite: begin afresh where a study was.
        watching: callbacks.

    Raises:
        UserError: for anything in the settings, the data, the budget or the folder that does not
            fit.
    """
    wanted = design(question, data, vary, budget, seeds, first_seed, recipe, changes or {}, samples)
    count = min(cores() if workers is None else workers, wanted.count)
    if count < 1 or samples < 16:
        raise UserError("--workers must be at least 1, and --samples at least 16")
    folder = Path(out) if out is not None else Path("runs") / f"study-{wanted.name}"
    goes_on = check_folder(folder, wanted, overwrite)
    if not goes_on:
        _check_arms(wanted, folder)
        shares(wanted, count, 0.0, 0.0)  # hopeless budgets are refused before anything is measured
    _make(folder)
    with held(folder / LOCK) as free:
        if not free:
            raise UserError(f"{folder}: this study is running already")
        wait_for_orphans(folder, watching.say)
        return _go(wanted, folder, count, goes_on, watching)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"{folder}: cannot make a study here: {reason}") from error


def _check_arms(wanted: Design, folder: Path) -> None:
    """Refuse an arm that cannot be built, by its name, before anything is trained.

    Raises:
        UserError: beginning with the arm's label.
    """
    for number, arm in enumerate(wanted.arms):
        try:
            dry_run(
                wanted.data,
                recipe=wanted.recipe,
                out=folder / "trials" / wanted.trial_name(number) / "new",
                changes=wanted.changes(number, wanted.seeds[0]),
            )
        except UserError as error:
            if not arm.settings or str(error).startswith(wanted.data):
                raise
            raise UserError(f"arm {arm.label!r}: {error}") from None


def _go(
    wanted: Design, folder: Path, count: int, goes_on: bool, watching: StudyWatching
) -> StudyResult:
    """Plan or take on the plan; train; report. The lock is held."""
    begun = time.monotonic()
    ready: tuple[Prepared, str] | None = None
    if not goes_on:
        first = set_up(
            settings(wanted.data, wanted.recipe, wanted.changes(0, wanted.seeds[0])), watching.data
        )
        # The real samples' features are taken once, for all.
        ready = (first, deciding(scorer_of(first, wanted.samples)))
    plan = read_plan(folder) if goes_on else None
    why = "budget"
    if plan is None or Ledger(folder, plan).open():
        with Floor(wanted, folder, count, watching.say, watching.progress) as floor:
            if ready is not None:
                plan = _plan(floor, *ready, begun, watching.say)
            if plan is not None:
                ledger = Ledger(folder, plan)
                _announce(plan, ledger, count, watching.say)
                floor.run(plan, ledger)
            why = floor.why
    if plan is None:  # stopped while it measured: nothing is here yet
        return StudyResult(folder, wanted.words, "", [], why, 0, wanted.count)
    ledger = Ledger(folder, plan)
    found = collect(folder, plan, ledger)
    write_study_report(folder, found)
    done = plan.design.count - len(ledger.open())
    return StudyResult(
        folder, wanted.words, found["answer"], found["table"], why, done, wanted.count, found
    )


def _plan(floor: Floor, ready: Prepared, metric: str, begun: float, say: Say | None) -> Plan | None:
    """Measure, and fix how many images each arm is trained on; None if it was interrupted."""
    wanted = floor.design
    if say:
        say(f"measuring the pace of {len(wanted.arms)} arms on {floor.count} cores")
    seconds = min(0.5, max(0.05, MEASURING * wanted.budget / (3 * len(wanted.arms))))
    measured = floor.measure(seconds)
    if measured is None:
        return None
    pace = [statistics.median(each) for each in zip(*(m[0] for m in measured), strict=True)]
    per_step = measured[0][1]
    overhead = max(each[2] for each in measured)
    share = shares(wanted, floor.count, time.monotonic() - begun, overhead)
    steps = [
        max(1, math.floor(share * speed / size / QUARTERS)) * QUARTERS
        for speed, size in zip(pace, per_step, strict=True)
    ]
    kind = ready.data.info.kind
    plan = Plan(
        design=wanted,
        metric=metric,
        better=DIRECTIONS[metric],
        kind=kind,
        pace=tuple(round(each, 2) for each in pace),
        images=tuple(step * size for step, size in zip(steps, per_step, strict=True)),
        steps=tuple(steps),
        share=round(share, 2),
        overhead=round(overhead, 2),
    )
    clear(floor.folder)
    save_plan(floor.folder, plan)
    return plan


def _announce(plan: Plan, ledger: Ledger, workers: int, say: Say | None) -> None:
    if say is None:
        return
    left, count = len(ledger.open()), plan.design.count
    rounds = math.ceil(left / workers)
    takes = duration(rounds * (plan.share + plan.overhead))
    trials = f"{count} trials" if left == count else f"{left} of {count} trials are left"
    say(
        f"{trials} on {workers} cores, {duration(plan.share)} of training each, about {takes} in "
        f"all; stopped or killed, the same command goes on ({JOURNAL} keeps the book)"
    )
