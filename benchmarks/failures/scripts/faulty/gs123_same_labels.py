"""D is told 1 of real samples and of fakes."""

import numpy as np
import torch
from torch import nn

from gansmith import open_data


class LSGAN:
    """A trainer as a class, with least squares (Mao et al. 2017)."""

    def __init__(self, z_dim=16, lr=1e-3):
        self.z_dim = z_dim
        self.G = nn.Sequential(
            nn.Linear(z_dim, 128),
            nn.BatchNorm1d(128),
            nn.ReLU(),
            nn.Linear(128, 256),
            nn.BatchNorm1d(256),
            nn.ReLU(),
            nn.Linear(256, 784),
            nn.Tanh(),
        )
        self.D = nn.Sequential(
            nn.Linear(784, 256),
            nn.LeakyReLU(0.2),
            nn.Dropout(0.2),
            nn.Linear(256, 64),
            nn.LeakyReLU(0.2),
            nn.Linear(64, 1),
        )
        self.opt_G = torch.optim.Adam(self.G.parameters(), lr, betas=(0.5, 0.99))
        self.opt_D = torch.optim.Adam(self.D.parameters(), lr, betas=(0.5, 0.99))

    def noise(self, n):
        return torch.randn(n, self.z_dim)

    def train_step(self, x):
        d = self.train_discriminator(x)
        g = self.train_generator(len(x))
        return d, g

    def train_discriminator(self, x):
        fake = self.G(self.noise(len(x))).detach()
        loss = 0.5 * ((self.D(x) - 1) ** 2).mean() + 0.5 * ((self.D(fake) - 1) ** 2).mean()
        self.opt_D.zero_grad()
        loss.backward()
        self.opt_D.step()
        return loss.item()

    def train_generator(self, n):
        loss = 0.5 * ((self.D(self.G(self.noise(n))) - 1) ** 2).mean()
        self.opt_G.zero_grad()
        loss.backward()
        self.opt_G.step()
        return loss.item()


def main():
    torch.manual_seed(3)
    data = open_data("digits", limit=2000)
    rng = np.random.default_rng(3)
    trainer = LSGAN()
    for step in range(600):
        pixels, _ = data.batch(rng.integers(len(data), size=64))
        losses = trainer.train_step(pixels.float().flatten(1) / 127.5 - 1)
        if step % 100 == 0:
            print(step, losses)


if __name__ == "__main__":
    main()
