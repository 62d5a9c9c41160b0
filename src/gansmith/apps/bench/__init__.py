"""Bench: how long a training step takes, where the time goes, and how near that is to the limit.

The limit is the time of the step's bare kernels (`gansmith.apps.bench.kernels`). Everything is
timed in turn within one run, and told with its spread.
"""

import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gansmith.apps.bench.clocks import Clock, Rounds, Spread, in_turn
from gansmith.apps.bench.kernels import Replay, Watch, counted
from gansmith.apps.bench.parts import Act, Bench, Method
from gansmith.apps.monitoring import spaced, watch_of
from gansmith.apps.planning import plan
from gansmith.apps.setting_up import set_up
from gansmith.apps.settling import settings
from gansmith.engine import machine, threads, versions
from gansmith.recipes import Reason
from gansmith.training import Log, images_per_step

BUDGET = "10k-steps"  # of the run whose step is timed
# Ways to take the run's penalty beside its own: how, and on which part of a batch.
PENALTIES: Mapping[str, tuple[Method, float]] = {
    "exact, whole batch": ("exact", 1.0),
    "finite differences, a quarter": ("finite-difference", 0.25),
}


@dataclass(frozen=True)
class BenchResult:
    """Seconds as medians with their quartiles.

    Attributes:
        clock: ``processor`` seconds of this process (one thread on a CPU), or those of the
            ``wall``.
        step: of one step of the game: data, D, G, both optimisers, the average.
        kernels: of its convolutions and matrix products alone.
        ratio: of the two, within each round.
        parts: of the step; ``rest`` is what they leave of it. ``logging`` and ``looks`` come now
            and then: they are told as what they add to each step.
        penalty_adds: by how it is taken, what a penalty adds to D's gradients without it, in parts
            of those (`1.9`: they take 2.9 times as long).
        data_adds: what a new batch at every step adds, in parts of a step on the same one.
        images_per_second: real images that D is shown, logging and looks included.
    """

    settings: dict[str, Any]
    clock: Clock
    rounds: int
    step: Spread
    kernels: Spread
    ratio: Spread
    kernel_calls: dict[str, int]
    operations: int
    parts: dict[str, Spread]
    penalty_adds: dict[str, Spread]
    data_adds: Spread
    images_per_second: float
    machine: dict[str, object]
    versions: dict[str, str]
    reasons: tuple[Reason, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The fields that ``--json`` prints."""
        return {key: value for key, value in asdict(self).items() if key != "reasons"}


def bench(
    data: str | None = None,
    *,
    recipe: str | None = None,
    changes: Mapping[str, Any] | None = None,
    seconds: float = 20.0,
    progress: Callable[[str, int, int], None] | None = None,
) -> BenchResult:
    """Time a training step of the run that these settings describe; nothing is kept.

    Args:
        data: as `gansmith.apps.train.train`, as are ``recipe`` and ``changes``.
        seconds: for the rounds, by the wall clock; building and warming up come before.
        progress: of reading the data.

    Raises:
        UserError: for what `train` would refuse.
    """
    # By a budget in seconds the load of the machine would choose the nets.
    changes = {"budget": BUDGET} | dict(changes or {})
    ready = plan(set_up(settings(data, recipe, changes), progress))
    looks = watch_of(ready)
    ready = spaced(ready, looks)
    clock: Clock = "wall"
    if ready.engine.device.type == "cpu" and threads() == 1:
        clock = "processor"
    run = Bench.of(ready)
    watch = Watch()
    run.step()  # what is made once is not part of a step
    with watch:
        run.step()
    with (
        tempfile.TemporaryDirectory(prefix="gansmith-bench-") as temporary,
        closing(Log(Path(temporary) / "log.jsonl")) as log,
        closing(ready.batches),
    ):
        things = _things(run, Replay.of(watch.calls), log)
        if looks is not None:
            things["look"] = run.looking(looks)
        found = in_turn(things, seconds, clock, ready.engine.wait)
    return _result(run, watch, found, clock)


def _things(run: Bench, kernels: Replay, log: Log) -> dict[str, Act]:
    """What is done in each round."""
    things: dict[str, Act] = {
        "step": run.step,
        "kernels": kernels,
        "without data": run.without_data,
        "data": run.data,
        "G": run.gradients("G"),
        "optimiser": run.optimiser,
        "average": run.average,
        "record": run.logging(log),
    }
    if "D" in run.ready.task.players:
        things["D"] = run.gradients("D", gamma=0.0)
    if run.penalised:
        things["D and penalty"] = run.gradients("D")
        for name, (method, share) in PENALTIES.items():
            things[name] = run.gradients("D", task=run.with_penalty(method, share))
    return things


def _result(run: Bench, watch: Watch, found: Rounds, clock: Clock) -> BenchResult:
    ready, cfg = run.ready, run.ready.cfg
    step = found.spread("step")
    parts = _parts(run, found)
    now_and_then = parts["logging"].median + parts["looks"].median
    adds: dict[str, Spread] = {}
    if run.penalised:
        own = f"{cfg.penalty.method}, {cfg.penalty.share:g} of the batch"
        adds[f"the run's own ({own})"] = found.more("D and penalty", "D")
        for name in PENALTIES:
            adds[name] = found.more(name, "D")
    return BenchResult(
        settings={
            "recipe": cfg.recipe,
            "data": cfg.data.source,
            "shape": list(ready.data.info.shape),
            "batch": cfg.batch,
            "model": cfg.model.name,
            "width": cfg.model.width,
            "device": str(ready.engine.device),
            "precision": ready.engine.precision,
            "threads": threads(),
        },
        clock=clock,
        rounds=found.count,
        step=step,
        kernels=found.spread("kernels"),
        ratio=found.ratio("step", "kernels"),
        kernel_calls=counted(watch.calls),
        operations=watch.operations,
        parts=parts,
        penalty_adds=adds,
        data_adds=found.more("step", "without data"),
        images_per_second=images_per_step(cfg) / (step.median + now_and_then),
        machine=machine(),
        versions=versions(),
        reasons=ready.reasons,
    )


def _parts(run: Bench, found: Rounds) -> dict[str, Spread]:
    """Seconds of each part in a step, in the order of the loop."""
    cfg, turns = run.ready.cfg, run.turns
    parts = {"data": found.spread("data")}
    if "D" in turns:
        parts["D"] = _times(turns["D"], found.spread("D"))
    if run.penalised:  # a lazy one is not paid at every step
        each = found.difference("D and penalty", "D")
        parts["penalty"] = _times(turns["D"] / cfg.penalty.every, each)
    parts["G"] = _times(turns["G"], found.spread("G"))
    parts["optimiser"] = found.spread("optimiser")
    parts["average"] = found.spread("average")
    left = found.spread("step").median - sum(part.median for part in parts.values())
    parts["rest"] = Spread(left, left, left)
    parts["logging"] = _times(1 / int(cfg.log_every), found.spread("record"))
    looked = found.spread("look") if "look" in found.seconds else Spread(0.0, 0.0, 0.0)
    every = 1 if cfg.doctor.every == "auto" else int(cfg.doctor.every)
    parts["looks"] = _times(1 / every, looked)
    return parts


def _times(factor: float, each: Spread) -> Spread:
    return Spread(factor * each.median, factor * each.low, factor * each.high)
