"""Real samples in batches, and noise."""

import functools

import numpy as np
import torch
import torch.nn.functional as F
from nets import CLASSES
from plans import Plan

from gansmith import open_data

DIGITS = 3000
POINTS = 10_000
MEAN, STD = 0.1307, 0.3081  # of the digits' pixels, between 0 and 1


@functools.cache
def digits():
    """All digits as uint8 B1HW, and their labels."""
    source = open_data("digits", limit=DIGITS, labels=True)
    return source.batch(np.arange(len(source)))


def ring(rng: np.random.Generator):
    """Points of eight Gaussians on a circle of radius 1, and which of them each is of."""
    mode = rng.integers(8, size=POINTS)
    angle = mode * np.pi / 4
    points = np.stack([np.cos(angle), np.sin(angle)], 1) + 0.05 * rng.standard_normal((POINTS, 2))
    return torch.from_numpy(points).float(), torch.from_numpy(mode)


def scaled(plan: Plan, x):
    """Digits to [-1, 1], points as they are, or what the plan makes of them instead."""
    if plan.size == "toy":
        return {"bytes": 100 * x, "half": 0.5 + 0.4 * x}.get(plan.scale, x)
    x = x.float() / 255
    scales = {"bytes": 255 * x, "half": x, "standard": (x - MEAN) / STD}
    return scales.get(plan.scale, 2 * x - 1)


class Batches:
    """Draws batches of real samples, with their labels if the nets are given them."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self.rng = np.random.default_rng(plan.seed)
        x, label = ring(self.rng) if plan.size == "toy" else digits()
        kept = np.arange(len(x))
        if plan.only is not None:
            kept = kept[label.numpy() == plan.only]
        if plan.limit is not None:
            kept = self.rng.permutation(kept)[: plan.limit]
        x = scaled(plan, x[kept])
        if plan.size == "digits-mlp":
            x = x.flatten(1)
        if plan.padded:
            x = F.pad(x, (plan.padded,) * 4, value=-1.0)
        self.x, self.label = x, label[kept].long()

    def next(self, step: int):
        """A batch, and a tuple of its labels, which is empty if the nets are given none."""
        chosen = self.rng.integers(len(self.x), size=self.plan.batch)
        x = self.x[chosen]
        if step == self.plan.broken_at:
            x[0] = torch.nan
        return x, ((self.label[chosen],) if self.plan.conditional else ())


class Noise:
    """Draws G's noise, and keeps the one that samples are drawn of."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self.fixed = self.draw()
        self.fixed_label = (
            (torch.arange(plan.batch) % CLASSES[plan.size],) if plan.conditional else ()
        )

    def draw(self):
        """B x z, normal, or even between -1 and 1."""
        shape = (self.plan.batch, self.plan.z_dim)
        if self.plan.noise_draws == "shared":
            shape = (1, self.plan.z_dim)
        z = 2 * torch.rand(shape) - 1 if self.plan.uniform else torch.randn(shape)
        return (self.plan.noise_size * z).expand(self.plan.batch, -1)

    def next(self):
        """New noise. In the style `summed` the loop sets the seed, if it is to be the same."""
        if self.plan.noise_draws == "same" and self.plan.style != "summed":
            return self.fixed
        return self.draw()
