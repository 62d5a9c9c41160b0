"""The recipes: each is the settings in which it differs from the defaults of `gansmith.config`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gansmith.errors import UserError, nearest


@dataclass(frozen=True)
class Recipe:
    """What it is for, in one line, and its settings."""

    summary: str
    settings: Mapping[str, Any]


RECIPES: dict[str, Recipe] = {
    "images": Recipe(
        "any folder of images, 8 to 256 px: residual nets, relativistic pairing, exact R1 + R2",
        {},
    ),
    "toy": Recipe(
        "2-D mixtures (ring, grid): perceptrons, D on Fourier features, the same objective",
        {
            "data": {"source": "grid"},
            "budget": "12k-steps",
            # As many noise dimensions as the data have: every further one would have to be
            # contracted to a point at each mode.
            "model": {"name": "mlp", "z_dim": 2},
            "penalty": {"final_ratio": 0.01, "path": "geometric", "share": 1.0},
            "optim": {"beta2": 0.99, "lr_final_ratio": 0.01},
        },
    ),
    "dcgan": Recipe(
        "the nets of DCGAN with the non-saturating loss and no penalty, for comparison",
        {
            "loss": "ns",
            "model": {"name": "dcgan", "z_dim": 100},
            "penalty": {"name": "none"},
            "optim": {"lr": 2e-4, "beta1": 0.5, "beta2": 0.999, "beta2_final": 0.999},
            "batch": 128,
        },
    ),
}


def recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        UserError: naming the nearest one, if there is none.
    """
    if name not in RECIPES:
        known = ", ".join(RECIPES)
        raise UserError(f"recipe {name!r} is not known{nearest(name, RECIPES)}; known: {known}")
    return RECIPES[name]
