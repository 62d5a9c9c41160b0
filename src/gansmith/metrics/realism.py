"""Which generated samples look most, and least, like the real ones (Kynkäänniemi et al. 2019)."""

import torch
from torch import Tensor

from gansmith.metrics.checks import feature_pair
from gansmith.metrics.neighbours import ROWS, ball_radii, centred_pair


def realism(real_NF: Tensor, fake_MF: Tensor, k: int = 3) -> Tensor:
    """R(y) = max_i r_i / ||y - x_i||, float64 M: their equation (3).

    r_i is the distance of the real sample x_i to its k-th nearest real neighbour; the half of the
    balls with the larger radii is left out, since one stray real sample would make its whole
    surroundings look real. Above 1 a sample lies inside some ball; the larger, the more typical.

    Raises:
        UserError: for at most k samples, values that are not finite, or unequal dimensions.
    """
    real, fake = feature_pair(real_NF, fake_MF, least=k + 1)
    real, fake = centred_pair(real, fake)
    radius = ball_radii(real, k)
    held = radius <= radius.median()
    balls, radius = real[held], radius[held]
    parts = []
    for rows in fake.split(ROWS):
        distance = torch.cdist(rows, balls)
        parts.append((radius / distance.clamp(min=1e-12)).max(1).values)
    return torch.cat(parts)
