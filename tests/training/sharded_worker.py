"""What two ranks that divide their nets compute: started by `test_sharded.py`, twice at once.

Each entry is held against one process with whole nets, which one of the ranks plays beside it
(`ranks_worker.against_one`): gradients of both players at the same weights, and weights after
steps. Then a run is begun in parts, and one that was begun whole goes on in parts.
"""

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from ranks_worker import IDLE, Measured, against_one, apart, played
from test_catalogue import fitting
from torch import Tensor

from conftest import Run, built
from gansmith.engine import in_parts, is_main, meet, own, told, whole_tensors, world
from gansmith.tasks import TASKS
from gansmith.training import OPTIMISERS, schedule
from gansmith.training.loop import play
from gansmith.training.moves import differentiate, turn_of

# Over so long a step a difference is not of rounding, which σ would magnify.
DIFFERENCE = {"sharded": True, "penalty.method": "finite-difference", "penalty.sigma": 0.5}
GRADIENTS: dict[str, dict[str, Any]] = {
    "default": {},
    "two micro-batches": {"accumulate": 2, "penalty.share": 0.5},
    "features": {"matching.weight": 1.0},
    "classes": {"model.conditional": True},
    "packs": {"model.d.pac": 2, "penalty.share": 0.5},
    "between": {"penalty.name": "zero-gp"},
    "deviation": {"model.d.minibatch_std": True, "penalty.share": 1.0},
    "spectral norm": {"model.d.spectral": True, "model.g.spectral": True},
    "both by batches": {
        "model.d.norm": "batch",
        "model.g.norm": "batch",
        "penalty.name": "none",
    },
    "consistency and LeCam": {"loss": "ns", "penalty.consistency": 1.0, "penalty.lecam": 0.1},
    "cycle": {"task": "unpaired", "model.name": "translator", "translation.method": "cycle"},
    "completion with all its terms": {
        "task": "inpainting",
        "model.name": "completion",
        "matching.weight": 1.0,
        "completion.variety": 0.1,
    },
    "dcgan": {"model.name": "dcgan", "model.d.norm": "none"},
    "mlp": {"model.name": "mlp"},
    **{f"task {name}": {"task": name} | fitting(name) for name in TASKS},
}
WEIGHTS: dict[str, dict[str, Any]] = {
    "default": {},
    "two micro-batches": {"accumulate": 2, "penalty.share": 0.5},
    "batch normalisation": {"model.g.norm": "batch"},
    "spectral norm": {"model.d.spectral": True, "model.g.spectral": True},
    "extragradient": {"optim.play": "extragradient"},
    "simultaneous": {"optim.play": "simultaneous", "optim.d_steps": 2},
    "lookahead": {"optim.lookahead": 2},
    "clipped": {  # by plain descent: Adam makes steps of what rounding left, divided or not
        "loss": "wasserstein",
        "penalty.name": "none",
        "optim.clip": 0.05,
        "optim.name": "sgd",
        "optim.lr": 0.05,
    },
    **{f"optimiser {name}": {"optim.name": name, "optim.lr": 1e-3} for name in OPTIMISERS},
}
STEPS = 6
STILL = (*IDLE, "running_mean")  # which knows of such biases
HALF, END = 6, 12
CHECKED = {"penalty.method": "finite-difference", "penalty.sigma": 0.5, "save_every": HALF}


def gradients(run: Run) -> Measured:
    """Of both players at the weights that they begin with."""
    now = schedule.at(run.cfg, 0, 1)
    found: Measured = {}
    for side in run.task.players:
        turn = turn_of(run.cfg, run.state, run.batches, now, (side, 0))
        signals = differentiate(run.engine, run.cfg, run.task, run.state, turn)
        named = turn.player.bare.named_parameters()
        grads = {name: p.grad for name, p in named if p.grad is not None}
        assert all(in_parts(grad) == (world() > 1) for grad in grads.values())
        found[side] = flat(whole_tensors(grads))
        found |= {f"{side} {key}": value.reshape(1) for key, value in signals.items()}
    return found


