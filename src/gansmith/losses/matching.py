"""Feature matching, and the other ways in which a sample is held against a real one."""

from torch import Tensor

from gansmith.engine import mean_of_ranks, world
from gansmith.losses.precision import wide

APART = (
    1e-2  # added to a distance that is divided by: a twentieth of a grey level in 8 bits is 4e-4
)


def feature_matching(real_BF: Tensor, fake_BF: Tensor) -> Tensor:
    """‖E f(x) − E f(G(z))‖², a scalar, summed over the features. Salimans et al. 2016, section 3.1.

    The two batches may differ in size. G minimises it; whether the features of real samples carry
    a gradient is the caller's affair.
    """
    real_F, fake_F = (mean_of_ranks(wide(each).mean(0)) for each in (real_BF, fake_BF))
    return (real_F - fake_F).square().sum()


def paired_matching(real: Tensor, fake: Tensor) -> Tensor:
    """E|f(x) − f(G(x′))|, a scalar: of each sample and the real one it is to become.

    Wang et al. 2018, equation (4): the mean over all features and places, of one layer.
    """
    return (wide(real) - wide(fake)).abs().mean()


def masked_l1(made_BCHW: Tensor, real_BCHW: Tensor, hole_B1HW: Tensor) -> tuple[Tensor, Tensor]:
    """E|x̂ − x| over the pixels of the holes, and over all others: two scalars.

    Pathak et al. 2016, section 3.2, have the first (as a square). A side without pixels is 0.

    Args:
        made_BCHW: what a net makes of the whole pictures.
        real_BCHW: the pictures.
        hole_B1HW: boolean, True in the hole.
    """
    away = (wide(made_BCHW) - wide(real_BCHW)).abs().mean(1, keepdim=True)
    hole = hole_B1HW.to(away.dtype)
    least = 1.0 / world()

    def over(part: Tensor) -> Tensor:
        return mean_of_ranks((away * part).sum()) / mean_of_ranks(part.sum()).clamp(min=least)

    return over(hole), over(1 - hole)


def variety(one_BCHW: Tensor, other_BCHW: Tensor, apart_B: Tensor) -> Tensor:
    """E[|z₁ − z₂| / |G(z₁) − G(z₂)|], a scalar: small where noise makes a difference.

    One over the ratio that Mao et al. 2019, equation (3), let G maximise, so that G minimises it.

    Args:
        one_BCHW, other_BCHW: samples by two draws of noise.
        apart_B: how far apart the draws are, |z₁ − z₂|, as a mean over their numbers.
    """
    moved_B = (wide(one_BCHW) - wide(other_BCHW)).abs().flatten(1).mean(1)
    return (apart_B / (moved_B + APART)).mean()
