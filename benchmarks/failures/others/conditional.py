"""A class-conditional GAN by least squares: embedded labels in G, a projection of them in D.

    python conditional.py --seed 200 --steps 800
    python conditional.py --seed 200 --fault only-threes

Of gansmith the program uses the digits only. What its faults should be called stands in
expected.yaml.
"""

import argparse

import numpy as np
import torch
import torch.nn as nn
from torch.nn.functional import mse_loss

from gansmith import open_data

IMAGES = 3000
CLASSES = 10
FAULTS = (
    "graph-cut-before-g",
    "g-asks-for-fakes",
    "d-told-backwards",
    "label-never-refilled",
    "d-step-forgotten",
    "g-step-forgotten",
    "adam-of-g-for-d",
    "grads-pile-up",
    "loss-wrapped-again",
    "preview-left-eval",
    "bytes-as-floats",
    "zero-to-one",
    "whispered-noise",
    "noise-drawn-once",
    "noise-unused",
    "layer-left-frozen",
    "init-far-too-wide",
    "init-far-too-narrow",
    "rates-off-by-100",
    "g-barely-moves",
    "d-starved",
    "d-rushes-ahead",
    "twenty-samples",
    "only-threes",
    "wrong-input-size",
    "only-reals-in-d-loss",
    "graph-kept-in-d-step",
    "log-out-of-range",
)


