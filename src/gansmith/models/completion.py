"""Completion: a picture with a hole, and noise, to the picture with the hole filled.

G's encoder is of gated convolutions (Yu et al. 2019, section 3.1), which learn where the hole is.
At a quarter of the size stand residual blocks with fast Fourier convolutions (Suvorov et al. 2022,
section 2.1; Chi et al. 2020), in which every place sees all of the picture, however large it is.
The decoder sees the encoder's half size and the picture itself. Nothing hangs on the size: sides
are multiples of `STRIDE`.

D is a patch critic (`gansmith.models.patches`).

Depth: residual blocks at a quarter of the size.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from gansmith.models.activations import ACTIVATIONS, OUTPUTS, range_of
from gansmith.models.blueprint import Blueprint, Style
from gansmith.models.conditioning import ClassEmbedding
from gansmith.models.critic import bias_before
from gansmith.models.layers import channels_last, he
from gansmith.models.normalisation import nonlinear

STRIDE = 4  # what sides are multiples of
GATE_GAIN = ACTIVATIONS["sigmoid"].gain
G_STYLE = D_STYLE = Style("leaky-relu", "none", "linear")


def given_of(x_BCHW: Tensor, hole_B1HW: Tensor, span: tuple[float, float] = (-1.0, 1.0)) -> Tensor:
    """What G is given of a picture: (B, C+1, H, W), the hole grey and behind it the hole itself.

    Args:
        x_BCHW: pictures in the range ``span``; what is in the hole plays no part.
        hole_B1HW: boolean, True in the hole.
        span: black and white.
    """
    grey = (span[0] + span[1]) / 2.0
    return torch.cat([x_BCHW.masked_fill(hole_B1HW, grey), hole_B1HW.to(x_BCHW.dtype)], dim=1)


def completed(made_BCHW: Tensor, given: Tensor) -> Tensor:
    """What was made in the hole, and the given picture elsewhere, to the bit."""
    return torch.where(given[:, -1:] > 0.5, made_BCHW, given[:, :-1])


class Gated(nn.Module):
    """f(W_f * x) ⊙ σ(W_g * x), half the size: Yu et al. 2019, equation (3), in one convolution."""

    def __init__(self, before: int, after: int, style: Style, gain: float) -> None:
        super().__init__()
        self.both = he(nn.Conv2d(before, 2 * after, 4, 2, 1), gain)
        self.shape = nn.Sequential(*nonlinear(style.norm, style.activation, after))
        self.gate = nn.Sigmoid()

    def forward(self, x_BCHW: Tensor) -> Tensor:
        shaped, gate = self.both(x_BCHW).chunk(2, dim=1)
        return self.shape(shaped) * self.gate(gate)


class Spectral(nn.Module):
    """F⁻¹(f(W · F(x))): a 1×1 convolution of the real and imaginary parts of all frequencies.

    Chi et al. 2020, section 3.3, without its second branch of quarters. In float32, since half
    precision knows no transform of every size.
    """

    def __init__(self, channels: int, style: Style) -> None:
        super().__init__()
        self.mix = he(nn.Conv2d(2 * channels, 2 * channels, 1), gain=1.0)
        self.act = ACTIVATIONS[style.activation].make()

    def forward(self, x_BCHW: Tensor) -> Tensor:
        waves = torch.fft.rfft2(x_BCHW.float(), norm="ortho")
        parts = self.act(self.mix(torch.cat([waves.real, waves.imag], dim=1))).float()
        real, imaginary = parts.chunk(2, dim=1)
        size = (x_BCHW.shape[2], x_BCHW.shape[3])
        found = torch.fft.irfft2(torch.complex(real, imaginary), s=size, norm="ortho")
        return found.to(x_BCHW.dtype)


class FourierBlock(nn.Module):
    """x + W·f(local + global): a 3×3 convolution beside the spectral transform.

    Suvorov et al. 2022, figure 2, with one sum where the paper keeps two streams apart. The last
    weight starts at zero, so that a fresh block hands its input on; not with spectral norm.
    """

    def __init__(self, channels: int, style: Style) -> None:
        super().__init__()
        gain, half = ACTIVATIONS[style.activation].gain, max(1, channels // 2)
        bias = bias_before(style.norm)
        self.first = nn.Sequential(*nonlinear(style.norm, style.activation, channels))
        self.local = he(nn.Conv2d(channels, channels, 3, padding=1, bias=bias), gain)
        self.narrow = he(nn.Conv2d(channels, half, 1), gain)
        self.spectral = Spectral(half, style)
        self.widen = he(nn.Conv2d(half, channels, 1, bias=bias), gain)
        self.second = nn.Sequential(*nonlinear(style.norm, style.activation, channels))
        self.last = he(
            nn.Conv2d(channels, channels, 3, padding=1), gain=gain if style.spectral else 0.0
        )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        h = self.first(x_BCHW)
        everywhere = self.widen(self.spectral(self.narrow(h)))
        return x_BCHW + self.last(self.second(self.local(h) + everywhere))


class CompletionGenerator(nn.Module):
    """(z, y, given) → the picture with its hole filled, in the range of the output.

    ``given`` is `given_of` a picture; without one, all of the picture is the hole.
    """

    stride = STRIDE

    def __init__(self, plan: Blueprint) -> None:
        super().__init__()
        style, width, channels = plan.g, plan.width, plan.shape[0]
        act, bias = ACTIVATIONS[style.activation].gain, bias_before(style.norm)
        self.shape, self.span = plan.shape, range_of(style.output)
        self.embed = ClassEmbedding(plan.classes, plan.z_dim)
        gated = act * GATE_GAIN
        self.down = nn.ModuleList(
            (
                Gated(channels + 1, 2 * width, style, gain=1.0),
                Gated(2 * width, 4 * width, style, gain=gated),
            )
        )
        self.noise = nn.ModuleList(
            he(nn.Linear(self.embed.outputs, width * k), gain=1.0) for k in (4, 2, 1)
        )
        self.blocks = nn.Sequential(*[FourierBlock(4 * width, style) for _ in range(plan.depth)])
        skips = (2 * width, channels + 1)  # what the encoder saw at half and at full size
        self.narrow = nn.ModuleList(
            he(nn.Conv2d(width * 2 * k, width * k, 1), gain) for k, gain in ((2, 1.0), (1, act))
        )
        self.up = nn.ModuleList(
            he(nn.Conv2d(width * k + skip, width * k, 3, padding=1, bias=bias), gain=1.0)
            for k, skip in zip((2, 1), skips, strict=True)
        )
        self.act = nn.ModuleList(
            nn.Sequential(*nonlinear(style.norm, style.activation, width * k)) for k in (2, 1)
        )
        self.out = he(nn.Conv2d(width, channels, 3, padding=1), gain=act)
        self.output = OUTPUTS[style.output].make()

    def forward(
        self,
        z_BZ: Tensor,
        y_B: Tensor | None = None,
        given: Tensor | None = None,
        whole: bool = False,
    ) -> Tensor:
        """Args:
        given: (B, C+1, H, W), see `given_of`.
        whole: what the net makes of all of the picture, known pixels too.
        """
        if given is None:
            given = self._nothing(z_BZ)
        w_BZ = self.embed(z_BZ, y_B)
        full = channels_last(given)
        half = self.down[0](full)
        x = self.blocks(self.down[1](half) + self._drawn(0, w_BZ))
        for step, skip in enumerate((half, full)):
            grown = interpolate(self.narrow[step](x), scale_factor=2, mode="bilinear")
            grown = grown + self._drawn(step + 1, w_BZ)
            x = self.act[step](self.up[step](torch.cat([grown, skip], dim=1)))
        made = self.output(self.out(x))
        return made if whole else completed(made, given)

    def _drawn(self, step: int, w_BZ: Tensor) -> Tensor:
        """The noise as one more number for every channel, at all places alike."""
        return self.noise[step](w_BZ)[:, :, None, None]

    def _nothing(self, z_BZ: Tensor) -> Tensor:
        """A picture of which nothing is known."""
        size = (len(z_BZ), self.shape[0], *self.shape[1:])
        hole = torch.ones(len(z_BZ), 1, *self.shape[1:], dtype=torch.bool, device=z_BZ.device)
        return given_of(torch.zeros(size, device=z_BZ.device, dtype=z_BZ.dtype), hole, self.span)
