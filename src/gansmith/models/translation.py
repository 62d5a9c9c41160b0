"""Translation: a picture, and noise, to another picture of the same size.

`UNet` (Isola et al. 2017, section 3.2.1): halvings down to a few pixels and back, each size of the
decoder also reading what the encoder saw at that size, so that edges need not pass the middle.
`ResidualTranslator` (Johnson et al. 2016, section 3.1): two halvings, residual blocks at a quarter
of the size and back, with nothing to go around the middle: it may change shapes, and what it has
seen on its way can be told apart place by place (`Translating.encode`).

What both have of the house: sizes are halved by convolutions whose kernels are blurred, so that a
shift of the input by a pixel shifts the output (Zhang 2019, section 3.2), and grown bilinearly; no
normalisation, whose statistics would differ from tile to tile of a large picture. Noise enters
behind the middle, one number for each channel of each size of the decoder: what is encoded does not
depend on it. Nothing hangs on the size: sides that are no multiples of the stride are extended by
reflection, and cut again.

With `residual` either makes a residual image, to be added to its picture, at first next to nothing:
what is to stay as it is need not be learnt (Shen and Liu 2017, section 3, of edited faces).

Depth: residual blocks in the middle.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, pad

from gansmith.models.activations import ACTIVATIONS, OUTPUTS, range_of
from gansmith.models.blueprint import Blueprint, Style
from gansmith.models.conditioning import ClassEmbedding
from gansmith.models.critic import bias_before
from gansmith.models.layers import channels_last, he, stage_sizes
from gansmith.models.normalisation import nonlinear
from gansmith.models.resnet import ResidualBlock

MAX_WIDENING = 8  # channels grow with depth to at most this many times the width
SMALLEST = 4  # pixels: a U-net halves no further
HALVINGS = 2  # of a translator
NOISE = 0.25  # gain of the noise at the start: the picture is to be heard above it
CHANGE = 0.1  # gain of the last layer at the start, where it makes a residual image
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue: Rec. ITU-R BT.601, section 2.5.1
WIDE = 7  # pixels of a translator's first and last kernels (Johnson et al. 2016, supplement)
G_STYLE = D_STYLE = Style("leaky-relu", "none", "linear")


class BlurredDown(nn.Conv2d):
    """Half the size: a 3×3 convolution of the mean of every 2×2 pixels, in one of 4×4.

    Averages of 2×2 have nothing at half the sampling rate, where every second pixel would say
    something else (Zhang 2019; fused as in Karras et al. 2018, appendix A).
    """

    def __init__(self, before: int, after: int, bias: bool = True) -> None:
        super().__init__(before, after, 3, 2, 1, bias=bias)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        w = pad(self.weight, (1, 1, 1, 1))
        w = (w[..., 1:, 1:] + w[..., 1:, :-1] + w[..., :-1, 1:] + w[..., :-1, :-1]) / 4.0
        return conv2d(x_BCHW, w, self.bias, 2, 1)


def _act(style: Style, channels: int) -> nn.Sequential:
    return nn.Sequential(*nonlinear(style.norm, style.activation, channels))


def _grown(x_BCHW: Tensor) -> Tensor:
    return interpolate(x_BCHW, scale_factor=2, mode="bilinear")


def extended(x_BCHW: Tensor, stride: int) -> Tensor:
    """The picture with sides that are multiples of the stride: below and to the right of it comes
    its mirror image, or its last pixels where it is too small to have one."""
    below, right = (-side % stride for side in x_BCHW.shape[2:])
    if not below and not right:
        return x_BCHW
    mirror = below < x_BCHW.shape[2] and right < x_BCHW.shape[3]
    return pad(x_BCHW, (0, right, 0, below), "reflect" if mirror else "replicate")


def alike(x_BCHW: Tensor, channels: int) -> Tensor:
    """The picture with so many channels: grey becomes RGB of one value, RGB its luma.

    Luma is that of Rec. ITU-R BT.601, which files are read in grey by: what a net is shown here is
    what it would be shown of the same picture read in grey.
    """
    if x_BCHW.shape[1] == channels:
        return x_BCHW
    grey_B1HW = x_BCHW
    if x_BCHW.shape[1] not in (1, 3):  # of such channels nobody has a luma
        grey_B1HW = x_BCHW.mean(1, keepdim=True)
    elif x_BCHW.shape[1] == 3:
        # Filled where they are needed: a tensor of numbers of the host would be waited for.
        luma_3 = torch.stack([x_BCHW.new_full((), share) for share in LUMA])
        grey_B1HW = (x_BCHW * luma_3.view(1, 3, 1, 1)).sum(1, keepdim=True)
    return grey_B1HW.expand(-1, channels, -1, -1)


class Translating(nn.Module):
    """(z, y, given) → the other picture, in the range of the output, as large as the given one.

    ``given`` is (B, C_in, H, W) in that range; without it the picture is grey.

    Attributes:
        stride: sides that are multiples of it are taken as they are.
        channels: of each layer that `encode` knows, the picture itself first.
        telling: the layers that a contrast of places reads (Park et al. 2020, appendix B.2): the
            picture, the two next to last sizes and the middle, from shallow to deep.
    """

    stride: int
    channels: tuple[int, ...]
    telling: tuple[int, ...]

    def __init__(self, plan: Blueprint) -> None:
        super().__init__()
        self.size, self.span = plan.shape[1:], range_of(plan.g.output)
        self.inputs = plan.given or plan.shape[0]
        self.embed = ClassEmbedding(plan.classes, plan.z_dim)
        self.output, self.residual = OUTPUTS[plan.g.output].make(), plan.g.residual

    def last(self, before: int, plan: Blueprint, kernel: int) -> nn.Module:
        """The layer that makes the picture, or what is to be added to it."""
        gain = CHANGE if self.residual else ACTIVATIONS[plan.g.activation].gain
        return he(nn.Conv2d(before, plan.shape[0], kernel, padding=kernel // 2), gain)

    def noises(self, channels: Sequence[int]) -> nn.ModuleList:
        """One linear map of the noise for each size of a decoder."""
        return nn.ModuleList(he(nn.Linear(self.embed.outputs, c), NOISE) for c in channels)

    def forward(
        self, z_BZ: Tensor, y_B: Tensor | None = None, given: Tensor | None = None
    ) -> Tensor:
        if given is None:
            grey = (self.span[0] + self.span[1]) / 2.0
            given = z_BZ.new_full((len(z_BZ), self.inputs, *self.size), grey)
        height, width = given.shape[2:]
        x = channels_last(extended(given, self.stride))
        made = self.painted(x, self.embed(z_BZ, y_B))[:, :, :height, :width]
        return self.output(alike(given, made.shape[1]) + made if self.residual else made)

    def encode(self, given: Tensor, layers: Sequence[int]) -> list[Tensor]:
        """What the encoder sees of pictures (B, C_in, H, W): (B, channels[layer], h, w) of each.

        Layer 0 is the picture itself. No deeper than is asked for, and no noise.
        """
        seen = self.seen(channels_last(extended(given, self.stride)), max(layers))
        return [seen[layer] for layer in layers]

    def seen(self, x_BCHW: Tensor, last: int) -> list[Tensor]:
        """The encoder's layers up to the last one asked for."""
        raise NotImplementedError

    def painted(self, x_BCHW: Tensor, w_BZ: Tensor) -> Tensor:
        """What the last layer makes of pictures whose sides fit."""
        raise NotImplementedError