class ConditionalGenerator(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.fault = cfg.fault
        self.embed = nn.Embedding(CLASSES, cfg.embedding)
        inputs = cfg.embedding if cfg.fault == "noise-unused" else cfg.z_dim + cfg.embedding
        self.project = nn.Linear(inputs, 2 * cfg.channels * 7 * 7)
        self.body = nn.Sequential(
            nn.BatchNorm2d(2 * cfg.channels),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(2 * cfg.channels, cfg.channels, 3, padding=1),
            nn.BatchNorm2d(cfg.channels),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(cfg.channels, 1, 3, padding=1),
            nn.Tanh(),
        )

    def forward(self, z, y):
        e = self.embed(y)
        h = e if self.fault == "noise-unused" else torch.cat([z, e], dim=1)
        h = self.project(h)
        if self.fault == "layer-left-frozen":
            h = h.detach()
        return self.body(h.unflatten(1, (-1, 7, 7)))


class ProjectionDiscriminator(nn.Module):
    """psi(h) + <e(y), h>, where h is what the convolutions make of the image."""

    def __init__(self, cfg):
        super().__init__()
        c = cfg.channels
        self.convs = nn.Sequential(
            nn.Conv2d(1, c, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(c, 2 * c, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(2 * c * (8 * 8 if cfg.fault == "wrong-input-size" else 7 * 7), 64),
            nn.LeakyReLU(0.2),
        )
        self.psi = nn.Linear(64, 1)
        self.embed = nn.Embedding(CLASSES, 64)
        nn.init.normal_(self.embed.weight, std=0.1)

    def forward(self, x, y):
        h = self.convs(x)
        return self.psi(h) + (self.embed(y) * h).sum(dim=1, keepdim=True)


def make_nets(cfg):
    G, D = ConditionalGenerator(cfg), ProjectionDiscriminator(cfg)
    std = {"init-far-too-wide": 1.0, "init-far-too-narrow": 1e-4}.get(cfg.fault)
    for module in [*G.modules(), *D.modules()]:
        if std is not None and isinstance(module, (nn.Linear, nn.Conv2d)):
            module.weight.data.normal_(0, std)
            module.bias.data.zero_()
    return G, D


class Digits:
    """All images and labels in memory; batches of both."""

    def __init__(self, cfg):
        images, labels = open_data("digits", labels=True, limit=cfg.images).batch(
            np.arange(cfg.images)
        )
        images = images.float()
        if cfg.fault == "zero-to-one":
            images = images / 255
        elif cfg.fault != "bytes-as-floats":
            images = images / 255 * 2 - 1
        if cfg.fault == "twenty-samples":
            images, labels = images[:20], labels[:20]
        if cfg.fault == "only-threes":
            images, labels = images[labels == 3], labels[labels == 3]
        self.images, self.labels, self.batch = images, labels.long(), cfg.batch

    def __iter__(self):
        while True:
            pick = torch.randint(len(self.images), (self.batch,))
            yield self.images[pick], self.labels[pick]


def train_d(cfg, G, D, opt_d, x, y, z):
    fault = cfg.fault
    fake = G(z, y) if fault == "graph-kept-in-d-step" else G(z, y).detach()
    real_out, fake_out = D(x, y), D(fake, y)
    ones, zeros = torch.ones_like(real_out), torch.zeros_like(fake_out)
    if fault == "d-told-backwards":
        ones, zeros = zeros, ones
    elif fault == "label-never-refilled":
        zeros = ones
    if fault == "only-reals-in-d-loss":
        loss = mse_loss(real_out, ones)
    else:
        loss = 0.5 * (mse_loss(real_out, ones) + mse_loss(fake_out, zeros))
    if fault == "loss-wrapped-again":
        loss = torch.tensor(loss.item(), requires_grad=True)
    if fault != "grads-pile-up":
        opt_d.zero_grad()
    loss.backward()
    if fault != "d-step-forgotten":
        opt_d.step()
    return loss.item()


def train_g(cfg, G, D, opt_g, y, z):
    fake = G(z, y)
    if cfg.fault == "graph-cut-before-g":
        fake = torch.tensor(fake.tolist())  # as after a trip through NumPy
    out = D(fake, y)
    target = torch.zeros_like(out) if cfg.fault == "g-asks-for-fakes" else torch.ones_like(out)
    loss = mse_loss(out, target)
    opt_g.zero_grad()
    loss.backward()
    if cfg.fault != "g-step-forgotten":
        opt_g.step()
    return loss.item()


def optimizers(cfg, G, D):
    lr_g, lr_d = cfg.lr, cfg.lr
    factors = {
        "rates-off-by-100": (100, 100),
        "g-barely-moves": (1e-5, 1),
        "d-starved": (1, 0.002),
        "d-rushes-ahead": (0.02, 2),
    }
    for_g, for_d = factors.get(cfg.fault, (1, 1))
    of_d = G if cfg.fault == "adam-of-g-for-d" else D
    return (
        torch.optim.Adam(G.parameters(), lr=lr_g * for_g, betas=(0.5, 0.999)),
        torch.optim.Adam(of_d.parameters(), lr=lr_d * for_d, betas=(0.5, 0.999)),
    )


def parse(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fault", choices=("none", *FAULTS), default="none")
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--images", type=int, default=IMAGES)
    cfg = parser.parse_args(argv)
    rng = np.random.default_rng(cfg.seed)
    cfg.z_dim = int(rng.choice([16, 32, 64]))
    cfg.embedding = int(rng.choice([8, 10, 16]))
    cfg.channels = int(rng.choice([8, 12, 16]))
    cfg.batch = int(rng.choice([32, 48]))
    cfg.lr = float(rng.choice([5e-4, 1e-3]))
    return cfg


def train(cfg):
    """Trains for --steps steps; the two nets as they are then."""
    torch.manual_seed(cfg.seed)
    data = Digits(cfg)
    G, D = make_nets(cfg)
    opt_g, opt_d = optimizers(cfg, G, D)
    size = 0.001 if cfg.fault == "whispered-noise" else 1.0
    shown = size * torch.randn(cfg.batch, cfg.z_dim)
    shown_y = torch.arange(cfg.batch) % CLASSES
    log = []
    for step, (x, y) in zip(range(cfg.steps), data, strict=False):

        def noise():
            fresh = size * torch.randn(cfg.batch, cfg.z_dim)
            return shown if cfg.fault == "noise-drawn-once" else fresh

        for _ in range(6 if cfg.fault == "d-rushes-ahead" else 1):
            d_loss = train_d(cfg, G, D, opt_d, x, y, noise())
        g_loss = train_g(cfg, G, D, opt_g, y, noise())
        if step % 30 == 0:
            log.append((d_loss, g_loss))
            print(f"step {step:5d}   D {d_loss:.4f}   G {g_loss:.4f}")
            if cfg.fault == "log-out-of-range" and step:
                print(f"change {d_loss - log[step][0]:.4f}")
        if step % 100 == 15:
            G.eval()
            with torch.no_grad():
                G(shown, shown_y)
            if cfg.fault != "preview-left-eval":
                G.train()
    return G, D


if __name__ == "__main__":
    train(parse())
