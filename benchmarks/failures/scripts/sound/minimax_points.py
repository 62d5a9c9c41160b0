"""The saturating game as first written down, by gradient ascent of one value, with numpy data."""

import numpy as np
import torch
from torch import nn

rng = np.random.default_rng(11)
torch.manual_seed(11)


def real_points(n):
    t = rng.uniform(0, 3 * np.pi, n)
    spiral = np.stack([t * np.cos(t), t * np.sin(t)], 1) / 10
    return torch.tensor(spiral + 0.02 * rng.normal(size=(n, 2)), dtype=torch.float32)


class G(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(5, 80)
        self.again = nn.Linear(80, 80)
        self.out = nn.Linear(80, 2)

    def forward(self, z):
        return self.out(torch.tanh(self.again(torch.tanh(self.hidden(z)))))


class D(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(2, 80)
        self.again = nn.Linear(80, 80)
        self.out = nn.Linear(80, 1)

    def forward(self, x):
        h = torch.relu(self.again(torch.relu(self.hidden(x))))
        return torch.sigmoid(self.out(h)).clamp(1e-6, 1 - 1e-6)


g, d = G(), D()
up_d = torch.optim.SGD(d.parameters(), lr=0.05, momentum=0.5, maximize=True)
down_g = torch.optim.SGD(g.parameters(), lr=0.05, momentum=0.5)
for step in range(1500):
    value = d(real_points(100)).log().mean()
    value = value + (1 - d(g(torch.rand(100, 5) * 2 - 1).detach())).log().mean()
    up_d.zero_grad()
    value.backward()
    up_d.step()
    cost = (1 - d(g(torch.rand(100, 5) * 2 - 1))).log().mean()
    down_g.zero_grad()
    cost.backward()
    down_g.step()
    if step % 250 == 0:
        print(step, value.item())
