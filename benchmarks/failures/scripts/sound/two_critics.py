"""Two discriminators of different scales, each with an optimiser of its own."""

import itertools

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from gansmith import open_data

torch.manual_seed(8)


def patches(width=12):
    return nn.Sequential(
        nn.Conv2d(1, width, 4, 2, 1),
        nn.LeakyReLU(0.2, True),
        nn.Conv2d(width, 2 * width, 3, 1, 1),
        nn.InstanceNorm2d(2 * width),
        nn.LeakyReLU(0.2, True),
        nn.Conv2d(2 * width, 1, 3, 1, 1),
    )


class Coarse(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = patches()

    def forward(self, x):
        return self.body(F.avg_pool2d(x, 2))


G = nn.Sequential(
    nn.Linear(16, 32 * 49),
    nn.Unflatten(1, (32, 7, 7)),
    nn.BatchNorm2d(32),
    nn.ReLU(),
    nn.ConvTranspose2d(32, 16, 4, 2, 1),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.ConvTranspose2d(16, 1, 4, 2, 1),
    nn.Tanh(),
)
critics = [patches(), Coarse()]
opt_g = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
opts = [torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999)) for D in critics]
data, rng = open_data("digits", limit=1000), np.random.default_rng(8)

for i in itertools.count():
    real = data.batch(rng.integers(len(data), size=32))[0].float() / 127.5 - 1
    fake = G(torch.randn(32, 16))
    for D, opt in zip(critics, opts, strict=True):
        opt.zero_grad()
        d_real, d_fake = D(real), D(fake.detach())
        (((d_real - 1) ** 2).mean() + (d_fake**2).mean()).backward()
        opt.step()
    opt_g.zero_grad()
    sum(((D(fake) - 1) ** 2).mean() for D in critics).backward()
    opt_g.step()
    if i == 500:
        break
