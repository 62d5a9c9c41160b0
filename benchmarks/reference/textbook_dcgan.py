"""The reference: a DCGAN training loop as the tutorials print it.

Width 64, batch 128, batch normalisation, binary cross-entropy on logits, Adam with rate 2e-4 and
β₁ 0.5, contiguous tensors, torch's default threads, no moving average. Images of 28×28 are padded
to 32×32 (and cropped again), which loses nothing. It uses gansmith only to read the data.

Writes 10,000 samples as ``samples.npz``: twice, with batch statistics (``train``) and with running
statistics (``eval``), since tutorials do either.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import pad

from gansmith.data import Dataset, open_data

Z, WIDTH, BATCH, SAMPLES = 100, 64, 128, 10_000


def generator(channels: int) -> nn.Module:
    """z as a 1×1 image → 4 → 8 → 16 → 32."""
    layers: list[nn.Module] = []
    for before, after, stride, padding in (
        (Z, WIDTH * 4, 1, 0),
        (WIDTH * 4, WIDTH * 2, 2, 1),
        (WIDTH * 2, WIDTH, 2, 1),
    ):
        layers += [nn.ConvTranspose2d(before, after, 4, stride, padding, bias=False)]
        layers += [nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
    layers += [nn.ConvTranspose2d(WIDTH, channels, 4, 2, 1, bias=False), nn.Tanh()]
    return nn.Sequential(*layers)


def discriminator(channels: int) -> nn.Module:
    """32 → 16 → 8 → 4 → one logit."""
    layers: list[nn.Module] = [nn.Conv2d(channels, WIDTH, 4, 2, 1, bias=False)]
    layers += [nn.LeakyReLU(0.2, inplace=True)]
    for before, after in ((WIDTH, WIDTH * 2), (WIDTH * 2, WIDTH * 4)):
        layers += [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after)]
        layers += [nn.LeakyReLU(0.2, inplace=True)]
    return nn.Sequential(*layers, nn.Conv2d(WIDTH * 4, 1, 4, 1, 0, bias=False), nn.Flatten(0))


def initialise(net: nn.Module) -> nn.Module:
    """N(0, 0.02) weights and N(1, 0.02) gains."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.02)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
    return net


def train(data: Dataset, seconds: float, seed: int) -> tuple[nn.Module, int, float]:
    """Train for the given wall time; returns G, the images seen and the seconds taken."""
    torch.manual_seed(seed)
    order = np.random.default_rng(seed)
    channels, height, _ = data.info.shape
    border = (32 - height) // 2
    G, D = initialise(generator(channels)), initialise(discriminator(channels))
    adam_g = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
    adam_d = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))
    real_label, fake_label = torch.ones(BATCH), torch.zeros(BATCH)
    begun, images = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        pixels, _ = data.batch(order.integers(len(data), size=BATCH))
        real = pad(pixels.float() / 127.5 - 1.0, [border] * 4, value=-1.0)
        adam_d.zero_grad()
        bce(D(real), real_label).backward()
        fake = G(torch.randn(BATCH, Z, 1, 1))
        bce(D(fake.detach()), fake_label).backward()
        adam_d.step()
        adam_g.zero_grad()
        bce(D(fake), real_label).backward()
        adam_g.step()
        images += BATCH
    return G, images, time.perf_counter() - begun


@torch.no_grad()
def draw(G: nn.Module, side: int, seed: int, samples: int = SAMPLES) -> np.ndarray:
    """So many uint8 NCHW images, in whole batches of 500, cropped to ``side``."""
    torch.manual_seed(seed + 1)
    border = (32 - side) // 2
    parts: list[Tensor] = []
    for _ in range(samples // 500):
        x = G(torch.randn(500, Z, 1, 1))[:, :, border : border + side, border : border + side]
        parts.append((x * 127.5 + 127.5).round().to(torch.uint8))
    return torch.cat(parts).numpy()


def main() -> None:
    """Train, sample, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="?", default="digits")
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=int, default=SAMPLES, help="0: none are drawn")
    parser.add_argument("--out", type=Path, default=Path("runs/textbook"))
    args = parser.parse_args()
    data = open_data(args.data)
    G, images, seconds = train(data, args.seconds, args.seed)
    if args.samples:
        args.out.mkdir(parents=True, exist_ok=True)
        for mode in ("train", "eval"):
            G.train(mode == "train")
            drawn = draw(G, data.info.shape[1], args.seed, args.samples)
            np.savez(args.out / f"{mode}.npz", images=drawn)
    print(json.dumps({"images": images, "seconds": seconds, "images_per_second": images / seconds}))


if __name__ == "__main__":
    main()
