"""A Lightning module with manual optimisation; G is given D's label for fakes."""

import warnings

import numpy as np
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from gansmith import open_data

warnings.simplefilter("ignore")  # Lightning's advice on workers and loggers
pl.seed_everything(0)
Z, BATCH = 32, 64


class GAN(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.automatic_optimization = False
        self.generator = nn.Sequential(
            nn.Linear(Z, 128),
            nn.ReLU(),
            nn.Linear(128, 256),
            nn.ReLU(),
            nn.Linear(256, 784),
            nn.Tanh(),
        )
        self.discriminator = nn.Sequential(
            nn.Linear(784, 256),
            nn.LeakyReLU(0.2),
            nn.Linear(256, 128),
            nn.LeakyReLU(0.2),
            nn.Linear(128, 1),
        )

    def forward(self, z):
        return self.generator(z)

    def training_step(self, batch, index):
        (real,) = batch
        opt_g, opt_d = self.optimizers()

        self.toggle_optimizer(opt_g)
        judged = self.discriminator(self(torch.randn(len(real), Z)))
        g_loss = F.binary_cross_entropy_with_logits(judged, torch.zeros_like(judged))
        opt_g.zero_grad()
        self.manual_backward(g_loss)
        opt_g.step()
        self.untoggle_optimizer(opt_g)

        self.toggle_optimizer(opt_d)
        true = self.discriminator(real)
        false = self.discriminator(self(torch.randn(len(real), Z)).detach())
        d_loss = F.binary_cross_entropy_with_logits(true, torch.ones_like(true))
        d_loss = d_loss + F.binary_cross_entropy_with_logits(false, torch.zeros_like(false))
        opt_d.zero_grad()
        self.manual_backward(d_loss)
        opt_d.step()
        self.untoggle_optimizer(opt_d)

    def configure_optimizers(self):
        return [
            torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999))
            for net in (self.generator, self.discriminator)
        ]


pixels, _ = open_data("digits", limit=2000).batch(np.arange(2000))
loader = DataLoader(TensorDataset(pixels.float().flatten(1) / 127.5 - 1), BATCH, shuffle=True)
quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
trainer = pl.Trainer(max_epochs=20, accelerator="cpu", enable_model_summary=False, **quiet)
trainer.fit(GAN(), loader)
