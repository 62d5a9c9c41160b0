"""Every entry of every table is played for some steps: weights move and stay numbers."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from gansmith.config.play import OptimConfig
from gansmith.losses import LOSSES, PENALTIES
from gansmith.models import ACTIVATIONS, MODELS, NORMS, OUTPUTS, PRIORS
from gansmith.tasks import TASKS
from gansmith.training import OPTIMISERS

PLAYS = OptimConfig.model_fields["play"].annotation.__args__
NO_NORM = {"model.d.norm": "none"}


def loss(name: str) -> dict[str, Any]:
    of_probabilities = LOSSES[name].judges == "probabilities"
    return {"loss": name, "model.d.output": "sigmoid" if of_probabilities else "linear"}


def fitting(task: str) -> dict[str, Any]:
    """A net that reads what the task gives."""
    reads = TASKS[task].reads
    return {"model.name": next(name for name, each in MODELS.items() if each.reads == reads)}


def played(model: str) -> dict[str, Any]:
    """A task that gives a net what it reads; without a picture all of a completion is its hole."""
    return {"task": "unpaired"} if MODELS[model].reads == "picture" else {}


ENTRIES: dict[str, dict[str, Any]] = (
    {f"loss {name}": loss(name) for name in LOSSES}
    | {f"penalty {name}": {"penalty.name": name} for name in PENALTIES}
    | {f"optimiser {name}": {"optim.name": name, "optim.lr": 1e-3} for name in OPTIMISERS}
    | {f"play {name}": {"optim.play": name} for name in PLAYS}
    | {f"task {name}": {"task": name} | fitting(name) for name in TASKS}
    | {f"model {name}": {"model.name": name} | played(name) | NO_NORM for name in MODELS}
    | {
        f"activation of {p} {name}": {f"model.{p}.activation": name}
        for name in ACTIVATIONS
        for p in "gd"
    }
    | {f"norm of G {name}": {"model.g.norm": name} for name in NORMS}
    | {f"norm of D {name}": {"model.d.norm": name, "penalty.name": "none"} for name in NORMS}
    | {f"output of G {name}": {"model.g.output": name} for name in OUTPUTS}
    | {f"prior {name}": {"model.prior": name} for name in PRIORS}
    | {
        "one-sided smoothing and flips": {"loss": "ns", "targets.smooth": 0.1, "targets.flip": 0.1},
        "instance noise": {"instance_noise.sigma": 0.5},
        "feature matching": {"matching.weight": 1.0},
        "finite difference": {"penalty.method": "finite-difference"},
        "lazy penalty": {"penalty.every": 4},
        "LeCam": {"loss": "ns", "penalty.lecam": 0.1},
        "consistency": {"penalty.consistency": 1.0},
        "spectral norm": {"model.d.spectral": True, "model.g.spectral": True},
        "weight clipping": {"loss": "wasserstein", "penalty.name": "none", "optim.clip": 0.05},
        "minibatch deviation": {"model.d.minibatch_std": True},
        "packs": {"model.d.pac": 2},
        "lookahead": {"optim.lookahead": 2},
        "n-to-1": {"optim.d_steps": 3, "optim.g_steps": 2},
        "two rates": {"optim.d_ratio": 4.0},
        "hidden layers": {"model.name": "mlp", "model.g.hidden": "8-16", "model.d.hidden": "16-8"},
        "bernoulli VAE": {
            "task": "vae",
            "vae.likelihood": "bernoulli",
            "model.g.output": "sigmoid",
        },
        "completion with all its terms": {
            "task": "inpainting",
            "model.name": "completion",
            "matching.weight": 1.0,
            "completion.variety": 0.1,
            "masks.kinds": "boxes:3+halves",
            "masks.area": 0.25,
        },
        "translation with all its terms": {
            "task": "translation",
            "model.name": "unet",
            "matching.weight": 1.0,
        },
        "two sides and back": {
            "task": "unpaired",
            "model.name": "unet",
            "translation.method": "cycle",
        },
        "laplacian VAE": {"task": "vae", "vae.likelihood": "laplace"},
    }
)


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_is_played(name: str, make: Callable[..., Any]) -> None:
    run = make({"budget": "4-steps", "optim.lr": 1e-3} | ENTRIES[name])
    before = run.everything()
    assert run.play() == "budget"
    after = run.everything()
    assert all(bool(torch.isfinite(value).all()) for value in after.values())
    for player in run.state.players:
        moved = [
            key
            for key in before
            if key.startswith(f"{player}/") and not before[key].equal(after[key])
        ]
        assert moved, f"{player} did not move"
