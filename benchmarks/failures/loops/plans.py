"""What one program is: its nets and rates by size, style and seed, and the fault planted in it.

A fault is a change of one or two fields of a sound plan. What each should be called stands in
expected.yaml; the program does not know it.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

SIZES = ("toy", "digits-mlp", "digits-conv")
DIGITS = SIZES[1:]
STYLES = ("separate", "summed", "joint")


@dataclass(frozen=True)
class Plan:
    """One program; the defaults are a sound one's.

    Attributes:
        hears_noise: whether G's forward uses its noise.
        killed: whose hidden biases begin at -10, before a ReLU.
        detaches: whether generated samples are detached in D's step.
        clears: whether gradients are cleared at the right place ("before" each backward pass),
            "never", "late" (before the step) or "early" (before the other player's pass).
        holds: the optimiser (`g` or `d`) holds its "own" weights, those of "both", or of a "copy".
        shown: what D's loss is about.
        wanted: the label that G's loss gives generated samples.
        broken_at, anneals, error_at: steps at which a sample is NaN, instance noise ends, and the
            program asks for a number that it did not keep.
    """

    size: str
    seed: int
    style: str
    # nets
    width: int
    depth: int
    activation: str
    d_activation: str
    z_dim: int
    uniform: bool
    norm: bool
    upsamples: bool
    conditional: bool
    # the game
    loss: str
    optimizer: str
    beta: float
    rate: float
    d_ratio: float
    gamma: float
    batch: int
    d_steps: int = 1
    g_times: float = 1.0
    d_times: float = 1.0
    gamma_times: float = 1.0
    # data and noise
    scale: str = "fit"
    limit: int | None = None
    only: int | None = None
    padded: int = 0
    broken_at: int | None = None
    noise_size: float = 1.0
    noise_draws: str = "new"
    hears_noise: bool = True
    # ends and weights
    g_ends: str = ""
    d_ends: str = ""
    d_pools: bool = False
    misfit: bool = False
    weights: float | None = None
    killed: str = ""
    frozen: bool = False
    # the loop
    g_sees: str = "fake"
    g_graph: bool = True
    d_graph: bool = True
    detaches: bool = True
    clears: str = "before"
    g_moves: bool = True
    d_moves: bool = True
    g_holds: str = "own"
    d_holds: str = "own"
    one_optimizer: bool = False
    shown: tuple[str, ...] = ("real", "fake")
    real_label: float = 1.0
    fake_label: float = 0.0
    wanted: float = 1.0
    clip: float | None = None
    anneals: int | None = None
    samples_at: int = 25
    back_to_train: bool = True
    error_at: int | None = None


@dataclass(frozen=True)
class Fault:
    """A fault: what changes in the plan, and where it makes sense."""

    changes: dict[str, Any] = field(default_factory=dict)
    sizes: tuple[str, ...] = SIZES
    styles: tuple[str, ...] = STYLES


FAULTS = {
    # whose gradients, whose weights
    "detached-generator-step": Fault({"g_graph": False}),
    "generator-loss-of-real-only": Fault({"g_sees": "real"}),
    "discriminator-loss-detached": Fault({"d_graph": False, "gamma_times": 0.0}),
    "discriminator-cleared-too-late": Fault({"clears": "late"}),
    "discriminator-never-stepped": Fault({"d_moves": False}),
    "discriminator-optimiser-holds-copy": Fault({"d_holds": "copy"}),
    "generator-never-stepped": Fault({"g_moves": False}),
    "generator-optimiser-holds-copy": Fault({"g_holds": "copy"}),
    "discriminator-optimiser-holds-generator": Fault({"d_holds": "both", "detaches": False}),
    "generator-optimiser-holds-discriminator": Fault({"g_holds": "both"}),
    "one-optimiser": Fault({"one_optimizer": True}),
    "frozen-layer": Fault({"frozen": True}),
    "fakes-not-detached": Fault({"detaches": False}),
    "gradients-never-cleared": Fault({"clears": "never"}),
    "discriminator-cleared-too-early": Fault({"clears": "early"}),
    # what the losses ask for
    "same-objective": Fault({"wanted": 0.0}),
    "swapped-labels": Fault({"real_label": 0.0, "fake_label": 1.0}),
    "same-target": Fault({"fake_label": 1.0}),
    "fake-never-shown": Fault({"shown": ("real",)}),
    "real-never-shown": Fault({"shown": ("fake",)}),
    "double-sigmoid": Fault({"d_ends": "sigmoid", "loss": "bce"}),
    "logits-into-probabilities": Fault({"loss": "probabilities"}),
    "sigmoid-critic": Fault({"d_ends": "sigmoid", "loss": "critic", "gamma": 0.0, "clip": 0.5}),
    # data
    "pixels-255-against-tanh": Fault({"scale": "bytes", "g_ends": "tanh"}),
    "standardised-against-tanh": Fault({"scale": "standard"}, sizes=DIGITS),
    "sigmoid-generator": Fault({"g_ends": "sigmoid"}),
    "half-range": Fault({"scale": "half", "g_ends": "tanh"}),
    "images-of-another-size": Fault(
        {"padded": 2, "d_pools": True}, sizes=("digits-conv",), styles=("separate", "summed")
    ),
    "data-of-one-class": Fault({"only": 3, "conditional": True}),
    "twenty-images": Fault({"limit": 20}),
    # noise
    "tiny-noise": Fault({"noise_size": 1e-3}),
    "one-noise-for-the-batch": Fault({"noise_draws": "shared"}),
    "noise-ignored": Fault({"hears_noise": False}),
    "same-noise-again": Fault({"noise_draws": "same"}),
    # nets
    "inference-mode": Fault({"norm": True, "back_to_train": False}, sizes=DIGITS),
    "weights-too-large": Fault({"weights": 1.0}),
    "weights-too-small": Fault({"weights": 1e-3}),
    "relu-killed-by-bias": Fault({"killed": "d", "d_activation": "relu"}),
    "generator-killed-by-bias": Fault({"killed": "g", "activation": "relu"}),
    # numbers, and programs that stop
    "nan-after-n-steps": Fault({"broken_at": 50}),
    "annealed-past-its-end": Fault({"anneals": 50}),
    "layers-do-not-fit": Fault({"misfit": True}),
    "stops-with-an-error": Fault({"error_at": 50}),
    # how fast
    "rate-times-100": Fault({"g_times": 100.0, "d_times": 100.0}),
    "discriminator-too-fast": Fault({"d_steps": 5, "d_times": 2.0, "gamma": 0.0, "g_times": 0.02}),
    "minimax-against-a-sure-discriminator": Fault(
        {"loss": "minimax", "d_steps": 5, "gamma": 0.0, "g_times": 0.02}
    ),
    "discriminator-too-slow": Fault({"d_times": 0.01}),
    # Adam's steps do not shrink with the gradient: points and small convolutions learn even so.
    "penalty-times-10000": Fault({"gamma_times": 1e4}, sizes=("digits-mlp",)),
    "generator-without-rate": Fault({"g_times": 1e-6}),
}


def sound(size: str, seed: int, style: str) -> Plan:
    """A program without a fault; seeds differ in nets, noise and optimiser, too."""
    rng = np.random.default_rng([SIZES.index(size), seed])
    toy, conv = size == "toy", size == "digits-conv"
    width = {"toy": (48, 64, 96), "digits-mlp": (128, 192, 256), "digits-conv": (8, 8, 12)}[size]
    z_dim = {"toy": (4, 8, 16), "digits-mlp": (16, 32, 64), "digits-conv": (16, 32, 64)}[size]
    optimizer = "rmsprop" if style == "joint" and rng.random() < 0.5 else "adam"
    return Plan(
        size=size,
        seed=seed,
        style=style,
        width=int(rng.choice(width)),
        depth=int(rng.choice((2, 3))),
        activation=str(rng.choice(("relu", "leaky", "silu"))),
        d_activation=str(
            rng.choice(("leaky", "leaky", "silu" if size == "digits-mlp" else "leaky"))
        ),
        z_dim=int(rng.choice(z_dim)),
        uniform=bool(rng.random() < 0.4),
        norm=not toy,
        upsamples=conv and bool(rng.random() < 0.4),
        conditional=seed % 7 == 5,
        loss={"separate": "bce", "summed": "hinge", "joint": "squares"}[style],
        optimizer=optimizer,
        beta=0.0 if style == "summed" else 0.5,
        rate=2e-3 if toy else 5e-4 if optimizer == "rmsprop" else 1e-3,
        d_ratio=2.0 if style == "summed" else 1.0,
        gamma=0.1 if toy else 5.0,
        batch=32 if conv else 64,
        g_ends="linear" if toy else "tanh",
        d_ends="linear",
    )


def plan(size: str, seed: int, style: str = "auto", fault: str = "none") -> Plan:
    """A program by its four names.

    Raises:
        ValueError: if there is no such fault, or it makes no sense in this size or style.
    """
    style = STYLES[seed % 3] if style == "auto" else style
    if fault == "none":
        return sound(size, seed, style)
    planted = FAULTS.get(fault)
    if planted is None:
        raise ValueError(f"no fault is called {fault}; there are {', '.join(FAULTS)}")
    if size not in planted.sizes or style not in planted.styles:
        raise ValueError(f"{fault} makes no sense in {size}, {style}")
    return replace(sound(size, seed, style), **planted.changes)
