"""What a study's trials say together: a row per arm, what may be claimed, and the answer."""

import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gansmith.apps import runs
from gansmith.apps.study.design import QUARTERS, TRIALS, Plan
from gansmith.apps.study.ledger import Ledger
from gansmith.engine import machine, versions
from gansmith.metrics.comparing import Better, Standing, average, compare, on_log_scale
from gansmith.metrics.intervals import wilson
from gansmith.reports.log_reader import Event, number, read_events, read_log
from gansmith.reports.study_answer import answer

COVERED = 0.3  # of the real samples' balls: less is a collapse
VITALS = (
    ("first", "first"),
    ("last", "last"),
)
SHARES = ("dead", "one_sided", "saturated", "output_saturated")
STATES = {"COMPLETE": "done", "PRUNED": "stopped", "FAIL": "failed", "RUNNING": "open"}


def whole(scores: Mapping[str, Any], modes: int) -> bool:
    """Whether a generator makes all there is: every class or mode, or else covers enough.

    Args:
        scores: a trial's last scores, as its log has them.
        modes: how many modes the data have; 0 where that is not known.
    """

    def value(name: str) -> float:
        return number((scores.get(name) or {}).get("value"))

    if "modes" in scores:
        return value("modes") >= modes
    if "classes" in scores:
        return value("classes") >= 1.0
    return value("coverage") >= COVERED


def trial_facts(folder: Path, plan: Plan, ledger: Ledger, index: int) -> dict[str, Any]:
    """What is known of one trial, from the book and from its run's folder."""
    booked = ledger.trial(index)
    seed = plan.design.trial(index)[1]
    run = f"{TRIALS}/{plan.design.trial_name(index)}"
    path = folder / run / runs.LOG
    log = read_log(path)
    state = STATES.get(booked.state.name, "waiting")
    scores = log.scores[-1]["scores"] if log.scores else {}
    data = log.start.get("data") or {}
    curve = [
        (number(each.get("images")), number((each["scores"].get(plan.metric) or {}).get("value")))
        for each in log.scores
    ]
    return {
        "seed": seed,
        "state": state,
        "why": booked.user_attrs.get("why", ""),
        "score": booked.value if state == "done" else None,
        "whole": state == "done" and whole(scores, len(data.get("modes") or ())),
        "images_per_second": booked.user_attrs.get("images_per_second"),
        "curve": [[x, y] for x, y in curve if math.isfinite(x) and math.isfinite(y)],
        "vitals": _vitals(path) if state == "done" else {},
        "scores": {name: each.get("value") for name, each in scores.items()},
        "run": run,
    }


def _vitals(path: Path) -> dict[str, float]:
    """The last vital signs of a run's log, flat: ``d_first``, ``g_dead`` ..."""
    found: list[Event] = [each for each in read_events(path)[0] if each["kind"] == "vitals"]
    flat: dict[str, float] = {}
    for side in ("D", "G") if found else ():
        told = found[-1].get(side) or {}
        named = {name: told.get(key) for name, key in VITALS}
        named |= {name: (told.get("units") or {}).get(name) for name in SHARES}
        flat |= {
            f"{side.lower()}_{name}": number(value)
            for name, value in named.items()
            if math.isfinite(number(value))
        }
    return flat


def _mean(values: Sequence[float]) -> float | None:
    return statistics.fmean(values) if values else None


def arm_row(label: str, settings: Mapping[str, Any], trials: list[dict[str, Any]], log: bool,
            plan: Plan, index: int) -> dict[str, Any]:  # fmt: skip
    """One arm's row of the table."""
    ended = [each for each in trials if each["state"] in ("done", "stopped", "failed")]
    scores = [each["score"] for each in trials if each["state"] == "done"]
    found = average(scores, log) if scores else None
    good = sum(each["whole"] for each in ended)
    low, high = wilson(good, len(ended)) if ended else (None, None)
    names = sorted({name for each in trials for name in each["vitals"]})
    speeds = [each["images_per_second"] for each in trials if each["images_per_second"]]
    return {
        "label": label,
        "settings": dict(settings),
        "score": found.value if found else None,
        "low": found.low if found else None,
        "high": found.high if found else None,
        "n": len(scores),
        "success": {"count": good, "of": len(ended), "low": low, "high": high},
        "stopped": sum(each["state"] == "stopped" for each in trials),
        "failed": sum(each["state"] == "failed" for each in trials),
        "open": sum(each["state"] in ("open", "waiting") for each in trials),
        "images": plan.images[index],
        "images_per_second": _mean(speeds),
        "vitals": {
            name: _mean([each["vitals"][name] for each in trials if name in each["vitals"]])
            for name in names
        },
        "median_seed": _median_seed(trials, 1.0 if plan.better == "lower" else -1.0),
        "trials": trials,
    }


def _median_seed(trials: list[dict[str, Any]], sign: float) -> int | None:
    """The seed with the middle score (the better of two): what an arm is shown by."""
    done = sorted(
        (sign * each["score"], each["seed"]) for each in trials if each["state"] == "done"
    )
    return done[(len(done) - 1) // 2][1] if done else None


def collect(folder: Path, plan: Plan, ledger: Ledger) -> dict[str, Any]:
    """All that the report shows, as plain values: what ``study.json`` holds."""
    design = plan.design
    better: Better = "lower" if plan.better == "lower" else "higher"
    by_arm: list[list[dict[str, Any]]] = [[] for _ in design.arms]
    for index in range(design.count):
        by_arm[design.trial(index)[0]].append(trial_facts(folder, plan, ledger, index))
    scores = {
        arm.label: [each["score"] for each in trials if each["state"] == "done"]
        for arm, trials in zip(design.arms, by_arm, strict=True)
    }
    log = on_log_scale(plan.metric)
    rows = [
        arm_row(arm.label, arm.settings, by_arm[index], log, plan, index)
        for index, arm in enumerate(design.arms)
    ]
    lost = [row["label"] for row in rows if row["stopped"] or row["failed"]]
    standing = compare(scores, better, log, lost)
    place = {label: at for at, label in enumerate(standing.ranking)}
    rows.sort(key=lambda row: place.get(row["label"], len(place)))
    for row in rows:
        row["group"] = _group(row["label"], standing)
    return {
        "question": design.words,
        "answer": answer(standing, rows, plan.metric, len(design.seeds)),
        "name": design.name,
        "notes": list(design.notes),
        "data": design.data,
        "recipe": design.recipe,
        "base": design.base,
        "metric": plan.metric,
        "better": plan.better,
        "kind": plan.kind,
        "log_scale": log,
        "samples": design.samples,
        "seeds": list(design.seeds),
        "budget_seconds": design.budget,
        "share_seconds": plan.share,
        "quarters": QUARTERS,
        "table": rows,
        "pairs": [{"one": a, "other": b, "p": p} for (a, b), p in standing.p.items()],
        "command": _command(sys.argv),
        "machine": machine(),
        "versions": versions(),
    }


def _group(label: str, standing: Standing) -> str:
    if label == standing.best:
        return "best"
    groups = {"tied": standing.tied, "worse": standing.worse}
    return next((name for name, labels in groups.items() if label in labels), "no claim")


def _command(argv: list[str]) -> str:
    """The command line; empty where Python code asked."""
    import shlex

    program = Path(argv[0])
    by_module = program.name == "__main__.py" and program.parent.name == "gansmith"
    return shlex.join(["gansmith", *argv[1:]]) if program.name == "gansmith" or by_module else ""
