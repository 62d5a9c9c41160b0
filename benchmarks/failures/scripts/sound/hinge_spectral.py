"""Hinge loss, a spectrally normalised D, and a residual block (Miyato et al. 2018)."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from gansmith import open_data


class Block(nn.Module):
    def __init__(self, before, after):
        super().__init__()
        self.a = spectral_norm(nn.Conv2d(before, after, 3, padding=1))
        self.b = spectral_norm(nn.Conv2d(after, after, 3, padding=1))
        self.skip = spectral_norm(nn.Conv2d(before, after, 1))

    def forward(self, x):
        h = self.b(F.relu(self.a(F.relu(x))))
        return F.avg_pool2d(h + self.skip(x), 2)


class Discriminator(nn.Module):
    def __init__(self, width=12):
        super().__init__()
        self.first = spectral_norm(nn.Conv2d(1, width, 3, padding=1))
        self.blocks = nn.ModuleList([Block(width, width), Block(width, 2 * width)])
        self.head = spectral_norm(nn.Linear(2 * width, 1))

    def forward(self, x):
        h = self.first(x)
        for block in self.blocks:
            h = block(h)
        return self.head(F.relu(h).sum((2, 3)))


class Generator(nn.Module):
    def __init__(self, z=32, width=24):
        super().__init__()
        self.width = width
        self.start = nn.Linear(z, width * 49)
        self.norms = nn.ModuleList([nn.BatchNorm2d(width), nn.BatchNorm2d(width // 2)])
        self.convs = nn.ModuleList(
            [nn.Conv2d(width, width // 2, 3, padding=1), nn.Conv2d(width // 2, 1, 3, padding=1)]
        )

    def forward(self, z):
        h = self.start(z).view(-1, self.width, 7, 7)
        for norm, conv in zip(self.norms, self.convs, strict=True):
            h = conv(F.interpolate(F.relu(norm(h)), scale_factor=2.0))
        return torch.tanh(h)


torch.manual_seed(0)
data, rng = open_data("digits", limit=1500), np.random.default_rng(0)
G, D = Generator(), Discriminator()
g_opt = torch.optim.Adam(G.parameters(), 2e-4, (0.0, 0.9))
d_opt = torch.optim.Adam(D.parameters(), 4e-4, (0.0, 0.9))
for _ in range(1000):
    x = data.batch(rng.integers(len(data), size=24))[0].float().div(127.5).sub(1)
    d_loss = F.relu(1 - D(x)).mean() + F.relu(1 + D(G(torch.randn(24, 32)).detach())).mean()
    D.zero_grad(set_to_none=True)
    d_loss.backward()
    d_opt.step()
    g_loss = -D(G(torch.randn(24, 32))).mean()
    G.zero_grad(set_to_none=True)
    g_loss.backward()
    g_opt.step()
