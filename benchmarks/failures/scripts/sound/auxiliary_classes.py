"""AC-GAN: D also names the class, and both players' losses hold that term (Odena et al. 2017)."""

import numpy as np
import torch
from torch import nn

from gansmith import open_data

torch.manual_seed(13)
Z, BATCH = 32, 48


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.label_emb = nn.Embedding(10, Z)
        self.l1 = nn.Linear(Z, 32 * 49)
        self.conv_blocks = nn.Sequential(
            nn.BatchNorm2d(32),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(32, 16, 3, padding=1),
            nn.BatchNorm2d(16, 0.8),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(16, 1, 3, padding=1),
            nn.Tanh(),
        )

    def forward(self, noise, labels):
        h = self.l1(self.label_emb(labels) * noise)
        return self.conv_blocks(h.view(len(h), 32, 7, 7))


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, 2, 1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Dropout2d(0.25),
            nn.Conv2d(16, 32, 3, 2, 1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Flatten(),
        )
        self.adv_layer = nn.Sequential(nn.Linear(32 * 49, 1), nn.Sigmoid())
        self.aux_layer = nn.Linear(32 * 49, 10)

    def forward(self, img):
        h = self.body(img)
        return self.adv_layer(h), self.aux_layer(h)


generator, discriminator = Generator(), Discriminator()
validity, classes = nn.BCELoss(), nn.CrossEntropyLoss()
optimizer_G = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
optimizer_D = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
data, rng = open_data("digits", limit=2000, labels=True), np.random.default_rng(13)
valid, fake = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)
for i in range(600):
    pixels, labels = data.batch(rng.integers(len(data), size=BATCH))
    real_imgs = pixels.float() / 127.5 - 1
    optimizer_G.zero_grad()
    gen_labels = torch.randint(10, (BATCH,))
    gen_imgs = generator(torch.randn(BATCH, Z), gen_labels)
    said, named = discriminator(gen_imgs)
    (0.5 * (validity(said, valid) + classes(named, gen_labels))).backward()
    optimizer_G.step()
    optimizer_D.zero_grad()
    said, named = discriminator(real_imgs)
    real_loss = (validity(said, valid) + classes(named, labels)) / 2
    said, named = discriminator(gen_imgs.detach())
    fake_loss = (validity(said, fake) + classes(named, gen_labels)) / 2
    ((real_loss + fake_loss) / 2).backward()
    optimizer_D.step()
    if i % 50 == 0:
        print(i, real_loss.item(), fake_loss.item())
