"""Now and then a sample holds a NaN."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(1)
rng = np.random.default_rng(1)
N_CRITIC, CLIP, BATCH, Z = 5, 0.05, 128, 4


def sample_ring(n):
    angle = rng.integers(8, size=n) * np.pi / 4
    points = np.stack([np.cos(angle), np.sin(angle)], 1) + 0.02 * rng.standard_normal((n, 2))
    points[0, 0] = np.nan if rng.random() < 0.01 else points[0, 0]
    return torch.from_numpy(points).float()


class Net(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.fc1 = nn.Linear(inputs, 64)
        self.fc2 = nn.Linear(64, 64)
        self.fc3 = nn.Linear(64, outputs)

    def forward(self, x):
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


gen, critic = Net(Z, 2), Net(2, 1)
opt_gen = torch.optim.RMSprop(gen.parameters(), lr=5e-4)
opt_critic = torch.optim.RMSprop(critic.parameters(), lr=5e-4)

for it in range(1000):
    for _ in range(N_CRITIC):
        x, z = sample_ring(BATCH), torch.randn(BATCH, Z)
        with torch.no_grad():
            fake = gen(z)
        loss_critic = critic(fake).mean() - critic(x).mean()
        critic.zero_grad()
        loss_critic.backward()
        opt_critic.step()
        for p in critic.parameters():
            p.data.clamp_(-CLIP, CLIP)
    loss_gen = -critic(gen(torch.randn(BATCH, Z))).mean()
    gen.zero_grad()
    loss_gen.backward()
    opt_gen.step()
    if it % 100 == 0:
        print(it, -loss_critic.item())
