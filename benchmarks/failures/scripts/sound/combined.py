"""One backward pass of the sum of both losses: D is frozen while it judges for G."""

import numpy as np
import torch
from torch import nn

from gansmith import open_data

torch.manual_seed(4)
bce = nn.BCEWithLogitsLoss()
G = nn.Sequential(
    nn.Unflatten(1, (16, 1, 1)),
    nn.ConvTranspose2d(16, 32, 7), nn.BatchNorm2d(32), nn.ReLU(),
    nn.ConvTranspose2d(32, 16, 4, 2, 1), nn.BatchNorm2d(16), nn.ReLU(),
    nn.ConvTranspose2d(16, 1, 4, 2, 1), nn.Tanh(),
)  # fmt: skip
D = nn.Sequential(
    nn.Conv2d(1, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 32, 4, 2, 1), nn.LeakyReLU(0.2),
    nn.Flatten(), nn.Linear(32 * 49, 1),
)  # fmt: skip
opt_d = torch.optim.AdamW(D.parameters(), lr=3e-4, betas=(0.5, 0.999))
opt_g = torch.optim.AdamW(G.parameters(), lr=3e-4, betas=(0.5, 0.999))
data = open_data("digits", limit=1000)
rng = np.random.default_rng(4)

for step in range(600):
    pixels, _ = data.batch(rng.integers(len(data), size=32))
    real = pixels.float() / 127.5 - 1
    fake = G(torch.randn(32, 16))
    out_real, out_fake = D(real), D(fake.detach())
    loss_d = bce(out_real, torch.ones_like(out_real)) + bce(out_fake, torch.zeros_like(out_fake))
    D.requires_grad_(False)
    out = D(fake)
    D.requires_grad_(True)
    loss = loss_d + bce(out, torch.ones_like(out))
    opt_d.zero_grad()
    opt_g.zero_grad()
    loss.backward()
    opt_d.step()
    opt_g.step()
    if step % 50 == 0:
        print(f"{step} {loss.item():.3f}")
