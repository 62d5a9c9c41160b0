"""In the style of a Lightning module with manual optimisation; no library but torch."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from gansmith import open_data


class Module(nn.Module):
    """The few things of such a library that this program needs."""

    def setup(self):
        self._optimizers = self.configure_optimizers()

    def optimizers(self):
        return self._optimizers

    def manual_backward(self, loss):
        loss.backward()

    def toggle_optimizer(self, optimizer):
        mine = {id(p) for group in optimizer.param_groups for p in group["params"]}
        for p in self.parameters():
            p.requires_grad_(id(p) in mine)

    def untoggle_optimizer(self):
        self.requires_grad_(True)


class GAN(Module):
    def __init__(self, latent_dim=32):
        super().__init__()
        self.latent_dim = latent_dim
        self.generator = nn.Sequential(
            nn.Linear(latent_dim, 128), nn.ReLU(), nn.Linear(128, 784), nn.Tanh()
        )
        self.discriminator = nn.Sequential(
            nn.Linear(784, 128), nn.LeakyReLU(0.2), nn.Linear(128, 1), nn.Sigmoid()
        )

    def forward(self, z):
        return self.generator(z)

    def training_step(self, imgs):
        optimizer_g, optimizer_d = self.optimizers()
        z = torch.randn(len(imgs), self.latent_dim)
        self.toggle_optimizer(optimizer_g)
        said = self.discriminator(self(z))
        g_loss = F.binary_cross_entropy(said, torch.ones_like(said))
        optimizer_g.zero_grad()
        self.manual_backward(g_loss)
        optimizer_g.step()
        self.untoggle_optimizer()
        self.toggle_optimizer(optimizer_d)
        real, fake = self.discriminator(imgs), self.discriminator(self(z).detach())
        d_loss = F.binary_cross_entropy(real, torch.ones_like(real))
        d_loss = (d_loss + F.binary_cross_entropy(fake, torch.zeros_like(fake))) / 2
        optimizer_d.zero_grad()
        self.manual_backward(d_loss)
        optimizer_d.step()
        self.untoggle_optimizer()

    def configure_optimizers(self):
        nets = (self.generator, self.discriminator)
        return [torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999)) for net in nets]


if __name__ == "__main__":
    torch.manual_seed(9)
    data, rng = open_data("digits", limit=2000), np.random.default_rng(9)
    model = GAN()
    model.setup()
    for _ in range(600):
        pixels, _ = data.batch(rng.integers(len(data), size=64))
        model.training_step(pixels.float().flatten(1) / 127.5 - 1)
