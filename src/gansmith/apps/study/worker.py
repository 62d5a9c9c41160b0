"""One worker of a study: a process on one core that measures, and trains one trial after another.

It talks to the coordinator through a pipe. What it is told: ``("measure", seconds)``, ``("trial",
Job)``, or nothing more, when the pipe is closed. When the coordinator dies or halts, the trial in
hand is saved and the worker ends.
"""

import math
import shutil
import signal
import statistics
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from gansmith.apps import runs
from gansmith.apps.setting_up import new_state, set_up
from gansmith.apps.settling import settings
from gansmith.apps.study.design import QUARTERS, TRIALS, Design, Plan, held
from gansmith.apps.study.scores import lean_scores
from gansmith.apps.train import TrainResult, Watching, train
from gansmith.errors import UserError
from gansmith.reports.log_reader import read_log
from gansmith.training import images_per_step, measure
from gansmith.training.log import Record

REPEATS = 3
DIVERGED = "training diverged"
SHOWN_EVERY = 1.0  # seconds between words on how far a trial is


@dataclass(frozen=True)
class Job:
    """A trial to train."""

    plan: Plan
    folder: Path
    number: int


class Line:
    """The worker's end of the pipe, and whether it is still wanted."""

    def __init__(self, pipe: Connection, halt: Event) -> None:
        self._pipe = pipe
        self._halt = halt

    def over(self) -> bool:
        """Whether the coordinator is gone, or asks everyone to stop."""
        parent = parent_process()
        return self._halt.is_set() or parent is None or not parent.is_alive()

    def tell(self, *message: Any) -> None:
        """Say something; that nobody hears it any more is no error."""
        try:
            self._pipe.send(message)
        except OSError:
            self._halt.set()

    def hear(self) -> Any:
        """The next word, or None when there will be none."""
        while not self.over():
            try:
                if self._pipe.poll(0.2):
                    return self._pipe.recv()
            except (EOFError, OSError):
                return None
        return None


def work(pipe: Connection, halt: Event, design: Design, folder: Path, index: int) -> None:
    """A worker's life; the target of its process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the coordinator, who tells us
    line = Line(pipe, halt)
    with held(folder / f".worker-{index}"):
        while (message := line.hear()) is not None:
            try:
                if message[0] == "measure":
                    line.tell("measured", *_measure(design, folder, index, message[1], line))
                else:
                    _trial(message[1], line)
            except UserError as error:
                line.tell("refused", " ".join(str(error).split()))
            except Exception:
                line.tell("broken", traceback.format_exc())


# --- before the trials


def _measure(
    design: Design, folder: Path, index: int, seconds: float, line: Line
) -> tuple[list[float], list[int], float]:
    """Images per second and per step of each arm, and the seconds of a trial beside training."""
    recipe = design.recipe
    ready = [
        set_up(settings(design.data, recipe, design.changes(arm, design.seeds[0])), None)
        for arm in range(len(design.arms))
    ]
    paces: list[list[float]] = [[] for _ in ready]
    for _ in range(REPEATS):  # in turn, so that a slow moment of the machine falls on all
        for arm, one in enumerate(ready):
            if not line.over():
                fresh = _fresh(one)
                pace = measure(one.engine, one.cfg, fresh, one.batches, (1,), seconds)
                paces[arm].append(pace.best)
    arm = index % len(design.arms)
    rehearsal = folder / f".rehearsal-{index}"
    for steps in (1, QUARTERS):  # the first one imports and opens what every later one finds open
        begun = time.monotonic()
        _play(design, arm, design.seeds[0], rehearsal, steps, 1, Watching(scores=lean_scores))
        lasted = time.monotonic() - begun
        shutil.rmtree(rehearsal, ignore_errors=True)
    per_step = [images_per_step(one.cfg) for one in ready]
    own = statistics.median(paces[arm]) if paces[arm] else 1.0
    return (
        [statistics.median(each or [1.0]) for each in paces],
        per_step,
        max(0.0, lasted - QUARTERS * per_step[arm] / own),
    )


def _fresh(ready: Any) -> Callable[[], Any]:
    return lambda: new_state(ready.cfg, ready.engine, ready.spec)


# --- trials


def _play(
    design: Design, arm: int, seed: int, out: Path, steps: int, quarter: int, watching: Watching
) -> TrainResult:
    """Train for so many steps, looked at after each quarter of them."""
    every = dict.fromkeys(("evaluate.every", "sample_every", "save_every"), quarter)
    return train(
        design.data,
        recipe=design.recipe,
        budget=f"{steps}-steps",
        out=out,
        changes=design.changes(arm, seed) | every,
        resume=True,
        score=False,
        watching=watching,
    )


class _Course:
    """Follows a trial: reports its quarters, and hears whether it is to stop."""

    def __init__(self, job: Job, line: Line) -> None:
        self.job, self.line = job, line
        self.images = job.plan.images[job.plan.design.trial(job.number)[0]]
        self.values: dict[int, float] = {}
        self.why: str | None = None
        self._shown = 0.0

    def stop(self) -> str | None:
        """Asked before every step."""
        return self.why or ("terminate" if self.line.over() else None)

    def record(self, record: Record) -> None:
        """The run's diary as it is written."""
        if record["kind"] == "scores":
            self.scored(record)
        elif record["kind"] == "step" and time.monotonic() - self._shown > SHOWN_EVERY:
            self._shown = time.monotonic()
            self.line.tell("at", self.job.number, record["images"] / self.images)

    def scored(self, record: Record) -> None:
        """Report a quarter and wait for the answer."""
        quarter = round(QUARTERS * record["images"] / self.images)
        score = record["scores"].get(self.job.plan.metric, {}).get("value")
        value = float(score) if isinstance(score, int | float) else math.nan
        if self.why or quarter in self.values:
            return
        self.values[quarter] = value
        self.line.tell("report", self.job.number, quarter, value)
        answer = self.line.hear()
        if answer is None:
            self.why = "terminate"
        elif answer[0] == "stop":
            self.why = "stopped"


def _trial(job: Job, line: Line) -> None:
    """Train a trial, or go on with it, and tell how it ended.

    What an earlier life has scored is reported again first: that life may have been killed before
    anyone heard of it.
    """
    plan = job.plan
    arm, seed = plan.design.trial(job.number)
    out = job.folder / TRIALS / plan.design.trial_name(job.number)
    course = _Course(job, line)
    for record in read_log(out / runs.LOG).scores:
        course.scored(record)
    if course.why:
        line.tell("ended", job.number, course.why, {}, None)
        return
    watching = Watching(record=course.record, stop=course.stop, scores=lean_scores)
    steps = plan.steps[arm]
    try:
        result = _play(plan.design, arm, seed, out, steps, steps // QUARTERS, watching)
    except UserError as error:
        if not str(error).startswith(DIVERGED):
            raise
        line.tell("failed", job.number, str(error).partition(";")[0])
        return
    told = {
        "images": result.images,
        "seconds": result.seconds,
        "images_per_second": result.images_per_second,
    }
    why = course.why or result.why
    line.tell("ended", job.number, why, told, course.values.get(QUARTERS))
