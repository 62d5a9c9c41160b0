"""Residual perceptrons on flattened digits: spectral normalisation, hinge loss, an average of G.

    python sn_hinge.py --seed 200 --steps 1000
    python sn_hinge.py --seed 200 --fault average-trained-in-its-place

Of gansmith the program uses the digits only. What its faults should be called stands in
expected.yaml.
"""

import argparse
import random
from copy import deepcopy

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from gansmith import open_data

IMAGES = 3000
FAULTS = (
    "graph-cut-before-g",
    "average-trained-in-its-place",
    "g-asks-for-fakes",
    "d-told-backwards",
    "label-never-refilled",
    "one-adam-for-all",
    "steps-the-other-net",
    "adam-of-g-for-d",
    "grads-pile-up",
    "preview-left-eval",
    "bytes-as-floats",
    "zero-to-one",
    "sigmoid-on-g",
    "whispered-noise",
    "noise-drawn-once",
    "noise-unused",
    "one-vector-repeated",
    "layer-left-frozen",
    "nan-on-the-way",
    "units-killed",
    "critic-says-probabilities",
    "rates-off-by-100",
    "d-starved",
    "wrong-input-size",
    "only-fakes-in-d-loss",
    "graph-kept-in-d-step",
)


class Residual(nn.Module):
    """x + W relu(V x), with batch norm in G and spectral norm in D."""

    def __init__(self, width, bound=None):
        super().__init__()
        bound = bound or nn.Identity()
        self.norm = nn.Identity() if bound is spectral_norm else nn.BatchNorm1d(width)
        self.inner = bound(nn.Linear(width, width))
        self.outer = bound(nn.Linear(width, width))

    def forward(self, x):
        h = self.inner(F.relu(self.norm(x)))
        return x + self.outer(F.relu(h))


class ResG(nn.Module):
    def __init__(self, opt):
        super().__init__()
        self.fault = opt.fault
        self.inlet = nn.Linear(opt.latent, opt.width)
        self.blocks = nn.Sequential(*(Residual(opt.width) for _ in range(opt.blocks)))
        self.last_norm = nn.BatchNorm1d(opt.width)
        self.outlet = nn.Linear(opt.width, 28 * 28)

    def forward(self, z):
        h = self.inlet(z)
        if self.fault == "noise-unused":  # meant over another axis
            h = h.mean(dim=0, keepdim=True).expand_as(h)
        h = F.relu(self.last_norm(self.blocks(h)))
        x = self.outlet(h)
        return torch.sigmoid(x) if self.fault == "sigmoid-on-g" else torch.tanh(x)


class ResD(nn.Module):
    def __init__(self, opt):
        super().__init__()
        inputs = 32 * 32 if opt.fault == "wrong-input-size" else 28 * 28
        self.squash = opt.fault == "critic-says-probabilities"
        self.inlet = spectral_norm(nn.Linear(inputs, opt.width))
        blocks = (Residual(opt.width, spectral_norm) for _ in range(opt.blocks))
        self.blocks = nn.Sequential(*blocks)
        self.outlet = spectral_norm(nn.Linear(opt.width, 1))

    def forward(self, x):
        h = F.relu(self.blocks(F.relu(self.inlet(x))))
        y = self.outlet(h)
        return torch.sigmoid(y) if self.squash else y


def make_nets(opt):
    gen, disc = ResG(opt), ResD(opt)
    if opt.fault == "units-killed":
        nn.init.constant_(disc.inlet.bias, -50.0)
        for block in disc.blocks:
            nn.init.constant_(block.inner.bias, -50.0)
    return gen, disc


def load_digits(opt):
    x, _ = open_data("digits", limit=opt.images).batch(np.arange(opt.images))
    x = x.flatten(1).float()
    if opt.fault == "bytes-as-floats":
        return x
    return x / 255 if opt.fault == "zero-to-one" else x / 127.5 - 1


def latents(opt, kept):
    if opt.fault == "noise-drawn-once":
        return kept
    if opt.fault == "one-vector-repeated":
        return torch.randn(1, opt.latent).expand(opt.batch, -1)
    return (0.001 if opt.fault == "whispered-noise" else 1.0) * torch.randn(opt.batch, opt.latent)


