"""Weak and strong scaling over two processes, against processes that know nothing of each other.

    python benchmarks/scaling.py [--rounds 5] [--seconds 4] [--set key=value ...]

Each process has one thread. In turn, in each round: one process alone; two at once that share
nothing (what the machine has to give); two ranks with a whole batch each (weak scaling: to be held
against the two); two ranks with half a batch each (strong scaling: against the one). Printed are
medians of images per second with quartiles, the ratios, and the bytes that a step sends.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gansmith.apps.bench.clocks import Spread

TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
ARMS = {  # processes that know each other, processes that do not, share of the batch
    "alone": (1, 1, 1.0),
    "two apart": (1, 2, 1.0),
    "two ranks, a batch each": (2, 1, 1.0),
    "two ranks, half a batch each": (2, 1, 0.5),
}


def work(seconds: float, batch_share: float, changes: list[str], out: Path) -> None:
    """One process: play steps for some seconds and write down how many images it saw."""
    from gansmith.apps.setting_up import set_up
    from gansmith.apps.settling import settings
    from gansmith.config import parse_assignment
    from gansmith.engine import largest, meet, rank, started_by_others, world
    from gansmith.training import schedule
    from gansmith.training.loop import play

    if started_by_others():
        meet("cpu")
    named = dict(parse_assignment(text) for text in changes)
    fixed = {"device": "cpu", "threads": 1, "budget": "100k-steps", "augment.flip": False}
    cfg = settings("digits", "images", fixed | named)
    ready = set_up(cfg, None)
    batch = int(ready.cfg.batch)
    if world() > 1:
        batch = round(batch * world() * batch_share)
        ready = set_up(cfg.model_copy(update={"batch": batch}), None)
    now = schedule.at(ready.cfg, 0, 1)

    def step() -> None:
        play(ready.engine, ready.cfg, ready.task, ready.state, ready.batches, now)
        ready.state.step += 1

    for _ in range(3):
        step()
    begun, count = time.perf_counter(), 0
    while not largest(int(time.perf_counter() - begun > seconds)):
        step()
        count += 1
    took = time.perf_counter() - begun
    nets = {side: player.bare for side, player in ready.state.players.items()}
    sent = {side: 4 * sum(p.numel() for p in net.parameters()) for side, net in nets.items()}
    if rank() == 0:
        found = {"images": count * batch / took, "batch": batch, "bytes": sent}
        (out / f"{os.getpid()}.json").write_text(json.dumps(found))


def measured(arm: str, args: argparse.Namespace) -> tuple[float, dict[str, object]]:
    """Images per second of all its processes together, and what one of them tells."""
    ranks, apart, share = ARMS[arm]
    env = os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    with tempfile.TemporaryDirectory() as folder:
        own = [__file__, "--work", folder, "--share", str(share), "--seconds", str(args.seconds)]
        own += [word for text in args.set for word in ("--set", text)]
        words = [sys.executable, *(TORCHRUN if ranks > 1 else ()), *own]
        started = [subprocess.Popen(words, env=env) for _ in range(apart)]
        if any(process.wait() for process in started):
            raise SystemExit(f"{arm}: a process failed")
        told = [json.loads(path.read_text()) for path in Path(folder).glob("*.json")]
    return sum(each["images"] for each in told), told[0]


def main() -> None:
    """Measure all arms in turn, some rounds; print medians, quartiles and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--share", type=float, default=1.0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(args.seconds, args.share, args.set, args.work)
        return
    speeds: dict[str, list[float]] = {arm: [] for arm in ARMS}
    sent: dict[str, object] = {}
    for _ in range(args.rounds):
        for arm in ARMS:
            speed, told = measured(arm, args)
            speeds[arm].append(speed)
            sent = told
    for arm, found in speeds.items():
        each = Spread.of(found)
        print(f"{arm:30} {each.median:8.0f} images/s  ({each.low:.0f} to {each.high:.0f})")
    pairs = {
        "weak scaling": ("two ranks, a batch each", "two apart"),
        "strong scaling": ("two ranks, half a batch each", "alone"),
        "what two processes can give": ("two apart", "alone"),
    }
    for name, (one, other) in pairs.items():
        ratios = [a / b for a, b in zip(speeds[one], speeds[other], strict=True)]
        each = Spread.of(ratios)
        print(f"{name:30} {each.median:8.2f}           ({each.low:.2f} to {each.high:.2f})")
    print(f"sent in a step of the game: {sent['bytes']} bytes")


if __name__ == "__main__":
    main()
