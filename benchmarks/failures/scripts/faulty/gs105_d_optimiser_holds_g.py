"""D's optimiser holds G's weights as well, and the fakes are not detached."""

import numpy as np
import torch
from torch import nn

from gansmith import open_data

torch.manual_seed(0)
Z, BATCH, EPOCHS = 32, 64, 20
digits = open_data("digits", limit=2000)

generator = nn.Sequential(
    nn.Linear(Z, 128), nn.ReLU(), nn.Linear(128, 256), nn.ReLU(), nn.Linear(256, 784), nn.Tanh()
)
discriminator = nn.Sequential(
    nn.Linear(784, 256),
    nn.LeakyReLU(0.2),
    nn.Linear(256, 128),
    nn.LeakyReLU(0.2),
    nn.Linear(128, 1),
)
criterion = nn.BCEWithLogitsLoss()
optimizer_g = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
everything = [*discriminator.parameters(), *generator.parameters()]
optimizer_d = torch.optim.Adam(everything, lr=2e-4, betas=(0.5, 0.999))
ones, zeros = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)

for epoch in range(EPOCHS):
    order = np.random.default_rng(epoch).permutation(len(digits))
    for start in range(0, len(digits) - BATCH, BATCH):
        pixels, _ = digits.batch(order[start : start + BATCH])
        real = pixels.float().flatten(1) / 127.5 - 1

        # the discriminator
        optimizer_d.zero_grad()
        fake = generator(torch.randn(BATCH, Z))
        d_loss = criterion(discriminator(real), ones) + criterion(discriminator(fake), zeros)
        d_loss.backward()
        optimizer_d.step()

        # the generator
        optimizer_g.zero_grad()
        g_loss = criterion(discriminator(generator(torch.randn(BATCH, Z))), ones)
        g_loss.backward()
        optimizer_g.step()
    print(f"epoch {epoch}: D {d_loss.item():.3f} G {g_loss.item():.3f}")
