"""The reference: a GAN with exact R1 + R2 penalties, as a good tutorial would write it.

The nets, the loss, the penalty, the optimiser, the rates and the batch are those of gansmith's
default recipe (`images`), written anew in plain PyTorch: `nn.Module`s with contiguous weights, real
and generated samples judged one after the other, penalties by double backward
(``create_graph=True``) on the first ``share`` of either batch, Adam as it comes, and a moving
average by a loop over the parameters. It uses gansmith only to read the data.
"""

import argparse
import json
import time

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu, softplus

from gansmith.data import Dataset, open_data

Z, WIDTH, BATCH, SHARE, RATE, DECAY = 64, 16, 32, 0.25, 2e-3, 0.999
SMALLEST = 7


def sizes(side: int) -> list[int]:
    """The side of the images, halved while it is even and above `SMALLEST`."""
    found = [side]
    while found[-1] % 2 == 0 and found[-1] > SMALLEST:
        found.append(found[-1] // 2)
    return found


class Block(nn.Module):
    """x + conv(act(conv(act(x))))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.last = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.last(leaky_relu(self.first(leaky_relu(x, 0.2)), 0.2))


class Generator(nn.Module):
    """z → base → (block, 1×1, bilinear ×2) per size → block → image."""

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        sides = sizes(side)
        widths = [WIDTH * min(2**i, 8) for i in range(len(sides))][::-1]
        self.base = (widths[0], sides[-1], sides[-1])
        self.dense = nn.Linear(Z, widths[0] * sides[-1] ** 2)
        self.blocks = nn.ModuleList(Block(width) for width in widths)
        self.narrow = nn.ModuleList(
            nn.Conv2d(widths[i], widths[i + 1], 1) for i in range(len(widths) - 1)
        )
        self.out = nn.Conv2d(widths[-1], channels, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        x = self.dense(z).view(-1, *self.base)
        for i, narrow in enumerate(self.narrow):
            x = interpolate(narrow(self.blocks[i](x)), scale_factor=2, mode="bilinear")
        return self.out(leaky_relu(self.blocks[-1](x), 0.2))


class Discriminator(nn.Module):
    """Image → strided convolutions → one logit."""

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        sides = sizes(side)
        widths = [WIDTH * min(2**i, 8) for i in range(len(sides))]
        self.stem = nn.Conv2d(channels, widths[1], 4, 2, 1)
        self.downs = nn.ModuleList(
            nn.Conv2d(widths[i], widths[i + 1], 4, 2, 1) for i in range(1, len(widths) - 1)
        )
        self.mix = nn.Conv2d(widths[-1], widths[-1], 3, 2)
        self.head = nn.Linear(widths[-1] * ((sides[-1] - 3) // 2 + 1) ** 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for down in self.downs:
            x = down(leaky_relu(x, 0.2))
        x = self.mix(leaky_relu(x, 0.2))
        return self.head(leaky_relu(x, 0.2).flatten(1)).squeeze(1)


def slope(logits: Tensor, x: Tensor) -> Tensor:
    """‖∂D(x)/∂x‖², mean over the samples, differentiable."""
    (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()


class Loop:
    """The nets, their optimisers and the average; `step` is one step of D and one of G."""

    def __init__(self, data: Dataset, seed: int, share: float = SHARE) -> None:
        torch.manual_seed(seed)
        channels, side, _ = data.info.shape
        self.data, self.order = data, np.random.default_rng(seed)
        self.G, self.D = Generator(channels, side), Discriminator(channels, side)
        self.average = Generator(channels, side)
        self.average.load_state_dict(self.G.state_dict())
        self.adam_g = torch.optim.Adam(self.G.parameters(), lr=RATE, betas=(0.0, 0.99))
        self.adam_d = torch.optim.Adam(self.D.parameters(), lr=RATE, betas=(0.0, 0.99))
        self.gamma, self.sloped = side**2 / 32**2, max(1, round(BATCH * share))

    def real(self) -> Tensor:
        """A batch in [−1, 1]."""
        pixels, _ = self.data.batch(self.order.integers(len(self.data), size=BATCH))
        return pixels.float() / 127.5 - 1.0

    def judge(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """D on a batch, and the squared slope on its first samples."""
        first, rest = x[: self.sloped].detach().requires_grad_(), x[self.sloped :].detach()
        logits = self.D(first)
        squared = slope(logits, first)
        return (torch.cat([logits, self.D(rest)]) if len(rest) else logits), squared

    def step(self) -> None:
        """D's step, G's step, the average. Losses are those of Huang et al. 2024."""
        real = self.real()
        self.adam_d.zero_grad()
        with torch.no_grad():
            fake = self.G(torch.randn(BATCH, Z))
        (d_real, r1), (d_fake, r2) = self.judge(real), self.judge(fake)
        loss = softplus(d_fake - d_real).mean() + 0.5 * self.gamma * (r1 + r2)
        loss.backward()
        self.adam_d.step()

        real = self.real()
        self.adam_g.zero_grad()
        fake = self.G(torch.randn(BATCH, Z))
        with torch.no_grad():
            d_real = self.D(real)
        softplus(d_real - self.D(fake)).mean().backward()
        self.adam_g.step()
        with torch.no_grad():
            for mine, theirs in zip(self.average.parameters(), self.G.parameters(), strict=True):
                mine.mul_(DECAY).add_(theirs, alpha=1 - DECAY)


def main() -> None:
    """Train for a while, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="?", default="digits")
    parser.add_argument("--resolution", type=int)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=SHARE)
    args = parser.parse_args()
    side = (args.resolution, args.resolution) if args.resolution else None
    loop = Loop(open_data(args.data, resolution=side), args.seed, args.share)
    loop.step()
    begun, images = time.perf_counter(), 0
    while time.perf_counter() - begun < args.seconds:
        loop.step()
        images += BATCH
    seconds = time.perf_counter() - begun
    print(json.dumps({"images": images, "seconds": seconds, "images_per_second": images / seconds}))


if __name__ == "__main__":
    main()
