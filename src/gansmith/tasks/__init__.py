"""Tasks: which terms D and G minimise on a batch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import nn

from gansmith.config import Config
from gansmith.models.registry import Reads
from gansmith.tasks.dressing import Dress, autoencoder, contrasted, generator_of
from gansmith.tasks.game import Controls, Draws, Give, Micro, Side, Task, Terms, View, plain
from gansmith.tasks.generation import Generation
from gansmith.tasks.inpainting import Distance, Inpainting, holes
from gansmith.tasks.soundness import Refusal, refusals, refuse_unsound
from gansmith.tasks.translating import Contrastive, Cycle, Paired, apart, pairs, unpaired
from gansmith.tasks.variational import Autoencoder, Variational, VariationalGame

Giver = Callable[[Config, tuple[float, float], int], Give]
Builder = Callable[[nn.Module, nn.Module | None, Config, tuple[float, float]], Task]


@dataclass(frozen=True)
class TaskKind:
    """How a task is built from nets and settings, and which nets and samples it takes."""

    build: Builder
    has_d: bool
    source: str
    dress: Dress | None = None  # what the nets are wrapped in, with others beside them
    reads: Reads = "noise"  # what its G reads: a family that reads less cannot play
    give: Giver | None = None  # of settings, range, and the channels that are given
    sides: Literal["", "paired", "unpaired"] = ""  # whether samples are of two sides


TASKS: dict[str, TaskKind] = {
    "generation": TaskKind(Generation.of, True, "Goodfellow et al. 2014"),
    "vae": TaskKind(
        Variational.of,
        False,
        "Kingma and Welling 2014; Higgins et al. 2017",
        dress=autoencoder,
    ),
    "vae-gan": TaskKind(VariationalGame.of, True, "Larsen et al. 2016", dress=autoencoder),
    "inpainting": TaskKind(
        Inpainting.of, True, "Pathak et al. 2016; Yu et al. 2019", reads="hole", give=holes
    ),
    "translation": TaskKind(
        Paired.of, True, "Isola et al. 2017", reads="picture", give=pairs, sides="paired"
    ),
    "unpaired": TaskKind(
        unpaired,
        True,
        "Park et al. 2020; Zhu et al. 2017",
        dress=contrasted,
        reads="picture",
        give=apart,
        sides="unpaired",
    ),
}

__all__ = [
    "TASKS",
    "Autoencoder",
    "Contrastive",
    "Controls",
    "Cycle",
    "Distance",
    "Draws",
    "Generation",
    "Give",
    "Inpainting",
    "Micro",
    "Paired",
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
