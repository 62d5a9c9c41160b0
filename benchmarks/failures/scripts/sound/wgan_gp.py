"""WGAN-GP on digits: a penalty on the critic's gradient between the samples (Gulrajani 2017)."""

import numpy as np
import torch
from torch import autograd, nn

from gansmith import open_data

LAMBDA, N_CRITIC, BATCH, LATENT = 10, 3, 32, 24
torch.manual_seed(2)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(LATENT, 128), nn.LeakyReLU(0.2), nn.Linear(128, 784), nn.Tanh()
        )

    def forward(self, z):
        return self.net(z).view(-1, 1, 28, 28)


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Flatten(), nn.Linear(784, 128), nn.Softplus(), nn.Linear(128, 64), nn.Softplus()
        )
        self.last = nn.Linear(64, 1)

    def forward(self, x):
        return self.last(self.net(x))


def gradient_penalty(critic, real, fake):
    alpha = torch.rand(len(real), 1, 1, 1)
    between = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
    said = critic(between)
    (slope,) = autograd.grad(said, between, torch.ones_like(said), create_graph=True)
    return LAMBDA * ((slope.flatten(1).norm(2, dim=1) - 1) ** 2).mean()


def main():
    data = open_data("digits", limit=2000)
    rng = np.random.default_rng(2)
    generator, critic = Generator(), Critic()
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=1e-4, betas=(0.0, 0.9))
    optimizer_c = torch.optim.Adam(critic.parameters(), lr=1e-4, betas=(0.0, 0.9))
    for i in range(2000):
        pixels, _ = data.batch(rng.integers(len(data), size=BATCH))
        real = pixels.float() / 127.5 - 1
        optimizer_c.zero_grad()
        fake = generator(torch.randn(BATCH, LATENT))
        penalty = gradient_penalty(critic, real.data, fake.data)
        loss_c = -critic(real).mean() + critic(fake.detach()).mean() + penalty
        loss_c.backward()
        optimizer_c.step()
        optimizer_g.zero_grad()
        if i % N_CRITIC == 0:
            loss_g = -critic(generator(torch.randn(BATCH, LATENT))).mean()
            loss_g.backward()
            optimizer_g.step()
            print(i, loss_c.item(), loss_g.item())


if __name__ == "__main__":
    main()