class UNet(Translating):
    """Halvings to the middle; back by (1×1, bilinear ×2, with the encoder's view of that size 3×3).

    The widths of Isola et al. 2017, appendix 6.1, are 64 to 512; here 1 to 8 times the width.
    """

    def __init__(self, plan: Blueprint) -> None:
        super().__init__(plan)
        style, gain = plan.g, ACTIVATIONS[plan.g.activation].gain
        bias = bias_before(style.norm)
        halvings = len(stage_sizes(plan.shape[1], plan.shape[2], SMALLEST)) - 1
        wide = [plan.width * min(2**k, MAX_WIDENING) for k in range(halvings + 1)]
        before = [self.inputs, *wide[1:]]
        self.stride = 2**halvings
        self.down = nn.ModuleList(
            nn.Sequential(
                he(BlurredDown(one, other, bias), gain if k else 1.0), *_act(style, other)
            )
            for k, (one, other) in enumerate(pairwise(before))
        )
        blocks = [ResidualBlock(wide[-1], style) for _ in range(plan.depth)]
        self.middle = nn.ModuleList(blocks)
        back = list(reversed(wide))
        self.noise = self.noises(back)
        self.narrow = nn.ModuleList(
            he(nn.Conv2d(one, other, 1), gain=1.0) for one, other in pairwise(back)
        )
        skips = list(reversed(before[:-1]))
        self.join = nn.ModuleList(
            he(nn.Conv2d(c + skip, c, 3, padding=1, bias=bias), gain=1.0)
            for c, skip in zip(back[1:], skips, strict=True)
        )
        self.act = nn.ModuleList(_act(style, c) for c in back[1:])
        self.out = self.last(wide[0], plan, 3)
        self.channels = (*before, *(wide[-1] for _ in blocks))
        self.telling = tuple(sorted({0, 1, min(2, halvings), halvings, len(self.channels) - 1}))

    def seen(self, x_BCHW: Tensor, last: int) -> list[Tensor]:
        found = [x_BCHW]
        for layer in [*self.down, *self.middle][:last]:
            found.append(layer(found[-1]))
        return found

    def painted(self, x_BCHW: Tensor, w_BZ: Tensor) -> Tensor:
        found = self.seen(x_BCHW, len(self.channels) - 1)
        skips = found[: len(self.down)][::-1]
        x = found[-1] + self.noise[0](w_BZ)[:, :, None, None]
        for k, skip in enumerate(skips):
            x = _grown(self.narrow[k](x)) + self.noise[k + 1](w_BZ)[:, :, None, None]
            x = self.act[k](self.join[k](torch.cat([x, skip], dim=1)))
        return self.out(x)


