"""DCGAN (Radford, Metz and Chintala 2016): 4×4 strided convolutions with batch normalisation.

Kept for comparison and for the tutorials. Batch normalisation in D makes a sample's logit depend on
the rest of its batch, which exact gradient penalties assume it does not: prefer ``resnet``.
"""

from torch import Tensor, nn

from gansmith.models.conditioning import ClassEmbedding, Projection
from gansmith.models.layers import SLOPE, stage_sizes


def _initialise(net: nn.Module) -> None:
    """N(0, 0.02) weights, N(1, 0.02) gains: section 4 of the paper."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.02)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)


class DCGANGenerator(nn.Module):
    """z → dense base → transposed convolutions → tanh image of shape (C, H, W)."""

    def __init__(self, shape: tuple[int, ...], z_dim: int, width: int, classes: int) -> None:
        super().__init__()
        channels, height, wide = shape
        sizes = stage_sizes(height, wide)
        steps = len(sizes) - 1
        self.embed = ClassEmbedding(classes, z_dim)
        self.base = (width * 2 ** (steps - 1), *sizes[-1])
        self.dense = nn.Linear(
            self.embed.outputs, self.base[0] * self.base[1] * self.base[2], bias=False
        )
        layers: list[nn.Module] = [nn.BatchNorm2d(self.base[0]), nn.ReLU()]
        for step in range(steps - 1, 0, -1):
            before, after = width * 2**step, width * 2 ** (step - 1)
            layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)]
            layers += [nn.BatchNorm2d(after), nn.ReLU()]
        layers += [nn.ConvTranspose2d(width, channels, 4, 2, 1), nn.Tanh()]
        self.body = nn.Sequential(*layers)
        _initialise(self)

    def forward(self, z_BZ: Tensor, y_B: Tensor | None = None) -> Tensor:
        return self.body(self.dense(self.embed(z_BZ, y_B)).view(-1, *self.base))


class DCGANDiscriminator(nn.Module):
    """Image → logit, shape (B,)."""

    def __init__(self, shape: tuple[int, ...], width: int, classes: int) -> None:
        super().__init__()
        channels, height, wide = shape
        sizes = stage_sizes(height, wide)
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(SLOPE)]
        after = width
        for step in range(1, len(sizes) - 1):
            before, after = width * 2 ** (step - 1), width * 2**step
            layers += [nn.Conv2d(before, after, 4, 2, 1, bias=False)]
            layers += [nn.BatchNorm2d(after), nn.LeakyReLU(SLOPE)]
        self.body = nn.Sequential(*layers, nn.Flatten())
        self.head = Projection(classes, after * sizes[-1][0] * sizes[-1][1])
        _initialise(self)

    def forward(self, x_BCHW: Tensor, y_B: Tensor | None = None) -> Tensor:
        return self.head(self.body(x_BCHW), y_B)


def dcgan(
    shape: tuple[int, ...], z_dim: int, width: int, depth: int, classes: int = 0
) -> tuple[nn.Module, nn.Module]:
    """The pair; the number of layers follows from the resolution, so ``depth`` is not used."""
    del depth
    return DCGANGenerator(shape, z_dim, width, classes), DCGANDiscriminator(shape, width, classes)