def flat(tensors: dict[str, Tensor]) -> Tensor:
    """Of a rank that has them: of divided ones only the main rank has."""
    parts = [x.flatten() for _, x in sorted(tensors.items())]
    return torch.cat(parts) if parts else torch.zeros(1)


def weights(run: Run) -> Measured:
    """After some steps, the players' and the average's."""
    played(run, STEPS)
    groups = run.state.groups()
    return {
        name: flat({key: value for key, value in groups[name].items() if not key.endswith(STILL)})
        for name in run.state.players
    }


def held(out: Path) -> dict[str, float]:
    """Which share of all numbers this rank holds after a step, by what they are."""
    run = built(out, DIFFERENCE | {"model.width": 16}, name="held")
    play(run.engine, run.cfg, run.task, run.state, run.batches, schedule.at(run.cfg, 0, 1))
    found = {}
    for name, group in run.state.tensors().items():
        mine, all_of_it = own(group.values()), list(group.values())
        found[name] = sum(x.numel() for x in mine) / sum(x.numel() for x in all_of_it)
    for side, player in run.state.players.items():
        grads = [p.grad for p in player.bare.parameters() if p.grad is not None]
        found[f"grad_{side}"] = sum(x.numel() for x in own(grads)) / sum(x.numel() for x in grads)
    return found


def compared(root: Path, out: Path) -> dict[str, dict[str, float]]:
    """Relative errors by entry, of the main rank."""
    jobs = {
        f"{kind}: {name}": partial(measured, measure, out, changes, f"{kind}-{name}")
        for kind, table, measure in (
            ("gradients", GRADIENTS, gradients),
            ("weights", WEIGHTS, weights),
        )
        for name, changes in table.items()
    }
    return against_one(root, jobs)


def measured(
    measure: Callable[[Run], Measured], out: Path, changes: dict[str, Any], name: str
) -> Measured:
    """Of a new run: divided among all ranks that take part, or whole where one does."""
    return measure(built(out, DIFFERENCE | changes, name=f"{name}-{world()}"))


def ended(run: Run) -> dict[str, Tensor]:
    """The run played to its end by one process: all tensors, but a bias that rounding moves."""
    run.play()
    assert run.state.step == END
    return {k: v for k, v in run.everything().items() if not k.endswith(IDLE)}


def told_apart(one: dict[str, Tensor], other: dict[str, Tensor]) -> dict[str, float]:
    """Relative errors by group of tensors: those of a checkpoint, all of them in both."""
    assert set(one) == set(other)
    assert all(one[key].shape == other[key].shape for key in one)

    def of(tensors: dict[str, Tensor], group: str) -> Tensor:
        return flat({k: x.double() for k, x in tensors.items() if k.startswith(f"{group}/")})

    groups = {key.partition("/")[0] for key in one}
    assert groups == {"G", "D", "ema", "optim_G", "optim_D"}
    return {group: apart(of(other, group), of(one, group)) for group in groups}


def gone_on(root: Path, out: Path) -> dict[str, dict[str, float]]:
    """A run begun in parts and ended whole, and the reverse, against one that was whole always."""
    parts = CHECKED | {"sharded": True}
    told(lambda: built(root, CHECKED, name="whole first").play(until=HALF))
    run = built(root, parts, name="whole first", resumed=True)  # both ranks read its checkpoint
    assert run.state.step == HALF
    assert run.state.divided
    run.play()
    built(out, parts, name="parts first").play(until=HALF)

    def compare() -> dict[str, dict[str, float]]:
        straight = ended(built(out, CHECKED, name="straight"))
        after = ended(built(out, CHECKED, name="parts first", resumed=True))
        before = ended(built(root, CHECKED, name="whole first", resumed=True))
        return {
            "parts first": told_apart(straight, after),
            "whole first": told_apart(straight, before),
        }

    return told(compare)


def main() -> None:
    """Meet, play, compare; what came of it is written down."""
    meet("cpu")
    root = Path(sys.argv[1])
    out = root / f"rank-{int(is_main())}"
    out.mkdir(parents=True)
    (out / "held.json").write_text(json.dumps(held(out)))
    found = {f"gone on: {name}": errors for name, errors in gone_on(root, out).items()}
    found |= compared(root, out)
    if is_main():
        (root / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
