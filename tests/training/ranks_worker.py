"""What two ranks compute, held against one process: started by `test_ranks.py`, twice at once.

For each entry of the catalogue: the gradients of both players by the share of each rank, averaged,
against those that one process takes of the whole batch; and the weights after 100 steps. Both are
made here, in this order, by the same code; `gansmith.engine.alone` is the only difference.
"""

import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from test_catalogue import ENTRIES
from torch import Tensor

from conftest import Run, built
from gansmith.engine import alone, is_main, meet
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


def gradients(run: Run, together: bool) -> dict[str, Tensor]:
    """Of both players at the same weights, and what they signal."""
    now = schedule.at(run.cfg, 0, 1)
    found: dict[str, Tensor] = {}
    with nullcontext() if together else alone():
        for side in run.task.players:
            turn = turn_of(run.cfg, run.state, run.batches, now, (side, 0))
            signals = differentiate(run.engine, run.cfg, run.task, run.state, turn)
            grads = [p.grad for p in turn.player.bare.parameters() if p.grad is not None]
            found[side] = torch.cat([g.flatten() for g in grads])
            found |= {f"{side} {key}": value.reshape(1) for key, value in signals.items()}
    return found


def weights(run: Run, together: bool) -> dict[str, Tensor]:
    """After 100 steps, the players' and the average's."""
    with nullcontext() if together else alone():
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


Measure = Callable[[Run, bool], dict[str, Tensor]]


def compared(out: Path) -> dict[str, dict[str, float]]:
    """Relative errors by entry."""
    found: dict[str, dict[str, float]] = {}
    entries = {name: each for name, each in (ENTRIES | MORE).items() if not name.startswith(ALIKE)}
    jobs: list[tuple[str, dict[str, Any], Measure]] = []
    for name, changes in entries.items():
        parts = (2,) if name.startswith(("loss", "penalty")) else (1,)
        parts = (1, 2) if changes == ENTRIES["loss rpgan"] else parts
        jobs += [(f"{name}, {n} micro", changes | {"accumulate": n}, gradients) for n in parts]
    jobs += [(f"{n}: weights", c, weights) for n, c in LONG.items()]
    for name, changes, measure in jobs:
        both = [
            measure(built(out, changes, name=f"{name}-{together}"), together)
            for together in (True, False)
        ]
        found[name] = {key: apart(both[0][key], both[1][key]) for key in both[1]}
    return found


def main() -> None:
    """Meet, compare, and let the main rank write it down."""
    meet("cpu")
    out = Path(sys.argv[1]) / f"rank-{int(is_main())}"
    out.mkdir(parents=True)
    found = compared(out)
    if is_main():
        (Path(sys.argv[1]) / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
