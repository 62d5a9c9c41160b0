"""The settings of the two nets."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from gansmith.config.section import Auto, Count, Section, Size


def _widths(value: Any) -> Any:
    """``128`` means one hidden layer, ``"128-256-512"`` three."""
    if isinstance(value, int):
        return (value,)
    if isinstance(value, str):
        if not re.fullmatch(r"\s*\d+(\s*-\s*\d+)*\s*", value):
            raise ValueError("expected widths of hidden layers, such as 128-256-512")
        return tuple(int(part) for part in value.split("-"))
    return value


Hidden = Annotated[
    Annotated[tuple[Size, ...], Field(min_length=1)] | None, BeforeValidator(_widths)
]


class NetConfig(Section):
    """What a family leaves open in one net; ``auto`` is the family's own choice."""

    activation: str = "auto"  # gansmith.models.ACTIVATIONS lists the names
    norm: str = "auto"  # gansmith.models.NORMS
    output: str = "auto"  # gansmith.models.OUTPUTS; the data's range follows that of G
    width: Size | None = None  # of this net; by default model.width
    hidden: Hidden = None  # widths of a perceptron's layers; by default model.depth times the width
    spectral: bool = False  # every weight divided by its largest singular value


class GeneratorConfig(NetConfig):
    """The generator."""

    residual: bool = False  # of a translator: what it makes is added to what it is given


class DiscriminatorConfig(NetConfig):
    """The discriminator, and what lets it see more than one sample."""

    minibatch_std: bool = False  # one more channel: how much the batch differs
    pac: Count = 1  # so many samples are judged together
    scales: Annotated[int, Field(ge=1, le=4)] = 1  # of patches: at half the size too ...


class ModelConfig(Section):
    """The two nets. `gansmith.models.MODELS` lists the names."""

    name: str = "resnet"
    width: Size | Auto = "auto"
    z_dim: Size = 64
    prior: Literal["normal", "uniform"] = "normal"  # of z: N(0, 1) or U(−1, 1)
    depth: Size | Auto = "auto"
    conditional: bool = False
    g: GeneratorConfig = GeneratorConfig()
    d: DiscriminatorConfig = DiscriminatorConfig()
