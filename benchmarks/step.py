"""Images per second of a training step against plain loops, in turn, each in its own process.

    python benchmarks/step.py [--resolution 32] [--threads 1] [--rounds 12] [--json]

`ours` is the default recipe's step as `gansmith train` takes it. `r1r2` is the same nets, loss,
penalty and batch in plain PyTorch (`reference/r1r2.py`), once with the penalty on the same quarter
of the batch and once, on both sides, on all of it. A process does a few steps when it is its turn
and sleeps otherwise. On one thread the clock is the processor's, which a neighbour does not stop;
on more it is the wall's.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

from gansmith.apps.bench.clocks import Spread

CHUNK = 4  # steps of a turn
SIDES = ("ours", "r1r2", "ours, whole batch", "r1r2, whole batch")


def stepper(side: str, data: str, resolution: int, threads: int) -> Callable[[], object]:
    """What takes one step, in the process that is to take it."""
    import torch

    share = 1.0 if side.endswith("whole batch") else 0.25
    if side.startswith("r1r2"):
        from reference.r1r2 import Loop

        from gansmith.data import open_data

        torch.set_num_threads(threads)
        return Loop(open_data(data, resolution=(resolution, resolution)), 0, share).step
    from gansmith.apps.bench.parts import Bench
    from gansmith.apps.setting_up import set_up
    from gansmith.apps.settling import settings

    changes = {"threads": threads, "resolution": resolution, "penalty.share": share}
    ready = set_up(settings(data, None, changes), None)
    ready.state.total_images = 1_000 * int(ready.cfg.batch)
    return Bench.of(ready).step


def work(side: str, data: str, resolution: int, threads: int) -> None:
    """Take `CHUNK` steps for each line that comes in, and say how long they took."""
    step = stepper(side, data, resolution, threads)
    read = time.process_time if threads == 1 else time.perf_counter
    step()
    print("ready", flush=True)
    for _ in sys.stdin:
        begun = read()
        for _ in range(CHUNK):
            step()
        print((read() - begun) / CHUNK, flush=True)


class Worker:
    """A child process that takes steps when it is asked to."""

    def __init__(self, side: str, args: argparse.Namespace) -> None:
        command = [sys.executable, __file__, "--worker", side, "--data", args.data]
        command += ["--resolution", str(args.resolution), "--threads", str(args.threads)]
        env = {key: value for key, value in os.environ.items() if not key.startswith("OMP_")}
        if args.threads == 1:
            env["OMP_NUM_THREADS"] = "1"
        pipe = subprocess.PIPE
        self._child = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=env)
        assert self._child.stdout is not None
        assert self._child.stdout.readline().strip() == "ready"

    def seconds(self) -> float:
        """Of one step, mean of a few."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write("go\n")
        self._child.stdin.flush()
        return float(self._child.stdout.readline())

    def end(self) -> None:
        """Let the child go."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child.wait()


def main() -> int:
    """Measure and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="digits")
    parser.add_argument("--resolution", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", choices=SIDES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        work(args.worker, args.data, args.resolution, args.threads)
        return 0
    workers = {side: Worker(side, args) for side in SIDES}
    seconds: dict[str, list[float]] = {side: [] for side in SIDES}
    for number in range(args.rounds):
        for side in SIDES if number % 2 == 0 else reversed(SIDES):
            seconds[side].append(workers[side].seconds())
    for worker in workers.values():
        worker.end()
    rows = {}
    for ours, theirs in (SIDES[:2], SIDES[2:]):
        pairs = zip(seconds[theirs], seconds[ours], strict=True)
        spread = Spread.of([one / other for one, other in pairs])
        name = ours.replace("ours", "a quarter penalised") if ours == "ours" else ours[6:]
        rows[name] = {
            "ratio": [spread.median, spread.low, spread.high],
            "ours_ms": 1e3 * Spread.of(seconds[ours]).median,
            "theirs_ms": 1e3 * Spread.of(seconds[theirs]).median,
        }
    if args.json:
        print(json.dumps(rows))
        return 0
    for name, row in rows.items():
        median, low, high = row["ratio"]
        print(
            f"{args.resolution} px, {name}: {median:.2f} times the images/s of the plain loop "
            f"[{low:.2f}, {high:.2f}] ({row['ours_ms']:.1f} against {row['theirs_ms']:.1f} ms)"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
