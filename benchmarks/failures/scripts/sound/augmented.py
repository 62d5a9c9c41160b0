"""D sees shifted and dimmed samples of both kinds, and a little noise (Zhao et al. 2020)."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from gansmith import open_data

torch.manual_seed(15)


def augment(x, sigma=0.05):
    x = x * (0.8 + 0.4 * torch.rand(len(x), 1, 1, 1))
    padded = F.pad(x, (2, 2, 2, 2), value=-1.0)
    dy, dx = torch.randint(0, 5, (2,)).tolist()
    x = padded[:, :, dy : dy + x.shape[2], dx : dx + x.shape[3]]
    return x + sigma * torch.randn_like(x)


class G(nn.Module):
    def __init__(self, z=24, width=16):
        super().__init__()
        self.fc = nn.Linear(z, 2 * width * 49)
        self.up1 = nn.ConvTranspose2d(2 * width, width, 4, 2, 1)
        self.up2 = nn.ConvTranspose2d(width, 1, 4, 2, 1)
        self.norm1, self.norm2 = nn.BatchNorm2d(2 * width), nn.BatchNorm2d(width)

    def forward(self, z):
        h = self.fc(z).view(len(z), -1, 7, 7)
        h = self.up1(F.relu(self.norm1(h)))
        return self.up2(F.relu(self.norm2(h))).tanh()


class D(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 4, 2, 1)
        self.conv2 = nn.Conv2d(width, 2 * width, 4, 2, 1)
        self.fc = nn.Linear(2 * width * 49, 1)

    def forward(self, x):
        h = F.leaky_relu(self.conv2(F.leaky_relu(self.conv1(x), 0.2)), 0.2)
        return self.fc(h.flatten(1)).squeeze(1)


def main():
    data, rng = open_data("digits", limit=500), np.random.default_rng(15)
    gen, disc = G(), D()
    gen_opt = torch.optim.Adam(gen.parameters(), 3e-4, (0.5, 0.99))
    disc_opt = torch.optim.Adam(disc.parameters(), 3e-4, (0.5, 0.99))
    for step in range(600):
        real = data.batch(rng.integers(len(data), size=32))[0].float() / 127.5 - 1
        with torch.no_grad():
            fake = gen(torch.randn(32, 24))
        loss = F.softplus(-disc(augment(real))).mean() + F.softplus(disc(augment(fake))).mean()
        disc_opt.zero_grad()
        loss.backward()
        disc_opt.step()
        loss = F.softplus(-disc(augment(gen(torch.randn(32, 24))))).mean()
        gen_opt.zero_grad()
        loss.backward()
        gen_opt.step()
        if step % 100 == 0:
            print(step, loss.item())


if __name__ == "__main__":
    main()
