"""Softplus losses, R1 on real samples every step, and an average of G's weights beside it."""

import copy

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from gansmith import open_data

torch.manual_seed(10)
device = "cuda" if torch.cuda.is_available() else "cpu"
GAMMA, BATCH = 1.0, 32
netG = nn.Sequential(
    nn.Linear(32, 256), nn.LeakyReLU(0.2), nn.Linear(256, 256), nn.LeakyReLU(0.2),
    nn.Linear(256, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28)),
).to(device)  # fmt: skip
netD = nn.Sequential(
    nn.Conv2d(1, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 32, 4, 2, 1), nn.LeakyReLU(0.2),
    nn.Flatten(), nn.Linear(32 * 49, 1),
).to(device)  # fmt: skip
netE = copy.deepcopy(netG).eval()
optG = torch.optim.Adam(netG.parameters(), lr=1e-3, betas=(0.0, 0.99))
optD = torch.optim.Adam(netD.parameters(), lr=1e-3, betas=(0.0, 0.99))
data, rng = open_data("digits", limit=2000), np.random.default_rng(10)
fixed = torch.randn(16, 32, device=device)

for step in range(600):
    real = data.batch(rng.integers(len(data), size=BATCH))[0].to(device).float() / 127.5 - 1
    real.requires_grad_(True)
    netD.requires_grad_(True)
    said = netD(real)
    (slope,) = torch.autograd.grad(said.sum(), real, create_graph=True)
    penalty = slope.square().sum((1, 2, 3)).mean() * GAMMA / 2
    with torch.no_grad():
        fake = netG(torch.randn(BATCH, 32, device=device))
    loss = F.softplus(-said).mean() + F.softplus(netD(fake)).mean() + penalty
    optD.zero_grad(set_to_none=True)
    loss.backward()
    optD.step()

    netD.requires_grad_(False)
    loss = F.softplus(-netD(netG(torch.randn(BATCH, 32, device=device)))).mean()
    optG.zero_grad(set_to_none=True)
    loss.backward()
    optG.step()
    with torch.no_grad():
        for average, now in zip(netE.parameters(), netG.parameters(), strict=True):
            average.lerp_(now, 0.01)
        if step % 100 == 0:
            print(step, netE(fixed).mean().item(), penalty.item())
