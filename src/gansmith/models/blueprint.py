"""What a family needs to know to build its two nets, and nothing else."""

from dataclasses import dataclass

AUTO = "auto"


@dataclass(frozen=True)
class Style:
    """What a family leaves open in one net; `gansmith.models.registry.settle` replaces ``auto``."""

    activation: str = AUTO  # a name in ACTIVATIONS
    norm: str = AUTO  # a name in NORMS
    output: str = AUTO  # a name in OUTPUTS
    width: int = 0  # of this net; 0: that of the pair
    hidden: tuple[int, ...] = ()  # widths of a perceptron's layers; empty: depth times the width
    spectral: bool = False  # every weight divided by its largest singular value
    minibatch_std: bool = False  # of D: one more channel, how much the batch differs
    pac: int = 1  # of D: so many samples are judged together
    scales: int = 1  # of a D that judges patches: at so many sizes
    residual: bool = False  # of a G that translates: it makes what is added to its picture


@dataclass(frozen=True)
class Blueprint:
    """A pair of nets. Both styles are settled: no ``auto`` in them."""

    shape: tuple[int, ...]  # (C, H, W) of images, (2,) of points
    z_dim: int
    width: int
    depth: int
    classes: int  # 0: unconditional
    g: Style
    d: Style
    given: int = 0  # channels of the picture that G is given; 0: as many as it makes
    pairs: bool = False  # D sees that picture too, in front of the other

    def widths(self, style: Style) -> tuple[int, ...]:
        """Of the hidden layers of a perceptron."""
        return style.hidden or (self.width,) * self.depth
