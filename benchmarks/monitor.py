"""What the doctor's monitor costs: images per second with it and without, interleaved, medians.

    python benchmarks/monitor.py [--rounds 5] [--looks 2] [NAME ...]

Each round plays the same steps twice, once watched and once not, on nets that go on training; the
looks fall where a run of these settings would have them.
"""

import argparse
import statistics
import time
from dataclasses import replace

from gansmith.apps.monitoring import monitor_of, spaced, watch_of
from gansmith.apps.planning import plan
from gansmith.apps.setting_up import Prepared, set_up
from gansmith.apps.settling import settings
from gansmith.doctor.monitor import Monitor
from gansmith.training import images_per_step, schedule
from gansmith.training.loop import play
from gansmith.training.moves import Signals

CASES = {
    "images": ("digits", "images", {}),
    "sigmoid-mlp": (None, "sigmoid-mlp", {}),
    "toy": ("ring", "toy", {}),
}


def played(ready: Prepared, monitor: Monitor | None, steps: int) -> float:
    """Images per second over so many steps."""
    now = schedule.at(ready.cfg, 0, 1)
    ready.engine.wait()
    begun = time.perf_counter()
    for _ in range(steps):
        signals: Signals = play(
            ready.engine, ready.cfg, ready.task, ready.state, ready.batches, now
        )
        ready.state.step += 1
        if monitor is not None:
            monitor(ready.state.step, signals)
    ready.engine.wait()
    return steps * images_per_step(ready.cfg) / (time.perf_counter() - begun)


def case(name: str, rounds: int, looks: int) -> None:
    """One line: the ratio, and what it is of."""
    source, recipe, changes = CASES[name]
    cfg = settings(source, recipe, {"threads": 1, "budget": "2000-steps", **changes})
    ready = plan(set_up(cfg, None))
    watch = watch_of(ready)
    assert watch is not None
    ready = spaced(ready, watch)
    every = int(ready.cfg.doctor.every)
    monitor = monitor_of(replace(ready), watch, lambda *_, **__: None)
    pairs = []
    for _ in range(rounds):
        ready.state.step = 0
        without = played(ready, None, looks * every)
        ready.state.step = 0
        pairs.append((played(ready, monitor, looks * every), without))
    watched, plain = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    print(
        f"{name:12s} {watched:8.0f} of {plain:8.0f} images/s: {ratio:.3f} "
        f"(a look every {every} steps)"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--looks", type=int, default=2)
    parser.add_argument("names", nargs="*", default=list(CASES))
    told = parser.parse_args()
    for each in told.names:
        case(each, told.rounds, told.looks)
