"""Gradients of four small batches are added up before each step; labels are smoothed."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from gansmith import open_data

MICRO, ACCUMULATE, Z = 16, 4, 20


def build():
    g = nn.Sequential(nn.Linear(Z, 192), nn.ELU(), nn.Linear(192, 784), nn.Sigmoid())
    d = nn.Sequential(nn.Linear(784, 192), nn.ELU(), nn.Linear(192, 1))
    return g, d


def batches(data, seed):
    rng = np.random.default_rng(seed)
    while True:
        yield data.batch(rng.integers(len(data), size=MICRO))[0].flatten(1) / 255.0


def main():
    torch.manual_seed(6)
    g, d = build()
    opt_g = torch.optim.NAdam(g.parameters(), lr=5e-4)
    opt_d = torch.optim.NAdam(d.parameters(), lr=5e-4)
    stream = batches(open_data("digits", limit=1000), 6)
    for step in range(500):
        opt_d.zero_grad()
        for _ in range(ACCUMULATE):
            x = next(stream)
            with torch.no_grad():
                fake = g(torch.randn(MICRO, Z))
            logits = d(torch.cat([x, fake]))
            target = torch.cat([torch.full((MICRO, 1), 0.9), torch.zeros(MICRO, 1)])
            (F.binary_cross_entropy_with_logits(logits, target) / ACCUMULATE).backward()
        opt_d.step()
        opt_g.zero_grad()
        for _ in range(ACCUMULATE):
            logits = d(g(torch.randn(MICRO, Z)))
            (F.softplus(-logits).mean() / ACCUMULATE).backward()
        opt_g.step()
        if step % 50 == 0:
            print(step, logits.mean().item())


if __name__ == "__main__":
    main()
