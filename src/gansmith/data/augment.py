"""Differentiable augmentation of everything D sees, so that few images last longer.

After DiffAugment (Zhao et al. 2020): the same random distortions for real and generated images, in
D's step and in G's, with gradients flowing through them to G. Because D never sees an image
undistorted, G is not rewarded for distorting its own.

Every draw comes from what the caller seeds, so that a run stays a function of its seed.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import pad

from gansmith.engine import Draw, sent

SHIFT = 1 / 8  # of each side
HOLE = 1 / 2  # of each side


def _uniform(x: Tensor, low: float, high: float, draw: Draw) -> Tensor:
    values = draw.uniform(len(x)) * (high - low) + low
    return sent(values, x.device, x.dtype).view(-1, 1, 1, 1)


def color(x_BCHW: Tensor, draw: Draw) -> Tensor:
    """Brightness ±0.5, saturation ×[0, 2] and contrast ×[0.5, 1.5], one draw per image.

    Two RGB pictures behind each other (a pair) are changed alike; each is its own saturation's.
    """
    x = x_BCHW + _uniform(x_BCHW, -0.5, 0.5, draw)
    grey = x.mean(1, keepdim=True)
    if x.shape[1] == 6:
        grey = x.unflatten(1, (2, 3)).mean(2).repeat_interleave(3, 1)
    x = grey + (x - grey) * _uniform(x, 0.0, 2.0, draw)
    level = x.mean((1, 2, 3), keepdim=True)
    return level + (x - level) * _uniform(x, 0.5, 1.5, draw)


def translation(x_BCHW: Tensor, draw: Draw) -> Tensor:
    """Shift by up to an eighth of each side; what comes in from outside is black (−1)."""
    count, _, height, width = x_BCHW.shape
    down, across = max(1, round(height * SHIFT)), max(1, round(width * SHIFT))
    offsets_y = sent(draw.integers(0, 2 * down + 1, count), x_BCHW.device)
    offsets_x = sent(draw.integers(0, 2 * across + 1, count), x_BCHW.device)
    padded = pad(x_BCHW, (across, across, down, down), value=-1.0)
    rows = offsets_y[:, None] + torch.arange(height, device=x_BCHW.device)
    columns = offsets_x[:, None] + torch.arange(width, device=x_BCHW.device)
    each = torch.arange(count, device=x_BCHW.device)
    cut = padded.permute(0, 2, 3, 1)[each[:, None, None], rows[:, :, None], columns[:, None, :]]
    return cut.permute(0, 3, 1, 2)


def cutout(x_BCHW: Tensor, draw: Draw) -> Tensor:
    """Replace a rectangle of half of each side, at a random place, by mid-grey (0)."""
    count, _, height, width = x_BCHW.shape
    device = x_BCHW.device
    top = sent(draw.integers(-(height // 4), height - height // 4, count, 1), device)
    left = sent(draw.integers(-(width // 4), width - width // 4, count, 1), device)
    y, x = (torch.arange(side, device=device)[None] for side in (height, width))
    in_rows = (y >= top) & (y < top + round(height * HOLE))
    in_columns = (x >= left) & (x < left + round(width * HOLE))
    keep = ~(in_rows[:, :, None] & in_columns[:, None, :])
    return x_BCHW * keep[:, None].to(x_BCHW.dtype)


Distortion = Callable[[Tensor, Draw], Tensor]

POLICIES: dict[str, tuple[Distortion, ...]] = {
    "none": (),
    "color": (color,),
    "translation": (translation,),
    "cutout": (cutout,),
    "all": (color, translation, cutout),
}


MOST_CHANCE = 0.8  # the distortion that is seen less often than not does not leak: ADA, sec. 2.2


def beyond(policy: str) -> tuple[Distortion, ...]:
    """The distortions that a policy lacks."""
    return tuple(each for each in POLICIES["all"] if each not in POLICIES[policy])


def sometimes(x_BCHW: Tensor, policy: str, chance: float, draw: Draw) -> Tensor:
    """Each image, with this chance, through the distortions `beyond` a policy.

    Karras et al. 2020 (ADA), section 2.2: a distortion that is left out often enough can be undone
    by G, so that G is not rewarded for distorted samples.
    Theirs have a draw each, ours one for all.
    """
    drawn_B = sent(draw.uniform(len(x_BCHW)) < chance, x_BCHW.device)
    distorted = x_BCHW
    for distortion in beyond(policy):
        distorted = distortion(distorted, draw)
    return torch.where(drawn_B[:, None, None, None], distorted, x_BCHW)


def augment(x_BCHW: Tensor, policy: str, draw: Draw) -> Tensor:
    """Distort a batch in [−1, 1]; differentiable in ``x_BCHW``. The output may leave [−1, 1]."""
    for distortion in POLICIES[policy]:
        x_BCHW = distortion(x_BCHW, draw)
    return x_BCHW
