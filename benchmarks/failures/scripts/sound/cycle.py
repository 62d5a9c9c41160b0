"""Two generators that undo each other and two discriminators, on points (Zhu et al. 2017)."""

import itertools

import torch
from torch import nn

torch.manual_seed(14)


def domain_a(n):
    angle = torch.rand(n) * 2 * torch.pi
    return torch.stack([angle.cos(), angle.sin()], 1) + 0.05 * torch.randn(n, 2)


def domain_b(n):
    return torch.stack([torch.rand(n) * 2 - 1, torch.randint(2, (n,)) - 0.5], 1).float()


def net(outputs):
    return nn.Sequential(
        nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, outputs)
    )


G_AB, G_BA, D_A, D_B = net(2), net(2), net(1), net(1)
mse, l1 = nn.MSELoss(), nn.L1Loss()
adam = {"lr": 1e-3, "betas": (0.5, 0.999)}
optimizer_G = torch.optim.Adam(itertools.chain(G_AB.parameters(), G_BA.parameters()), **adam)
optimizer_D_A = torch.optim.Adam(D_A.parameters(), **adam)
optimizer_D_B = torch.optim.Adam(D_B.parameters(), **adam)
valid, fake = torch.ones(64, 1), torch.zeros(64, 1)
for step in range(1000):
    real_A, real_B = domain_a(64), domain_b(64)
    optimizer_G.zero_grad()
    loss_identity = (l1(G_BA(real_A), real_A) + l1(G_AB(real_B), real_B)) / 2
    fake_B, fake_A = G_AB(real_A), G_BA(real_B)
    loss_gan = (mse(D_B(fake_B), valid) + mse(D_A(fake_A), valid)) / 2
    loss_cycle = (l1(G_BA(fake_B), real_A) + l1(G_AB(fake_A), real_B)) / 2
    (loss_gan + 2.0 * loss_cycle + 0.5 * loss_identity).backward()
    optimizer_G.step()
    pairs = ((optimizer_D_A, D_A, real_A, fake_A), (optimizer_D_B, D_B, real_B, fake_B))
    for optimizer, D, real, made in pairs:
        optimizer.zero_grad()
        loss_D = (mse(D(real), valid) + mse(D(made.detach()), fake)) / 2
        loss_D.backward()
        optimizer.step()
    if step % 100 == 0:
        print(step, loss_gan.item(), loss_cycle.item())
