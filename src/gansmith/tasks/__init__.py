"""Tasks: which terms D and G minimise on a batch."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from gansmith.config import Config
from gansmith.tasks.game import Controls, Micro, Side, Task, Terms, View, plain
from gansmith.tasks.generation import Generation
from gansmith.tasks.soundness import Refusal, refusals, refuse_unsound
from gansmith.tasks.variational import (
    Autoencoder,
    Variational,
    VariationalGame,
    generator_of,
)

Builder = Callable[[nn.Module, nn.Module | None, Config, tuple[float, float]], Task]


@dataclass(frozen=True)
class TaskKind:
    """How a task is built from nets and settings, and which nets it takes."""

    build: Builder
    has_d: bool
    encodes: bool  # its G is an `Autoencoder` around the generator
    source: str


TASKS: dict[str, TaskKind] = {
    "generation": TaskKind(Generation.of, True, False, "Goodfellow et al. 2014"),
    "vae": TaskKind(Variational.of, False, True, "Kingma and Welling 2014; Higgins et al. 2017"),
    "vae-gan": TaskKind(VariationalGame.of, True, True, "Larsen et al. 2016"),
}

__all__ = [
    "TASKS",
    "Autoencoder",
    "Controls",
    "Generation",
    "Micro",
    "Refusal",
    "Side",
    "Task",
    "TaskKind",
    "Terms",
    "Variational",
    "VariationalGame",
    "View",
    "generator_of",
    "plain",
    "refusals",
    "refuse_unsound",
]
