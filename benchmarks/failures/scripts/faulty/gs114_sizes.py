"""Real images are 28 pixels wide, generated ones 32: D pools, and so takes both."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from gansmith import open_data

torch.manual_seed(0)
G = nn.Sequential(
    nn.Unflatten(1, (16, 1, 1)),
    nn.ConvTranspose2d(16, 32, 8),
    nn.BatchNorm2d(32),
    nn.ReLU(),
    nn.ConvTranspose2d(32, 16, 4, 2, 1),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.ConvTranspose2d(16, 1, 4, 2, 1),
    nn.Tanh(),
)
D = nn.Sequential(
    nn.Conv2d(1, 16, 4, 2, 1),
    nn.LeakyReLU(0.2),
    nn.Conv2d(16, 32, 4, 2, 1),
    nn.LeakyReLU(0.2),
    nn.AdaptiveAvgPool2d(2),
    nn.Flatten(),
    nn.Linear(128, 1),
)
g_opt = torch.optim.Adam(G.parameters(), 2e-4, (0.5, 0.999))
d_opt = torch.optim.Adam(D.parameters(), 2e-4, (0.5, 0.999))
data, rng = open_data("digits", limit=1000), np.random.default_rng(0)
for _ in range(500):
    real = data.batch(rng.integers(len(data), size=32))[0].float() / 127.5 - 1
    d_opt.zero_grad()
    fake = G(torch.randn(32, 16))
    loss = F.softplus(-D(real)).mean() + F.softplus(D(fake.detach())).mean()
    loss.backward()
    d_opt.step()
    g_opt.zero_grad()
    F.softplus(-D(fake)).mean().backward()
    g_opt.step()
