"""Feature matching: G's samples are to have the features of real ones on average."""

from torch import Tensor

from gansmith.losses.precision import wide


def feature_matching(real_BF: Tensor, fake_BF: Tensor) -> Tensor:
    """‖E f(x) − E f(G(z))‖², a scalar, summed over the features. Salimans et al. 2016, section 3.1.

    The two batches may differ in size. G minimises it; whether the features of real samples carry
    a gradient is the caller's affair.
    """
    return (wide(real_BF).mean(0) - wide(fake_BF).mean(0)).square().sum()
