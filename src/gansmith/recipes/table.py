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


# The tutorials' perceptrons as they are commonly printed collapse to a digit or two within minutes
# (docs/tutorials). R1 + R2 hold them together, whose gamma is of the scale of what D says: logits,
# numbers about 0 and 1, or probabilities. Rates and norms are those that learned fastest with them.
# Steps that end far smaller than they began, averaged over a long stretch, leave fewer specks: a
# perceptron has nothing else that makes neighbouring pixels alike.
_PERCEPTRONS: Mapping[str, Any] = {
    "batch": 128,
    "optim": {"lr": 5e-3, "beta2": 0.99, "lr_final_ratio": 0.002},
    "ema": {"ramp": 0.3},
    "budget": "5m",
}

RECIPES: dict[str, Recipe] = {
    "images": Recipe(
        "any folder of images, 8 to 256 px: residual nets, relativistic pairing, R1 + R2",
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
    "stacked-mnist": Recipe(
        "three digits in the colour channels, 1,000 classes to count: the default objective",
        {"data": {"source": "stacked-mnist"}, "budget": "200k-images"},
    ),
    "cifar10": Recipe(
        "CIFAR-10, 32 px photographs: the default objective for a night on a CPU, or a GPU",
        {"data": {"source": "cifar10"}, "budget": "8h"},
    ),
    "sigmoid-mlp": Recipe(
        "tutorial 1: perceptrons, G ends in a sigmoid on [0, 1] data, cross-entropy",
        {
            **_PERCEPTRONS,
            "loss": "ns",
            "model": {
                "name": "mlp",
                "z_dim": 100,
                "g": {"hidden": "128-128", "activation": "gelu", "output": "sigmoid"},
                "d": {"hidden": "128-128", "activation": "gelu"},
            },
            "penalty": {"gamma": 0.4, "every": 4},
        },
    ),
    "activations-mlp": Recipe(
        "tutorial 2: a widening perceptron, tanh at its end, D with LeakyReLU and a sigmoid",
        {
            **_PERCEPTRONS,
            "loss": "bce",
            "model": {
                "name": "mlp",
                "z_dim": 100,
                "g": {"hidden": "128-256-512", "norm": "batch", "output": "tanh"},
                "d": {"hidden": "256-128", "activation": "leaky-relu", "output": "sigmoid"},
            },
            "penalty": {"gamma": 10.0, "every": 4},
        },
    ),
    "least-squares": Recipe(
        "tutorial 3: perceptrons as least-squares opponents, coding a, b, c = 0, 1, 1",
        {
            **_PERCEPTRONS,
            "loss": "lsgan",
            "model": {
                "name": "mlp",
                "z_dim": 100,
                "g": {"hidden": "128-128", "activation": "gelu", "output": "sigmoid"},
                "d": {"hidden": "128-128", "activation": "gelu"},
            },
            "penalty": {"gamma": 4.0, "every": 4},
            # Squares do not level off: in short runs (800 steps) D was certain and G a point before
            # the penalty had a say, with warm-ups of 2 % in two of two seeds, of 10 % in one of
            # three, of 20 % in none of four.
            "optim": _PERCEPTRONS["optim"] | {"warmup": 0.2},
        },
    ),
    "cross-entropy": Recipe(
        "tutorial 4: LeakyReLU perceptrons, uniform noise, the non-saturating cross-entropy",
        {
            **_PERCEPTRONS,
            "loss": "ns",
            "model": {
                "name": "mlp",
                "z_dim": 100,
                "prior": "uniform",
                "g": {"hidden": "128-128", "activation": "leaky-relu", "output": "sigmoid"},
                "d": {"hidden": "128-128", "activation": "gelu"},
            },
            "penalty": {"gamma": 0.4, "every": 4},
        },
    ),
    "dcgan": Recipe(
        "tutorial 5: convolutional nets at 32x32, batch normalisation in G, cross-entropy",
        {
            "loss": "ns",
            "resolution": 32,
            "batch": 32,
            "model": {
                "name": "dcgan",
                "width": 64,
                "z_dim": 100,
                "g": {"activation": "leaky-relu"},
                # A narrow D: the five minutes buy four times as many steps of G.
                "d": {"width": 24, "norm": "none"},
            },
            "penalty": {"gamma": 0.5},
            "optim": {"lr": 3e-3, "beta2": 0.99},
            "ema": {"ramp": 0.01},
            "budget": "5m",
        },
    ),
    "inpaint": Recipe(
        "completion: fills holes in pictures; gated and Fourier convolutions, patches for D",
        {
            "task": "inpainting",
            "batch": 8,  # a step of 16 takes 1.6 times as long on a CPU
            "model": {"name": "completion", "depth": 4},
            "completion": {"perceptual": "auto"},
            "matching": {"weight": 1.0},
            "optim": {"lr": 2e-3},
        },
    ),
    "pix2pix": Recipe(
        "pairs: one picture to another, L1 and an adversary that sees both; U-net, patches",
        {
            "task": "translation",
            "batch": 8,
            "model": {"name": "unet", "depth": 2, "z_dim": 8, "g": {"residual": True}},
            "translation": {"l1": 100.0},  # as Isola et al. 2017 have it
            "matching": {"weight": 1.0},
            "optim": {"lr": 2e-3},
        },
    ),
    "cut": Recipe(
        "two folders without pairs: each place of the output tells its input (contrastive)",
        {
            "task": "unpaired",
            "batch": 8,
            "model": {"name": "unet", "depth": 1, "z_dim": 8},
            "translation": {"places": 64},
            "optim": {"lr": 1e-3},
        },
    ),
    "cyclegan": Recipe(
        "two folders without pairs: two translators, there and back again",
        {
            "task": "unpaired",
            "batch": 4,
            "model": {"name": "translator", "depth": 4, "z_dim": 8},
            "translation": {"method": "cycle"},
            "optim": {"lr": 1e-3},
        },
    ),
    "vae": Recipe(
        "the baseline: a variational autoencoder on the same nets, scored by the same card",
        {
            "task": "vae",
            "batch": 128,
            "model": {
                "name": "mlp",
                "z_dim": 32,
                "g": {"hidden": "512-512", "output": "sigmoid"},
                "d": {"hidden": "512-512"},
            },
            "vae": {"likelihood": "bernoulli"},
            "optim": {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "beta2_final": 0.999},
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
