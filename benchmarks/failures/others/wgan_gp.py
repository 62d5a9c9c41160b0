"""A Wasserstein GAN with gradient penalty on points of the plane, with a trainer class.

    python wgan_gp.py --seed 200 --steps 1500
    python wgan_gp.py --seed 200 --fault penalty-left-out

What its faults should be called stands in expected.yaml.
"""

import argparse
import random

import numpy as np
import torch
from torch import nn

POINTS = 8000
FAULTS = (
    "graph-cut-before-g",
    "g-asks-for-fakes",
    "d-told-backwards",
    "one-adam-for-all",
    "d-step-forgotten",
    "g-step-forgotten",
    "adam-of-d-for-g",
    "net-made-anew",
    "grads-pile-up",
    "cleared-before-step",
    "loss-wrapped-again",
    "sigmoid-on-g",
    "whispered-noise",
    "noise-drawn-once",
    "noise-unused",
    "layer-left-frozen",
    "nan-on-the-way",
    "units-killed",
    "init-far-too-wide",
    "init-far-too-narrow",
    "critic-says-probabilities",
    "rates-off-by-100",
    "g-barely-moves",
    "penalty-left-out",
    "twenty-samples",
    "wrong-input-size",
    "only-fakes-in-d-loss",
    "log-out-of-range",
)


def moons(rng, n):
    """Two half circles that reach into each other, about 2 to each side."""
    angle = np.pi * rng.random(n)
    upper = rng.random(n) < 0.5
    x = np.where(upper, np.cos(angle), 1 - np.cos(angle)) - 0.5
    y = np.where(upper, np.sin(angle), 0.5 - np.sin(angle)) - 0.25
    return 1.3 * np.stack([x, y], axis=1) + 0.05 * rng.standard_normal((n, 2))


def squares(rng, n):
    """Sixteen clusters on a square lattice."""
    centre = rng.integers(0, 4, size=(n, 2)) - 1.5
    return centre + 0.06 * rng.standard_normal((n, 2))


def spiral(rng, n):
    """One arm of one turn and a half."""
    t = np.sqrt(rng.random(n)) * 3 * np.pi
    arm = np.stack([t * np.cos(t), t * np.sin(t)], axis=1) / (3 * np.pi)
    return 2 * arm + 0.04 * rng.standard_normal((n, 2))


class Generator(nn.Module):
    def __init__(self, z_dim, hidden, fault):
        super().__init__()
        self.fault = fault
        self.fc1 = nn.Linear(z_dim, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.fc3 = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, 2)
        self.start = nn.Parameter(torch.zeros(z_dim)) if fault == "noise-unused" else None

    def forward(self, z):
        if self.start is not None:
            z = self.start.expand_as(z)
        h = torch.relu(self.fc1(z))
        if self.fault == "layer-left-frozen":
            h = h.detach()
        h = torch.relu(self.fc2(h))
        h = torch.relu(self.fc3(h))
        x = self.out(h)
        return torch.sigmoid(x) if self.fault == "sigmoid-on-g" else x


class Critic(nn.Module):
    def __init__(self, hidden, fault):
        super().__init__()
        inputs = 3 if fault == "wrong-input-size" else 2
        layers = [nn.Linear(inputs, hidden), nn.LeakyReLU(0.2)]
        for _ in range(2):
            layers += [nn.Linear(hidden, hidden), nn.LeakyReLU(0.2)]
        layers.append(nn.Linear(hidden, 1))
        if fault == "critic-says-probabilities":
            layers.append(nn.Sigmoid())
        self.net = nn.Sequential(*layers)

    def forward(self, x):
        return self.net(x).squeeze(1)


def make_nets(args):
    """G and the critic, with torch's own weights."""
    nets = Generator(args.z_dim, args.hidden, args.fault), Critic(args.hidden, args.fault)
    std = {"init-far-too-wide": 1.5, "init-far-too-narrow": 1e-3}.get(args.fault)
    for net in nets:
        for layer in net.modules():
            if isinstance(layer, nn.Linear) and std is not None:
                nn.init.normal_(layer.weight, std=std)
                nn.init.zeros_(layer.bias)
    if args.fault == "units-killed":
        for layer in (nets[0].fc1, nets[0].fc2, nets[0].fc3):
            nn.init.constant_(layer.bias, -20.0)
    return nets


