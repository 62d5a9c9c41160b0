"""G's gradients are cleared before D's step, whose fakes are attached: D's loss stays in them."""

import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from gansmith import open_data

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--nz", type=int, default=32)
opt = parser.parse_args()
torch.manual_seed(999)


def weights_init(m):
    if "Conv" in m.__class__.__name__:
        nn.init.normal_(m.weight, 0.0, 0.02)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(opt.nz, 32, 7, 1, 0, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(True),
            nn.ConvTranspose2d(32, 16, 4, 2, 1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(True),
            nn.ConvTranspose2d(16, 1, 4, 2, 1, bias=False),
            nn.Tanh(),
        )

    def forward(self, z):
        return self.main(z)


def discriminator():
    return nn.Sequential(
        nn.Conv2d(1, 16, 4, 2, 1, bias=False),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(16, 32, 4, 2, 1, bias=False),
        nn.BatchNorm2d(32),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(32, 1, 7, 1, 0, bias=False),
        nn.Sigmoid(),
        nn.Flatten(0),
    )


if __name__ == "__main__":
    digits = open_data("digits", limit=1024)
    pixels, _ = digits.batch(torch.arange(len(digits)).numpy())
    images = pixels.float() / 127.5 - 1
    loader = DataLoader(TensorDataset(images), batch_size=32, shuffle=True, drop_last=True)
    netG, netD = Generator().apply(weights_init), discriminator().apply(weights_init)
    criterion = nn.BCELoss()
    optimizerD = torch.optim.Adam(netD.parameters(), lr=2e-4, betas=(0.5, 0.999))
    optimizerG = torch.optim.Adam(netG.parameters(), lr=2e-4, betas=(0.5, 0.999))
    for epoch in range(opt.epochs):
        for i, (data,) in enumerate(loader):
            netG.zero_grad()
            netD.zero_grad()
            label = torch.full((len(data),), 1.0)
            errD_real = criterion(netD(data), label)
            errD_real.backward()
            fake = netG(torch.randn(len(data), opt.nz, 1, 1))
            errD_fake = criterion(netD(fake), torch.zeros_like(label))
            errD_fake.backward(retain_graph=True)
            errG = criterion(netD(fake), label)
            errG.backward()
            optimizerD.step()
            optimizerG.step()
            if i % 10 == 0:
                print(f"[{epoch}][{i}] D {errD_real + errD_fake:.3f} G {errG:.3f}")
