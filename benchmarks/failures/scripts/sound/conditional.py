"""A conditional GAN: labels are embedded and put beside noise and pixels (Mirza, Osindero 2014)."""

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from gansmith import open_data

CLASSES, Z = 10, 24


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(CLASSES, CLASSES)
        self.net = nn.Sequential(
            nn.Linear(Z + CLASSES, 128),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(128, 256),
            nn.BatchNorm1d(256, 0.8),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(256, 784),
            nn.Tanh(),
        )

    def forward(self, noise, labels):
        x = torch.cat((self.embed(labels), noise), -1)
        return self.net(x).view(len(noise), 1, 28, 28)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(CLASSES, CLASSES)
        self.net = nn.Sequential(
            nn.Linear(784 + CLASSES, 256),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Dropout(0.3),
            nn.Linear(256, 64),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(64, 1),
        )

    def forward(self, img, labels):
        return self.net(torch.cat((img.view(img.size(0), -1), self.embed(labels)), -1))


def main():
    torch.manual_seed(5)
    digits = open_data("digits", limit=2048, labels=True)
    pixels, labels = digits.batch(np.arange(len(digits)))
    loader = DataLoader(TensorDataset(pixels.float() / 127.5 - 1, labels), 64, shuffle=True)
    generator, discriminator = Generator(), Discriminator()
    adversarial_loss = nn.MSELoss()
    optimizer_G = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    optimizer_D = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    for epoch in range(20):
        for imgs, labels in loader:
            valid, fake = torch.ones(len(imgs), 1), torch.zeros(len(imgs), 1)
            optimizer_G.zero_grad()
            gen_labels = torch.randint(0, CLASSES, (len(imgs),))
            gen_imgs = generator(torch.randn(len(imgs), Z), gen_labels)
            g_loss = adversarial_loss(discriminator(gen_imgs, gen_labels), valid)
            g_loss.backward()
            optimizer_G.step()
            optimizer_D.zero_grad()
            real_loss = adversarial_loss(discriminator(imgs, labels), valid)
            fake_loss = adversarial_loss(discriminator(gen_imgs.detach(), gen_labels), fake)
            ((real_loss + fake_loss) / 2).backward()
            optimizer_D.step()
        print(epoch, g_loss.item())


if __name__ == "__main__":
    main()