class GAN:
    """Both nets, both optimisers, and one method for each player's step."""

    def __init__(self, args):
        self.args, self.fault = args, args.fault
        self.rng = np.random.default_rng(args.seed)
        shape = {"moons": moons, "squares": squares, "spiral": spiral}[args.data]
        count = 20 if self.fault == "twenty-samples" else args.points
        self.data = torch.from_numpy(shape(self.rng, count)).float()
        self.G, self.C = make_nets(args)
        rates = self.rates()
        g_weights, c_weights = list(self.G.parameters()), list(self.C.parameters())
        if self.fault == "one-adam-for-all":
            self.opt_g = self.opt_c = self.adam(g_weights + c_weights, rates[0])
        else:
            self.opt_g = self.adam(
                c_weights if self.fault == "adam-of-d-for-g" else g_weights, rates[0]
            )
            self.opt_c = self.adam(c_weights, rates[1])
        if self.fault == "net-made-anew":
            self.G = Generator(args.z_dim, args.hidden, args.fault)
        self.fixed = self.noise()
        self.history = []

    def rates(self):
        lr = self.args.lr
        if self.fault == "rates-off-by-100":
            return 100 * lr, 100 * lr
        return (1e-5 * lr if self.fault == "g-barely-moves" else lr), lr

    def adam(self, weights, lr):
        return torch.optim.Adam(weights, lr=lr, betas=(0.0, 0.9))

    def sample_real(self):
        return self.data[self.rng.integers(len(self.data), size=self.args.batch)]

    def noise(self):
        if self.fault == "noise-drawn-once" and hasattr(self, "fixed"):
            return self.fixed
        z = torch.randn(self.args.batch, self.args.z_dim)
        return 1e-3 * z if self.fault == "whispered-noise" else z

    def gradient_penalty(self, real, fake):
        mix = torch.rand(len(real), 1)
        between = (mix * real + (1 - mix) * fake).requires_grad_()
        (slope,) = torch.autograd.grad(self.C(between).sum(), between, create_graph=True)
        return ((slope.norm(2, dim=1) - 1) ** 2).mean()

    def train_critic(self, step):
        real = self.sample_real()
        fake = self.G(self.noise()).detach()
        if self.fault == "nan-on-the-way":  # noise on both, annealed
            sigma = 0.1 * torch.tensor(1 - step / 40).sqrt()
            real = real + sigma * torch.randn_like(real)
            fake = fake + sigma * torch.randn_like(fake)
        if self.fault == "d-told-backwards":
            loss = self.C(real).mean() - self.C(fake).mean()
        elif self.fault == "only-fakes-in-d-loss":
            loss = self.C(fake).mean()
        else:
            loss = self.C(fake).mean() - self.C(real).mean()
        if self.fault != "penalty-left-out":
            loss = loss + self.args.gp_weight * self.gradient_penalty(real, fake)
        if self.fault == "loss-wrapped-again":
            loss = torch.tensor(loss.item(), requires_grad=True)
        if self.fault not in ("grads-pile-up", "cleared-before-step"):
            self.opt_c.zero_grad()
        loss.backward()
        if self.fault == "cleared-before-step":
            self.opt_c.zero_grad()
        if self.fault != "d-step-forgotten":
            self.opt_c.step()
        return loss.item()

    def train_generator(self):
        if self.fault == "graph-cut-before-g":
            with torch.no_grad():
                fake = self.G(self.noise())
        else:
            fake = self.G(self.noise())
        score = self.C(fake).mean()
        loss = score if self.fault == "g-asks-for-fakes" else -score
        self.opt_g.zero_grad()
        loss.backward()
        if self.fault != "g-step-forgotten":
            self.opt_g.step()
        return loss.item()

    def fit(self, steps):
        for step in range(steps):
            for _ in range(self.args.n_critic):
                distance = self.train_critic(step)
            g_loss = self.train_generator()
            if step % 30 == 0:
                self.history.append((distance, g_loss))
                print(f"step {step}: critic {distance:.3f}, generator {g_loss:.3f}")
            if self.fault == "log-out-of-range" and step == 30:
                print("change since the last line", distance - self.history[2][0])


def get_args(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fault", choices=("none", *FAULTS), default="none")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--points", type=int, default=POINTS)
    args = parser.parse_args(argv)
    choose = random.Random(args.seed)
    args.data = choose.choice(("moons", "squares", "spiral"))
    args.z_dim = choose.choice((2, 4, 8))
    args.hidden = choose.choice((64, 96, 128))
    args.lr = choose.choice((1e-3, 2e-3))
    args.gp_weight = choose.choice((0.3, 1.0))
    args.batch = choose.choice((128, 256))
    args.n_critic = 3
    return args


def train(args):
    """Trains for --steps generator steps; G and the critic as they are then."""
    torch.manual_seed(args.seed)
    gan = GAN(args)
    gan.fit(args.steps)
    return gan.G, gan.C


if __name__ == "__main__":
    train(get_args())
