"""The precision in which losses are taken, whatever that of the nets."""

import torch
from torch import Tensor


def wide(x: Tensor) -> Tensor:
    """``x`` in float32, or as it is where it is float64; any shape.

    A half type has neither the range of an exponential nor the digits of softplus's tail (chosen
    after Micikevicius et al. 2018, section 3.3, who take reductions in float32).
    """
    return x if x.dtype == torch.float64 else x.float()
