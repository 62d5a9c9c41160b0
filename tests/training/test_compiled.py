"""Compiled nets compute what plain ones do: terms, gradients, weights; and leave no trace."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from gansmith.engine import face_of
from gansmith.training import schedule
from gansmith.training.loop import play
from gansmith.training.moves import differentiate, turn_of

from .test_catalogue import ENTRIES

CLOSE = 1e-6  # of the largest gradient
EXACT = {"penalty.method": "exact", "penalty.share": 1.0}
# Where the penalty is taken, and what it is taken of.
SOON = {
    "the default": {},
    "penalty wgan-gp": ENTRIES["penalty wgan-gp"],
    "packs": ENTRIES["packs"],
    "two sides and back": ENTRIES["two sides and back"] | {"model.g.norm": "none"},
    "classes": {"model.conditional": True},
}
LATER = {
    name: ENTRIES[name]
    for name in ENTRIES
    if name.split()[0] in ("penalty", "model", "task")
    or name in ("minibatch deviation", "finite difference", "consistency", "feature matching")
    or name
    in ("spectral norm", "norm of D batch", "completion with all its terms", "hidden layers")
}


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def gradients(run: Any) -> dict[str, Tensor]:
    """What the first turn of each player finds: signals and gradients."""
    found: dict[str, Tensor] = {}
    now = schedule.at(run.cfg, 0, 4)
    for side in run.task.players:
        turn = turn_of(run.cfg, run.state, run.batches, now, (side, 0))
        signals = differentiate(run.engine, run.cfg, run.task, run.state, turn)
        found |= {f"{side}: {key}": value.clone() for key, value in signals.items()}
        for name, p in turn.player.bare.named_parameters():
            if p.grad is not None:
                found[f"{side}: slope of {name}"] = p.grad.clone()
    return found


def compare(make: Callable[..., Any], changes: dict[str, Any], backend: str) -> Any:
    """The compiled run, after its gradients were held against those of a plain one."""
    changes = {"penalty.share": 1.0} | changes
    plain, fast = make(changes, "plain"), make({"compile": "on"} | changes, "fast")
    fast.engine.compiling.backend = backend
    one, other = gradients(plain), gradients(fast)
    assert one.keys() == other.keys()
    for key, value in one.items():
        scale = max(float(value.abs().max()), 1e-3)
        assert float((value - other[key]).abs().max()) <= CLOSE * scale, key
    assert fast.engine.compiling.troubles == []
    return fast


def made(run: Any) -> set[str]:
    """What of the players was compiled."""
    names: set[str] = set()
    for side, player in run.state.players.items():
        face = face_of(player.net)
        assert face is not None
        names |= {f"{side} {key if isinstance(key, str) else key[0]}" for key in face._made}
    return names


@pytest.mark.parametrize("name", SOON)
def test_gradients_are_those_of_plain_nets(name: str, make: Callable[..., Any]) -> None:
    fast = compare(make, SOON[name], "aot_eager")
    assert made(fast) >= {"D forward", "D penalty", "G forward"} - (
        {"D forward"} if name == "none" else set()
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", LATER)
def test_gradients_are_those_of_plain_nets_everywhere(name: str, make: Callable[..., Any]) -> None:
    compare(make, LATER[name], "aot_eager")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["the default", "penalty wgan-gp"])
def test_gradients_of_compiled_kernels_are_those_of_torch(
    name: str, make: Callable[..., Any]
) -> None:
    compare(make, SOON[name], "inductor")
