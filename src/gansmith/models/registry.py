"""The table of families: adding one is a file, and a line here."""

from typing import Protocol

from torch import nn

from gansmith.errors import UserError, nearest
from gansmith.models.dcgan import dcgan
from gansmith.models.layers import stage_sizes
from gansmith.models.mlp import mlp
from gansmith.models.resnet import resnet


class Family(Protocol):
    """Builds (G, D) for samples of a shape; ``classes=0`` means unconditional."""

    def __call__(
        self, shape: tuple[int, ...], z_dim: int, width: int, depth: int, classes: int = 0
    ) -> tuple[nn.Module, nn.Module]: ...


MODELS: dict[str, Family] = {"mlp": mlp, "dcgan": dcgan, "resnet": resnet}


def build(
    name: str, shape: tuple[int, ...], z_dim: int, width: int, depth: int, classes: int = 0
) -> tuple[nn.Module, nn.Module]:
    """A new (G, D) pair, initialised from torch's global generator.

    Raises:
        UserError: if the family is not known, or cannot make samples of this shape.
    """
    if name not in MODELS:
        known = ", ".join(MODELS)
        raise UserError(f"model.name {name!r} is not known{nearest(name, MODELS)}; known: {known}")
    if len(shape) == 1 and name != "mlp":
        raise UserError(f"model.name {name!r} makes images; for points use model.name=mlp")
    if name != "mlp" and len(stage_sizes(shape[1], shape[2])) < 2:
        size = "x".join(map(str, shape[1:]))
        raise UserError(f"model.name {name!r} cannot make {size} images: sides must be even, >= 8")
    return MODELS[name](shape, z_dim, width, depth, classes)
