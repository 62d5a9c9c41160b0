"""The distributions that z may have, each as a function of N(0, 1) numbers."""

import math
from collections.abc import Callable

from torch import Tensor


def normal(noise: Tensor) -> Tensor:
    """N(0, 1), as it comes."""
    return noise


def uniform(noise: Tensor) -> Tensor:
    """U(−1, 1): 2·Φ(n) − 1 = erf(n/√2), the normal distribution function of each number."""
    return (noise / math.sqrt(2.0)).erf()


PRIORS: dict[str, Callable[[Tensor], Tensor]] = {"normal": normal, "uniform": uniform}
