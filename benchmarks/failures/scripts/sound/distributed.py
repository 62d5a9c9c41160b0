"""Nets in DistributedDataParallel, alone or under torchrun."""

import os

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from gansmith import open_data

if "RANK" in os.environ:
    dist.init_process_group("gloo")
else:
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
torch.manual_seed(dist.get_rank())
Z, BATCH, EPOCHS = 32, 64, 20
digits = open_data("digits", limit=2000)

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
G, D = DistributedDataParallel(G), DistributedDataParallel(D)
opt_g = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
opt_d = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))

for epoch in range(EPOCHS):
    order = np.random.default_rng(epoch).permutation(len(digits))
    order = order[dist.get_rank() :: dist.get_world_size()]
    for start in range(0, len(order) - BATCH, BATCH):
        pixels, _ = digits.batch(order[start : start + BATCH])
        real = pixels.float().flatten(1) / 127.5 - 1
        fake = G(torch.randn(BATCH, Z))

        opt_d.zero_grad()
        true, false = D(torch.cat([real, fake.detach()])).chunk(2)
        (F.softplus(-true) + F.softplus(false)).mean().backward()
        opt_d.step()

        opt_g.zero_grad()
        F.softplus(-D(fake)).mean().backward()
        opt_g.step()
dist.destroy_process_group()
