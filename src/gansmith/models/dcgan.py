"""DCGAN (Radford, Metz and Chintala 2016): 4×4 strided convolutions with batch normalisation.

Kept for comparison and for the tutorials. Batch normalisation in D makes a sample's logit depend on
the rest of its batch, which exact gradient penalties assume it does not: prefer ``resnet``, or take
another normalisation. The number of layers follows from the resolution, so the depth is not used.
"""

from torch import Tensor, nn

from gansmith.models.activations import ACTIVATIONS, OUTPUTS
from gansmith.models.blueprint import Blueprint, Style
from gansmith.models.conditioning import ClassEmbedding
from gansmith.models.critic import Critic, MinibatchStd, bias_before, packed
from gansmith.models.layers import he, stage_sizes
from gansmith.models.normalisation import nonlinear

G_STYLE = Style("relu", "batch", "tanh")
D_STYLE = Style("leaky-relu", "batch", "linear")


def _initialise(net: nn.Module, style: Style) -> None:
    """N(0, 0.02) weights, N(1, 0.02) gains: section 4 of the paper.

    Without normalisation these weights would let the signal die out: then they are drawn to keep
    its variance, with a gain of 1 at either end.
    """
    if style.norm == "none":
        kinds = nn.Conv2d | nn.ConvTranspose2d | nn.Linear
        weighted = [each for each in net.modules() if isinstance(each, kinds)]
        for place, layer in enumerate(weighted):
            ends = place in (0, len(weighted) - 1)
            he(layer, 1.0 if ends else ACTIVATIONS[style.activation].gain)
        return
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.02)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)


class DCGANGenerator(nn.Module):
    """z → dense base → transposed convolutions → image of shape (C, H, W).

    At 32 px with a width of 64: 4×4×256, then 128 channels at 8×8, 64 at 16×16, and the image.
    """

    def __init__(self, plan: Blueprint) -> None:
        super().__init__()
        style, width = plan.g, plan.width
        channels, height, wide = plan.shape
        sizes = stage_sizes(height, wide)
        steps = len(sizes) - 1
        bias = bias_before(style.norm)
        self.embed = ClassEmbedding(plan.classes, plan.z_dim)
        self.base = (width * 2 ** (steps - 1), *sizes[-1])
        self.dense = nn.Linear(
            self.embed.outputs, self.base[0] * self.base[1] * self.base[2], bias=bias
        )
        layers = nonlinear(style.norm, style.activation, self.base[0])
        for step in range(steps - 1, 0, -1):
            before, after = width * 2**step, width * 2 ** (step - 1)
            layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=bias)]
            layers += nonlinear(style.norm, style.activation, after)
        layers += [nn.ConvTranspose2d(width, channels, 4, 2, 1)]
        self.body = nn.Sequential(*layers)
        self.output = OUTPUTS[style.output].make()
        _initialise(self, style)

    def forward(self, z_BZ: Tensor, y_B: Tensor | None = None) -> Tensor:
        return self.output(self.body(self.dense(self.embed(z_BZ, y_B)).view(-1, *self.base)))


class DCGANCritic(Critic):
    """Image → logit; its first layer is not normalised (section 3 of the paper)."""

    def __init__(self, plan: Blueprint, outputs: int) -> None:
        super().__init__(plan)
        style, width = plan.d, plan.width
        channels, height, wide = plan.shape
        sizes = stage_sizes(height, wide)
        layers: list[nn.Module] = []
        before = channels * style.pac
        for step in range(len(sizes) - 1):
            after, norm = width * 2**step, style.norm if step else "none"
            if style.minibatch_std and step == len(sizes) - 2:
                layers, before = [*layers, MinibatchStd()], before + 1
            layers += [nn.Conv2d(before, after, 4, 2, 1, bias=bias_before(norm))]
            layers += nonlinear(norm, style.activation, after)
            before = after
        self.body = nn.Sequential(*layers, nn.Flatten())
        self.finish(plan, before * sizes[-1][0] * sizes[-1][1], outputs)
        _initialise(self, style)

    def features(self, x_BCHW: Tensor, y_B: Tensor | None = None) -> Tensor:
        del y_B
        return self.body(packed(x_BCHW, self.pac))
