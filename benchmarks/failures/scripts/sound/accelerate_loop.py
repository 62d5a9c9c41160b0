"""Nets, optimisers and loader prepared by Accelerate."""

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from gansmith import open_data

torch.manual_seed(0)
Z, BATCH = 32, 64
accelerator = Accelerator(cpu=True)

G = nn.Sequential(
    nn.Linear(Z, 128), nn.ReLU(), nn.Linear(128, 256), nn.ReLU(), nn.Linear(256, 784), nn.Tanh()
)
D = nn.Sequential(
    nn.Linear(784, 256),
    nn.LeakyReLU(0.2),
    nn.Linear(256, 128),
    nn.LeakyReLU(0.2),
    nn.Linear(128, 1),
)
opt_g = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
opt_d = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))
pixels, _ = open_data("digits", limit=2000).batch(np.arange(2000))
loader = DataLoader(TensorDataset(pixels.float().flatten(1) / 127.5 - 1), BATCH, shuffle=True)
G, D, opt_g, opt_d, loader = accelerator.prepare(G, D, opt_g, opt_d, loader)

for epoch in range(20):
    for (real,) in loader:
        with accelerator.accumulate(D, G):
            fake = G(torch.randn(len(real), Z, device=accelerator.device))
            d_loss = (F.softplus(-D(real)) + F.softplus(D(fake.detach()))).mean()
            accelerator.backward(d_loss)
            opt_d.step()
            opt_d.zero_grad()

            g_loss = F.softplus(-D(fake)).mean()
            accelerator.backward(g_loss)
            opt_g.step()
            opt_g.zero_grad()
            opt_d.zero_grad()
    accelerator.print(f"epoch {epoch}: D {d_loss.item():.3f} G {g_loss.item():.3f}")
