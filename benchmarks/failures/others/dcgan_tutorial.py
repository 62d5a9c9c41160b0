"""A deep convolutional GAN on digits of 32 x 32, as beginners' tutorials write it.

    python dcgan_tutorial.py --seed 200 --steps 600
    python dcgan_tutorial.py --seed 200 --fault scores-not-squashed

Of gansmith the program uses the digits only. What its faults should be called stands in
expected.yaml.
"""

import argparse
import random

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, Subset, TensorDataset

from gansmith import open_data

IMAGES = 2000
FAULTS = (
    "graph-cut-before-g",
    "squashed-twice",
    "scores-not-squashed",
    "g-asks-for-fakes",
    "d-told-backwards",
    "label-never-refilled",
    "d-step-forgotten",
    "steps-the-other-net",
    "adam-of-d-for-g",
    "net-made-anew",
    "grads-pile-up",
    "cleared-before-step",
    "preview-left-eval",
    "bytes-as-floats",
    "zero-to-one",
    "sigmoid-on-g",
    "whispered-noise",
    "noise-drawn-once",
    "one-vector-repeated",
    "layer-left-frozen",
    "units-killed",
    "init-far-too-wide",
    "init-far-too-narrow",
    "rates-off-by-100",
    "g-barely-moves",
    "d-starved",
    "d-rushes-ahead",
    "twenty-samples",
    "wrong-input-size",
    "target-of-another-shape",
    "only-reals-in-d-loss",
    "graph-kept-in-d-step",
)


def get_args(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fault", choices=("none", *FAULTS), default="none")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--images", type=int, default=IMAGES)
    args = parser.parse_args(argv)
    choose = random.Random(args.seed)
    args.nz = choose.choice((32, 64, 100))
    args.ngf = choose.choice((8, 12, 16))
    args.ndf = choose.choice((8, 12))
    args.lr = choose.choice((5e-4, 1e-3))
    args.beta1 = 0.5
    args.batch_size = 32
    args.real_label = choose.choice((1.0, 0.9))  # one-sided smoothing, or none
    args.fake_label = 0.0
    return args


class Generator(nn.Module):
    def __init__(self, args):
        super().__init__()
        nz, ngf = args.nz, args.ngf
        self.main = nn.Sequential(
            nn.ConvTranspose2d(nz, ngf * 4, 4, 1, 0, bias=False),
            nn.BatchNorm2d(ngf * 4),
            nn.ReLU(True),
            nn.ConvTranspose2d(ngf * 4, ngf * 2, 4, 2, 1, bias=False),
            nn.BatchNorm2d(ngf * 2),
            nn.ReLU(True),
            nn.ConvTranspose2d(ngf * 2, ngf, 4, 2, 1, bias=False),
            nn.BatchNorm2d(ngf),
            nn.ReLU(True),
            nn.ConvTranspose2d(ngf, 1, 4, 2, 1, bias=False),
            nn.Sigmoid() if args.fault == "sigmoid-on-g" else nn.Tanh(),
        )

    def forward(self, noise):
        return self.main(noise)


class Discriminator(nn.Module):
    def __init__(self, args):
        super().__init__()
        ndf = args.ndf
        layers = [
            nn.Conv2d(1, ndf, 4, 2, 1, bias=False),
            nn.LeakyReLU(0.2),
            nn.Conv2d(ndf, ndf * 2, 4, 2, 1, bias=False),
            nn.BatchNorm2d(ndf * 2),
            nn.LeakyReLU(0.2),
            nn.Conv2d(ndf * 2, ndf * 4, 4, 2, 1, bias=False),
            nn.BatchNorm2d(ndf * 4),
            nn.LeakyReLU(0.2),
            nn.Conv2d(ndf * 4, 1, 4, 1, 0, bias=False),
        ]
        if args.fault != "scores-not-squashed":
            layers.append(nn.Sigmoid())
        self.main = nn.Sequential(*layers)

    def forward(self, image):
        return self.main(image)


def init_for(fault):
    """The function for net.apply(): normal weights, norms around 1."""
    std = {"init-far-too-wide": 2.0, "init-far-too-narrow": 2e-5}.get(fault, 0.02)
    shift = -10.0 if fault == "units-killed" else 0.0

    def weights_init(m):
        name = m.__class__.__name__
        if "Conv" in name:
            nn.init.normal_(m.weight, 0.0, std)
        elif "BatchNorm" in name:
            nn.init.normal_(m.weight, 1.0, 0.02)
            nn.init.constant_(m.bias, shift)

    return weights_init


def make_nets(args):
    netG, netD = Generator(args), Discriminator(args)
    netG.apply(init_for(args.fault))
    netD.apply(init_for("none" if args.fault == "units-killed" else args.fault))
    if args.fault == "layer-left-frozen":  # as after loading a pretrained first block
        for p in netG.main[3].parameters():
            p.requires_grad = False
    return netG, netD


