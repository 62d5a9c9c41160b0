"""What only completions show: whether there is anything in the holes."""

import torch
from torch import Tensor

from gansmith.doctor.signs import Signs

LEAST = 4  # pixels of a hole that is looked at, and fillings
FLAT = 1e-6  # a variance of real pixels below which there is nothing to compare with


@torch.no_grad()
def fillings(made_BCHW: Tensor, real_BCHW: Tensor, hole_B1HW: Tensor) -> Signs:
    """``hole_detail`` and ``hole_tone`` of fillings, each 1 where they are as the pictures were.

    The first is the deviation of the values within a hole about its own mean, the second that of
    the holes' means from picture to picture, both over the same of the pixels that had been there.
    A completer that paints grey has 0 of both, one that paints the mean of what surrounds the hole
    0 of the first. What squares or absolute distances alone are least by is a mean of all that may
    have been there, of little detail (Pathak et al. 2016, section 3.2).

    Args:
        made_BCHW: completed pictures.
        real_BCHW: the pictures that the holes were cut into, in the same range.
        hole_B1HW: boolean, True in the hole.

    Returns:
        Neither sign where there are fewer than 4 holes of 4 pixels or more, none of which is said
        whose real pixels do not vary.
    """
    large_B = hole_B1HW.flatten(1).sum(1) >= LEAST
    if int(large_B.sum()) < LEAST:
        return {}
    hole = hole_B1HW[large_B].double()
    count_B1 = hole.sum((2, 3))

    def spread(x_BCHW: Tensor) -> tuple[float, float]:
        x = x_BCHW[large_B].detach().double()
        mean_BC = (x * hole).sum((2, 3)) / count_B1
        away = (x - mean_BC[:, :, None, None]) * hole
        within = (away.square().sum((2, 3)) / count_B1).mean()
        return float(within), float(mean_BC.var(0, correction=0).mean())

    names = ("hole_detail", "hole_tone")
    pairs = zip(names, spread(made_BCHW), spread(real_BCHW), strict=True)
    return {name: (made / real) ** 0.5 for name, made, real in pairs if real > FLAT}
