"""The reference: torchvision's ImageFolder and torch's DataLoader, as their users set them up."""

import time
from pathlib import Path

from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder


def rate(folder: Path, workers: int, batch: int, side: int) -> float:
    """Images per second over one epoch of uint8 batches, after the first one."""
    steps = [transforms.Resize(side), transforms.CenterCrop(side), transforms.PILToTensor()]
    data = ImageFolder(str(folder), transforms.Compose(steps))
    loader = DataLoader(data, batch, shuffle=True, num_workers=workers, drop_last=True)
    batches = iter(loader)
    next(batches)
    started, seen = time.perf_counter(), 0
    for images, _ in batches:
        seen += len(images)
    return seen / (time.perf_counter() - started)
