"""Tasks: which terms D and G minimise on a batch."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from gansmith.config import Config
from gansmith.models.registry import Reads
from gansmith.tasks.game import Controls, Draws, Give, Micro, Side, Task, Terms, View, plain
from gansmith.tasks.generation import Generation
from gansmith.tasks.inpainting import Distance, Inpainting, holes
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
    reads: Reads = "noise"  # what its G reads: a family that reads less cannot play
    give: Callable[[Config, tuple[float, float]], Give] | None = None  # of settings and range


TASKS: dict[str, TaskKind] = {
    "generation": TaskKind(Generation.of, True, False, "Goodfellow et al. 2014"),
    "vae": TaskKind(Variational.of, False, True, "Kingma and Welling 2014; Higgins et al. 2017"),
    "vae-gan": TaskKind(VariationalGame.of, True, True, "Larsen et al. 2016"),
    "inpainting": TaskKind(
        Inpainting.of, True, False, "Pathak et al. 2016; Yu et al. 2019", reads="hole", give=holes
    ),
}

__all__ = [
    "TASKS",
    "Autoencoder",
    "Controls",
    "Distance",
    "Draws",
    "Generation",
    "Give",
    "Inpainting",
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