def make_loader(args):
    images, _ = open_data("digits", limit=args.images).batch(np.arange(args.images))
    x = images.float()
    if args.fault != "bytes-as-floats":
        x = x / 255
    if args.fault not in ("bytes-as-floats", "zero-to-one"):
        x = (x - 0.5) / 0.5
    if args.fault != "wrong-input-size":
        x = F.pad(x, (2, 2, 2, 2), value=float(x.min()))
    dataset = TensorDataset(x)
    if args.fault == "twenty-samples":
        dataset = Subset(dataset, range(20))
    batch = min(args.batch_size, len(dataset))
    return DataLoader(dataset, batch_size=batch, shuffle=True, drop_last=True)


def make_optimizers(args, netG, netD):
    lr_g = lr_d = args.lr
    if args.fault == "rates-off-by-100":
        lr_g, lr_d = lr_g * 100, lr_d * 100
    elif args.fault == "g-barely-moves":
        lr_g *= 1e-5
    elif args.fault == "d-starved":
        lr_d *= 0.002
    elif args.fault == "d-rushes-ahead":
        lr_g, lr_d = lr_g * 0.02, lr_d * 4
    betas = (args.beta1, 0.999)
    optimizerD = optim.Adam(netD.parameters(), lr=lr_d, betas=betas)
    held = netD if args.fault == "adam-of-d-for-g" else netG
    optimizerG = optim.Adam(held.parameters(), lr=lr_g, betas=betas)
    return optimizerG, optimizerD


def preview(args, netG, fixed_noise):
    netG.eval()
    with torch.no_grad():
        grid = netG(fixed_noise).cpu()
    if args.fault != "preview-left-eval":
        netG.train()
    return grid


def update_d(args, netG, netD, optimizerD, criterion, real, noise):
    """Two backward passes, added up: of a real batch, and of a fake one."""
    fault = args.fault
    if fault != "grads-pile-up":
        netD.zero_grad()
    b_size = real.size(0)
    label = torch.full((b_size,), args.real_label)
    if fault == "d-told-backwards":
        label.fill_(args.fake_label)
    output = netD(real) if fault == "target-of-another-shape" else netD(real).view(-1)
    errD_real = criterion(output, label)
    errD_real.backward()
    fake = netG(noise)
    if fault == "only-reals-in-d-loss":
        errD = errD_real
    else:
        if fault == "d-told-backwards":
            label.fill_(args.real_label)
        elif fault != "label-never-refilled":
            label.fill_(args.fake_label)
        if fault == "graph-kept-in-d-step":
            errD_fake = criterion(netD(fake).view(-1), label)
            errD_fake.backward(retain_graph=True)
        else:
            errD_fake = criterion(netD(fake.detach()).view(-1), label)
            errD_fake.backward()
        errD = errD_real + errD_fake
    if fault == "cleared-before-step":
        optimizerD.zero_grad()
    if fault != "d-step-forgotten":
        optimizerD.step()
    return errD.item(), fake


def update_g(args, netG, netD, optimizerG, optimizerD, criterion, fake):
    fault = args.fault
    netG.zero_grad()
    label = torch.full((fake.size(0),), args.real_label)
    if fault == "g-asks-for-fakes":
        label.fill_(args.fake_label)
    seen = fake.detach() if fault == "graph-cut-before-g" else fake
    errG = criterion(netD(seen).view(-1), label)
    errG.backward()
    if fault == "steps-the-other-net":
        optimizerD.step()
    else:
        optimizerG.step()
    return errG.item()


def train(args):
    """Trains for --steps iterations; the two nets as they are then."""
    torch.manual_seed(args.seed)
    dataloader = make_loader(args)
    netG, netD = make_nets(args)
    criterion = nn.BCEWithLogitsLoss() if args.fault == "squashed-twice" else nn.BCELoss()
    optimizerG, optimizerD = make_optimizers(args, netG, netD)
    if args.fault == "net-made-anew":
        netG = Generator(args)
        netG.apply(init_for("none"))
    size = 1e-3 if args.fault == "whispered-noise" else 1.0
    fixed_noise = torch.randn(args.batch_size, args.nz, 1, 1)
    iters = 0
    while iters < args.steps:
        for (data,) in dataloader:
            b_size = data.size(0)
            noise = size * torch.randn(b_size, args.nz, 1, 1)
            if args.fault == "noise-drawn-once":
                noise = fixed_noise[:b_size]
            elif args.fault == "one-vector-repeated":
                noise = noise[:1].repeat(b_size, 1, 1, 1)
            errD, fake = update_d(args, netG, netD, optimizerD, criterion, data, noise)
            errG = update_g(args, netG, netD, optimizerG, optimizerD, criterion, fake)
            if args.fault == "d-rushes-ahead":
                for _ in range(4):
                    more = torch.randn(b_size, args.nz, 1, 1)
                    update_d(args, netG, netD, optimizerD, criterion, data, more)
            if iters % 50 == 0:
                print(f"[{iters}/{args.steps}] Loss_D: {errD:.4f} Loss_G: {errG:.4f}")
            if iters % 100 == 20:
                preview(args, netG, fixed_noise)
            iters += 1
            if iters >= args.steps:
                break
    return netG, netD


if __name__ == "__main__":
    train(get_args())
