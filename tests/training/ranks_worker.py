"""What two ranks compute, held against one process: started by `test_ranks.py`, twice at once.

For each entry of the catalogue: the gradients of both players by the share of each rank, averaged,
against those that one process takes of the whole batch; and the weights after 100 steps. Both are
made here by the same code; `gansmith.engine.alone` is the only difference.
"""

import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from test_catalogue import ENTRIES
from torch import Tensor, distributed

from conftest import Run, built
from gansmith.engine import alone, is_main, meet, rank
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


def weights(run: Run) -> dict[str, Tensor]:
    """After 100 steps, the players' and the average's."""
    for step in range(STEPS):
        now = schedule.at(run.cfg, step * 8, STEPS * 8)
        play(run.engine, run.cfg, run.task, run.state, run.batches, now)
        run.state.step += 1
    return {
        player.name: torch.cat(
            [
                weight.detach().flatten()
                for name, weight in player.bare.named_parameters()
                if not name.endswith(IDLE)
            ]
        )
        for player in run.state.players.values()
    }


def apart(one: Tensor, other: Tensor) -> float:
    """‖a − b‖/‖b‖, by double sums; 0 where both are 0."""
    length = float(other.double().norm())
    return float((one.double() - other.double()).norm()) / length if length else float(one.norm())


Measured = dict[str, Tensor]


def by_one(root: Path, jobs: Sequence[Callable[[], Measured]]) -> list[Measured]:
    """What each job gives where one process does it alone, for the main rank to compare.

    The ranks share the jobs out, so that none computes what another does.
    """
    mine, many = rank(), distributed.get_world_size()
    with alone():
        for number in range(mine, len(jobs), many):
            torch.save(jobs[number](), root / f"alone-{number}.pt")
    distributed.barrier()
    if not is_main():
        return []
    return [torch.load(root / f"alone-{number}.pt") for number in range(len(jobs))]


def compared(root: Path, out: Path) -> dict[str, dict[str, float]]:
    """Relative errors by entry, of the main rank."""
    entries = {name: each for name, each in (ENTRIES | MORE).items() if not name.startswith(ALIKE)}
    jobs: dict[str, tuple[dict[str, Any], Callable[[Run], Measured]]] = {}
    for name, changes in entries.items():
        parts = (2,) if name.startswith(("loss", "penalty")) else (1,)
        parts = (1, 2) if changes == ENTRIES["loss rpgan"] else parts
        jobs |= {f"{name}, {n} micro": (changes | {"accumulate": n}, gradients) for n in parts}
    jobs |= {f"{n}: weights": (c, weights) for n, c in LONG.items()}
    together = {n: measure(built(out, c, name=f"{n}-2")) for n, (c, measure) in jobs.items()}

    def one(name: str) -> Measured:
        changes, measure = jobs[name]
        return measure(built(out, changes, name=f"{name}-1"))

    wanted = by_one(root, [partial(one, name) for name in jobs])
    return {
        name: {key: apart(together[name][key], each[key]) for key in each}
        for name, each in zip(jobs, wanted, strict=False)  # of the main rank
    }


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
