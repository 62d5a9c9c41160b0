"""What two ranks compute, held against one process: started by `test_ranks.py`, twice at once.

For each entry of the catalogue: the gradients of both players by the share of each rank, averaged,
against those that one process takes of the whole batch; and the weights after 100 steps. Both are
made here by the same code; `gansmith.engine.alone` is the only difference.
"""

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from test_catalogue import ENTRIES
from torch import Tensor, distributed

from conftest import Run, built
from gansmith.engine import alone, is_main, meet, rank, world
from gansmith.training import schedule
from gansmith.training.loop import play
from gansmith.training.moves import differentiate, turn_of

MORE: dict[str, dict[str, Any]] = {
    "every distortion": {"augment.policy": "all", "augment.flip": True},
    "classes": {"model.conditional": True},
    "a share of the batch": {"penalty.share": 0.5},
    "a share, by finite differences": {
        "penalty.share": 0.5,
        "penalty.method": "finite-difference",
    },
    "normalised by batches, and sloped": {
        "model.d.norm": "batch",
        "penalty.name": "none",
        "model.g.norm": "batch",
    },
    "a deviation that is sloped": {"model.d.minibatch_std": True, "penalty.share": 1.0},
    "packs that are normalised": {"model.d.pac": 2, "penalty.name": "wgan-gp"},
}
LONG: dict[str, dict[str, Any]] = {
    "default": {},
    "ns, batch normalisation": {"loss": "ns", "model.g.norm": "batch", "penalty.name": "r1"},
    "two micro-batches": {"accumulate": 2},
    "extragradient": {"optim.play": "extragradient"},
}
STEPS = 100
# Biases that change nothing: D's where only differences of its outputs count, and those whose mean
# a batch norm takes away. Their gradients are what rounding left, which Adam takes for a direction.
IDLE = ("head.linear.bias", "last.bias", "narrow.0.bias")
# What changes neither a loss nor what is shared of a batch needs no table of its own.
ALIKE = ("activation", "optimiser", "output", "prior", "play", "hidden", "minibatch")


def gradients(run: Run) -> dict[str, Tensor]:
    """Of both players at the same weights, and what they signal."""
    now = schedule.at(run.cfg, 0, 1)
    found: dict[str, Tensor] = {}
    for side in run.task.players:
        turn = turn_of(run.cfg, run.state, run.batches, now, (side, 0))
        signals = differentiate(run.engine, run.cfg, run.task, run.state, turn)
        named = turn.player.bare.named_parameters()
        grads = {name: p.grad.flatten() for name, p in named if p.grad is not None}
        heads = [grads.pop(name) for name in list(grads) if name.startswith("heads.")]
        found[side] = torch.cat(list(grads.values()))
        if heads:
            found[f"{side} contrast"] = torch.cat(heads)
        found |= {f"{side} {key}": value.reshape(1) for key, value in signals.items()}
    return found


def played(run: Run, steps: int) -> None:
    """So many steps, which are the whole run."""
    for step in range(steps):
        now = schedule.at(run.cfg, step * 8, steps * 8)
        play(run.engine, run.cfg, run.task, run.state, run.batches, now)
        run.state.step += 1


def weights(run: Run) -> dict[str, Tensor]:
    """After 100 steps, the players' and the average's."""
    played(run, STEPS)
    nets = {player.name: player.bare for player in run.state.players.values()}
    return {
        of: torch.cat(
            [
                weight.detach().flatten()
                for name, weight in net.named_parameters()
                if not name.endswith(IDLE)
            ]
        )
        for of, net in (nets | {"average": run.state.average}).items()
    }


def apart(one: Tensor, other: Tensor) -> float:
    """‖a − b‖/‖b‖, by double sums; 0 where both are 0."""
    length = float(other.double().norm())
    return float((one.double() - other.double()).norm()) / length if length else float(one.norm())


Measured = dict[str, Tensor]


def against_one(root: Path, jobs: dict[str, Callable[[], Measured]]) -> dict[str, dict[str, float]]:
    """Relative errors by job, of the main rank: all ranks do it together, and one process alone.

    The ranks share out what one does alone, so that none computes what another does.
    """
    together = {name: job() for name, job in jobs.items()}
    files = {name: root / f"alone-{number}.pt" for number, name in enumerate(jobs)}
    mine, many = rank(), distributed.get_world_size()
    with alone():
        for name in list(jobs)[mine::many]:
            torch.save(jobs[name](), files[name])
    distributed.barrier()
    if not is_main():
        return {}
    wanted = {name: torch.load(file) for name, file in files.items()}
    return {
        name: {key: apart(together[name][key], each[key]) for key in each}
        for name, each in wanted.items()
    }


def compared(root: Path, out: Path) -> dict[str, dict[str, float]]:
    """Relative errors by entry, of the main rank."""
    entries = {name: each for name, each in (ENTRIES | MORE).items() if not name.startswith(ALIKE)}
    jobs: dict[str, Callable[[], Measured]] = {}

    def measured(
        measure: Callable[[Run], Measured], changes: dict[str, Any], name: str
    ) -> Measured:
        return measure(built(out, changes, name=f"{name}-{world()}"))

    for name, changes in entries.items():
        parts = (2,) if name.startswith(("loss", "penalty")) else (1,)
        parts = (1, 2) if changes == ENTRIES["loss rpgan"] else parts
        for n in parts:
            key = f"{name}, {n} micro"
            jobs[key] = partial(measured, gradients, changes | {"accumulate": n}, key)
    for name, changes in LONG.items():
        key = f"{name}: weights"
        jobs[key] = partial(measured, weights, changes, key)
    return against_one(root, jobs)


def main() -> None:
    """Meet, compare, and let the main rank write it down."""
    meet("cpu")
    root = Path(sys.argv[1])
    out = root / f"rank-{rank()}"
    out.mkdir(parents=True)
    found = compared(root, out)
    if is_main():
        (root / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