class ResidualTranslator(Translating):
    """7×7 → two halvings → residual blocks → (1×1, bilinear ×2, 3×3) twice → 7×7."""

    def __init__(self, plan: Blueprint) -> None:
        super().__init__(plan)
        style, gain = plan.g, ACTIVATIONS[plan.g.activation].gain
        bias = bias_before(style.norm)
        wide = [plan.width * 2**k for k in range(HALVINGS + 1)]
        self.stride = 2**HALVINGS
        stem = nn.Conv2d(self.inputs, wide[0], WIDE, padding=WIDE // 2, bias=bias)
        stages: list[nn.Module] = [nn.Sequential(he(stem, gain=1.0), *_act(style, wide[0]))]
        for one, other in pairwise(wide):
            down = he(BlurredDown(one, other, bias), gain)
            stages.append(nn.Sequential(down, *_act(style, other)))
        stages += [ResidualBlock(wide[-1], style) for _ in range(plan.depth)]
        self.stages = nn.ModuleList(stages)
        back = list(reversed(wide))
        self.noise = self.noises(back)
        self.narrow = nn.ModuleList(
            he(nn.Conv2d(one, other, 1), gain=1.0) for one, other in pairwise(back)
        )
        self.smooth = nn.ModuleList(
            he(nn.Conv2d(c, c, 3, padding=1, bias=bias), gain=1.0) for c in back[1:]
        )
        self.act = nn.ModuleList(_act(style, c) for c in back[1:])
        self.out = self.last(wide[0], plan, WIDE)
        self.channels = (self.inputs, *wide, *(wide[-1] for _ in range(plan.depth)))
        middle = 1 + HALVINGS  # the last layer before the blocks
        self.telling = tuple(sorted({0, 2, middle, middle + 1, middle + (plan.depth + 1) // 2}))

    def seen(self, x_BCHW: Tensor, last: int) -> list[Tensor]:
        found = [x_BCHW]
        for stage in self.stages[:last]:
            found.append(stage(found[-1]))
        return found

    def painted(self, x_BCHW: Tensor, w_BZ: Tensor) -> Tensor:
        x = self.seen(x_BCHW, len(self.stages))[-1] + self.noise[0](w_BZ)[:, :, None, None]
        for k, (narrow, smooth, act) in enumerate(
            zip(self.narrow, self.smooth, self.act, strict=True)
        ):
            x = _grown(narrow(x)) + self.noise[k + 1](w_BZ)[:, :, None, None]
            x = act(smooth(x))
        return self.out(x)
