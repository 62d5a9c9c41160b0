"""The questions that ``gansmith study`` knows: each is a table of arms, settings by dotted key.

An arm is the question's base and what the arm changes in it; nothing else differs between two
arms, and all have the same seconds. The nets are small, so that one learns in a minute or two on
one core.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gansmith.errors import UserError, nearest

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Question:
    """What is asked, and the arms that answer it.

    Attributes:
        words: the question, in plain words.
        arms: (label, what this arm changes).
        base: what all arms share, on top of the recipe.
        data: what they learn from, unless other data are named.
        seeds: how many seeds each arm has by default.
        notes: what the answer does not cover.
    """

    words: str
    arms: tuple[tuple[str, Settings], ...]
    base: Settings = field(default_factory=dict)
    data: str = "digits"
    recipe: str = "images"
    seeds: int = 3
    notes: tuple[str, ...] = ()


# Perceptrons as in the tutorials, with the non-saturating loss. R1 + R2 keep them from collapsing,
# without which every arm would be a draw of luck; no norm does an activation's work for it.
PERCEPTRONS: Settings = {
    "model.name": "mlp",
    "model.g.hidden": "128-256-512",
    "model.d.hidden": "256-128",
    "model.g.output": "tanh",
    "model.z_dim": 64,
    "batch": 128,
    "loss": "ns",
    "penalty.gamma": 0.4,
    "optim.lr": 5e-3,
    "optim.beta2": 0.99,
}
# The default recipe, as narrow as a short run on a CPU makes it, at the rate of its usual width.
SMALL: Settings = {"model.width": 8, "optim.lr": 4e-3}
# What a VAE is usually given.
LIKELY: Settings = {
    "vae.likelihood": "bernoulli",
    "model.g.output": "sigmoid",
    "optim.lr": 1e-3,
    "optim.beta1": 0.9,
    "optim.beta2": 0.999,
    "optim.beta2_final": 0.999,
}

_HIDDEN = (
    "relu",
    "leaky-relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "mish",
    "softplus",
    "tanh",
    "sigmoid",
)
_ONE_RATE = "One rate for all: an arm that needs another one is not shown at its best."

QUESTIONS: dict[str, Question] = {
    "sigmoid": Question(
        "Where does a sigmoid cost something: inside G, inside D, or at the end of D?",
        (
            ("no sigmoid", {}),
            (
                "at the end of D",
                {"model.d.output": "sigmoid", "loss": "bce", "penalty.gamma": 7.0},
            ),
            ("at the end of G", {"model.g.output": "sigmoid"}),
            ("inside D", {"model.d.activation": "sigmoid"}),
            ("inside G", {"model.g.activation": "sigmoid"}),
            ("inside both", {"model.d.activation": "sigmoid", "model.g.activation": "sigmoid"}),
        ),
        {**PERCEPTRONS, "model.g.activation": "leaky-relu", "model.d.activation": "leaky-relu"},
        notes=(
            "At the end of D the loss is the cross-entropy of probabilities, whose slope is about "
            "a quarter of that of logits, so that R1 + R2 weigh 18 times as much there.",
            _ONE_RATE,
        ),
    ),
    "activations": Question(
        "Which activation should the hidden layers of G and D have?",
        tuple(
            (name, {"model.g.activation": name, "model.d.activation": name}) for name in _HIDDEN
        ),
        PERCEPTRONS,
        notes=(_ONE_RATE,),
    ),
    "roles": Question(
        "Should D be ahead of G: by more steps, or by a higher rate?",
        (
            ("1 step each", {}),
            ("D 2 steps", {"optim.d_steps": 2}),
            ("D 5 steps", {"optim.d_steps": 5}),
            ("G 2 steps", {"optim.g_steps": 2}),
            ("D twice the rate", {"optim.d_ratio": 2.0}),
            ("D four times the rate", {"optim.d_ratio": 4.0}),
            ("D half the rate", {"optim.d_ratio": 0.5}),
        ),
        SMALL,
        notes=("Of equal seconds, not of equal steps of G: a step of D costs time.",),
    ),
    "losses": Question(
        "Which loss learns best, all else equal?",
        (
            ("rpgan (r3)", {"loss": "rpgan"}),
            ("ragan", {"loss": "ragan"}),
            ("non-saturating", {"loss": "ns"}),
            ("minimax", {"loss": "minimax"}),
            ("least squares", {"loss": "lsgan"}),
            ("hinge", {"loss": "hinge"}),
            ("wasserstein", {"loss": "wasserstein"}),
        ),
        SMALL,
        notes=(
            "All have the same penalty, R1 + R2; for wasserstein it stands for the bound on D's "
            "slope.",
            _ONE_RATE,
        ),
    ),
    "optimisers": Question(
        "Which optimiser moves the two players best?",
        (
            ("adam", {"optim.name": "adam"}),
            ("adamw", {"optim.name": "adamw", "optim.weight_decay": 1e-2}),
            ("amsgrad", {"optim.name": "amsgrad"}),
            ("optimistic-adam", {"optim.name": "optimistic-adam"}),
            ("rmsprop", {"optim.name": "rmsprop"}),
            ("sgd", {"optim.name": "sgd", "optim.lr": 0.01}),
            ("momentum", {"optim.name": "momentum", "optim.lr": 1e-3}),
            ("nesterov", {"optim.name": "nesterov", "optim.lr": 1e-3}),
        ),
        SMALL,
        notes=(
            "Optimisers that scale each weight's step share a rate; the others have rates of "
            "their own, which were not searched for: ten times as fast they diverge at once.",
        ),
    ),
    "noise-dim": Question(
        "How many noise dimensions does G need, and of which kind?",
        (
            ("2", {"model.z_dim": 2}),
            ("8", {"model.z_dim": 8}),
            ("32", {"model.z_dim": 32}),
            ("64", {"model.z_dim": 64}),
            ("128", {"model.z_dim": 128}),
            ("64, uniform", {"model.z_dim": 64, "model.prior": "uniform"}),
        ),
        SMALL,
    ),
    "normalisation": Question(
        "Does normalisation help, and in which of the two nets?",
        (
            ("none", {}),
            ("batch in G", {"model.g.norm": "batch"}),
            ("batch in both", {"model.g.norm": "batch", "model.d.norm": "batch"}),
            ("layer in D", {"model.d.norm": "layer"}),
            ("instance in D", {"model.d.norm": "instance"}),
            ("spectral in D", {"model.d.spectral": True}),
        ),
        {"model.name": "dcgan", "model.width": 8, "model.g.norm": "none", "model.d.norm": "none",
         "loss": "ns", "penalty.name": "none", "optim.lr": 1e-3, "optim.beta1": 0.5,
         "optim.beta2": 0.999, "optim.beta2_final": 0.999},
        notes=("No gradient penalty, which would bound D's slope by itself.",),
    ),
    "gan-vs-vae": Question(
        "Which makes the better images in the same time: a GAN, a VAE, or both in one?",
        (
            ("GAN", {}),
            ("VAE", {"task": "vae", **LIKELY}),
            ("VAE, beta 0.3", {"task": "vae", "vae.beta": 0.3, **LIKELY}),
            ("VAE-GAN", {"task": "vae-gan"}),
        ),
        SMALL,
        notes=(
            "The same nets; the VAEs have the rate, the moments and the likelihood that they are "
            "usually given (Bernoulli on [0, 1]).",
            "Judged by samples alone: a VAE also encodes and gives a likelihood bound.",
        ),
    ),
}  # fmt: skip
GRID = Question("Which of these settings is best?", (("as it is", {}),))


def question(name: str) -> Question:
    """The question of that name; ``grid`` has one arm, the recipe as it is.

    Raises:
        UserError: naming the nearest one, if there is none.
    """
    if name == "grid":
        return GRID
    if name not in QUESTIONS:
        known = ", ".join([*QUESTIONS, "grid"])
        hint = nearest(name, [*QUESTIONS, "grid"])
        raise UserError(f"question {name!r} is not known{hint}; known: {known}")
    return QUESTIONS[name]