def disc_step(opt, gen, disc, d_optim, real, z):
    """Hinge: real samples above 1, generated ones below -1."""
    if opt.fault == "graph-kept-in-d-step":
        fake = gen(z)
    else:
        with torch.no_grad():
            fake = gen(z)
    on_real, on_fake = disc(real), disc(fake)
    if opt.fault == "d-told-backwards":
        loss = F.relu(1.0 + on_real).mean() + F.relu(1.0 - on_fake).mean()
    elif opt.fault == "label-never-refilled":
        loss = F.relu(1.0 - on_real).mean() + F.relu(1.0 - on_fake).mean()
    elif opt.fault == "only-fakes-in-d-loss":
        loss = F.relu(1.0 + on_fake).mean()
    else:
        loss = F.relu(1.0 - on_real).mean() + F.relu(1.0 + on_fake).mean()
    d_optim.zero_grad(set_to_none=True)
    loss.backward()
    d_optim.step()
    return loss.detach()


def gen_step(opt, gen, average, disc, g_optim, d_optim, z):
    if opt.fault == "average-trained-in-its-place":
        fake = average(z)
    else:
        fake = gen(z)
    if opt.fault == "graph-cut-before-g":
        fake = fake.data
    said = disc(fake).mean()
    loss = said if opt.fault == "g-asks-for-fakes" else -said
    if opt.fault != "grads-pile-up":
        g_optim.zero_grad(set_to_none=True)
    loss.backward()
    (d_optim if opt.fault == "steps-the-other-net" else g_optim).step()
    return loss.detach()


@torch.no_grad()
def follow(average, gen, keep):
    for old, new in zip(average.parameters(), gen.parameters(), strict=True):
        old.lerp_(new, 1 - keep)
    for old, new in zip(average.buffers(), gen.buffers(), strict=True):
        old.copy_(new)


def look(opt, gen, z):
    gen.eval()
    with torch.no_grad():
        images = gen(z)
    if opt.fault != "preview-left-eval":
        gen.train()
    print(f"samples from {images.min():.2f} to {images.max():.2f}")


def optimizers(opt, gen, disc):
    betas = (0.0, 0.9)
    g_rate, d_rate = opt.g_rate, opt.d_rate
    if opt.fault == "rates-off-by-100":
        g_rate, d_rate = 100 * g_rate, 100 * d_rate
    elif opt.fault == "d-starved":
        d_rate *= 0.002
    if opt.fault == "one-adam-for-all":
        both = torch.optim.Adam([*gen.parameters(), *disc.parameters()], lr=g_rate, betas=betas)
        return both, both
    d_weights = list((gen if opt.fault == "adam-of-g-for-d" else disc).parameters())
    if opt.fault == "layer-left-frozen":
        d_weights = d_weights[2:]  # all but the first layer
    return (
        torch.optim.Adam(gen.parameters(), lr=g_rate, betas=betas),
        torch.optim.Adam(d_weights, lr=d_rate, betas=betas),
    )


def options(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fault", choices=("none", *FAULTS), default="none")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--images", type=int, default=IMAGES)
    opt = parser.parse_args(argv)
    pick = random.Random(opt.seed)
    opt.latent = pick.choice((16, 32, 64))
    opt.width = pick.choice((128, 192, 256))
    opt.blocks = pick.choice((1, 2))
    opt.batch = pick.choice((32, 64))
    opt.g_rate = pick.choice((5e-4, 1e-3))
    opt.d_rate = 2e-3
    opt.decay = 0.99
    return opt


def train(opt):
    """Trains for --steps steps; G's average and D as they are then."""
    torch.manual_seed(opt.seed)
    digits = load_digits(opt)
    gen, disc = make_nets(opt)
    average = deepcopy(gen).requires_grad_(False)
    g_optim, d_optim = optimizers(opt, gen, disc)
    kept = torch.randn(opt.batch, opt.latent)
    for step in range(opt.steps):
        real = digits[torch.randint(len(digits), (opt.batch,))]
        if opt.fault == "nan-on-the-way" and step == 40:  # a blank scan, standardised
            blank = torch.zeros(28 * 28)
            real[0] = (blank - blank.mean()) / blank.std()
        d_loss = disc_step(opt, gen, disc, d_optim, real, latents(opt, kept))
        g_loss = gen_step(opt, gen, average, disc, g_optim, d_optim, latents(opt, kept))
        follow(average, gen, opt.decay)
        if step % 50 == 10:
            look(opt, gen, kept)
            print(f"{step}: d {d_loss:.3f} g {g_loss:.3f}")
    return average, disc


if __name__ == "__main__":
    train(options())
