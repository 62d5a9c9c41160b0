"""What D is told of a sample: smoothed targets and flipped labels."""

import torch
from torch import Tensor

from gansmith.errors import UserError
from gansmith.losses.adversarial import LOSSES
from gansmith.losses.contract import AdversarialLoss


def told(
    loss: AdversarialLoss,
    real_B: Tensor,
    fake_B: Tensor,
    smooth: float = 0.0,
    flipped_real_B: Tensor | None = None,
    flipped_fake_B: Tensor | None = None,
) -> Tensor:
    """D's loss where it is told 1 − ``smooth`` of real samples and 0 of fake ones, some flipped.

    One-sided smoothing: Salimans et al. 2016, section 3.4. Fake targets stay at 0, else D's optimum
    would have the density of fakes in its numerator and would praise them where there are no
    data. A flipped real sample is told what fakes are told, and the other way round.

    Args:
        loss: one with targets.
        real_B, fake_B: D's outputs.
        smooth: in [0, 1).
        flipped_real_B, flipped_fake_B: masks of type bool, true where the label is wrong.

    Returns:
        A scalar; ``loss.d_loss`` where nothing is smoothed or flipped.

    Raises:
        UserError: the loss has no targets.
    """
    if loss.towards is None:
        known = ", ".join(name for name, each in LOSSES.items() if each.towards is not None)
        raise UserError(
            f"the loss of {loss.source} has no targets to smooth or flip: set targets.smooth and "
            f"targets.flip to 0, or take one of the losses {known}"
        )
    high_B, low_B = torch.full_like(real_B, 1 - smooth), torch.zeros_like(fake_B)
    told_real_B = high_B if flipped_real_B is None else torch.where(flipped_real_B, low_B, high_B)
    told_fake_B = low_B if flipped_fake_B is None else torch.where(flipped_fake_B, high_B, low_B)
    return (loss.towards(real_B, told_real_B) + loss.towards(fake_B, told_fake_B)).mean()
