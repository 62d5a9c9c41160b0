"""How fast this machine trains this run: measured on throw-away nets before the first step.

From it follow the number of threads (a busy machine is often faster on one), and how many images a
budget in seconds will hold.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from gansmith.config import Budget, Config
from gansmith.engine import Engine, fastest_threads, told
from gansmith.tasks import Task
from gansmith.training import schedule
from gansmith.training.batches import Batches
from gansmith.training.loop import play
from gansmith.training.state import State

HOPELESS = 4.0  # times the seconds of the fastest: a first step allocates, a lazy penalty is dear


@dataclass(frozen=True)
class Pace:
    """Images per second by number of threads; the best one stands for the run."""

    images_per_second: dict[int, float]

    @property
    def threads(self) -> int:
        return max(self.images_per_second, key=lambda count: self.images_per_second[count])

    @property
    def best(self) -> float:
        return self.images_per_second[self.threads]


def measure(
    engine: Engine,
    cfg: Config,
    fresh: Callable[[], tuple[Task, State]],
    batches: Batches,
    candidates: tuple[int, ...],
    seconds: float,
) -> Pace:
    """Play steps for about ``seconds`` at each thread count, after one step to warm up.

    A count that is clearly slower than one before it is given up (`HOPELESS`): on a busy machine
    two threads may take seconds for a step that one takes in a tenth of it.
    """
    task, state = fresh()
    now = schedule.at(cfg, 0, 1)
    images = schedule.images_per_step(cfg)
    least = max(2, cfg.penalty.every // cfg.optim.d_steps)  # from one lazy penalty to the next

    best: list[float] = []  # seconds of a step, at the counts before

    def steps(count: int) -> float:
        begun = time.perf_counter()
        for _ in range(count):
            play(engine, cfg, task, state, batches, now)
            engine.wait()
            state.step += 1  # a lazy penalty is not paid at every step
        return time.perf_counter() - begun

    def wanted(first: float, hopeless: float, count: int, spent: float) -> bool:
        if first >= hopeless or spent > hopeless * least:
            return False
        return count < least or spent < seconds

    def seconds_per_step() -> float:
        first = steps(1)
        if engine.compiling.mode != "off":  # a lazy penalty has two variants to compile
            first = steps(1)
        hopeless = HOPELESS * min(best) if best else float("inf")
        count, spent = 0, 0.0
        while told(partial(wanted, first, hopeless, count, spent)):
            spent, count = spent + steps(1), count + 1
        best.append(spent / count if count else first)
        return best[-1]

    found = fastest_threads(candidates, seconds_per_step)
    found = told(lambda: found)  # ranks that chose for themselves would wait for each other
    return Pace({count: images / each for count, each in found.items()})


def planned_images(budget: Budget, per_step: int, images_per_second: float) -> int:
    """The whole number of steps that a budget holds, in images; at least one step.

    Args:
        per_step: see `gansmith.training.schedule.images_per_step`.
    """
    if budget.unit == "steps":
        return max(1, round(budget.amount)) * per_step
    images = budget.amount if budget.unit == "images" else budget.amount * images_per_second
    return max(1, round(images / per_step)) * per_step


def every_steps(cfg: Config, total_images: int, images_per_second: float) -> tuple[int, int]:
    """Steps between saves and between sample sheets.

    A tenth of the run, but a save no rarer than every 10 minutes, so that a crash costs little.
    """
    per_step = schedule.images_per_step(cfg)
    steps = total_images // per_step
    ten_minutes = max(1, round(600 * images_per_second / per_step))
    return min(max(1, steps // 10), ten_minutes), max(1, steps // 12)
