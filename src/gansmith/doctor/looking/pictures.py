"""What only images show: their range of values, and the power of their finest frequencies."""

import math

import numpy as np
import torch
from torch import Tensor

from gansmith.doctor.signs import Signs
from gansmith.metrics import SpectrumSum
from gansmith.models import to_uint8

TAIL = 0.001  # values beyond this quantile on either side are left out of a range
MOST_VALUES = 1_000_000  # that a quantile is taken of
FLOOR = 1 / (12 * 255**2)  # of power: what rounding to 8 bits adds (as in metrics.spectrum)


def value_range(x: Tensor) -> tuple[float, float]:
    """The 0.1 % and the 99.9 % quantile of all values, of every k-th where there are very many."""
    values = x.detach().flatten().float()
    values = values[:: math.ceil(len(values) / MOST_VALUES)]
    low, high = torch.quantile(values, values.new_tensor([TAIL, 1 - TAIL]))
    return float(low), float(high)


def _grey(x: Tensor) -> Tensor:
    return x.detach().float().mean(1)


def finest_power(x: Tensor) -> float:
    """Mean power, per pixel, at half the sampling rate: of rows, of columns and of both at once.

    These are the patterns of period 2 that transposed convolutions whose kernel is no multiple of
    their stride leave (Odena et al. 2016, "Deconvolution and checkerboard artifacts").
    """
    grey = _grey(x)
    height, width = grey.shape[1:]
    grey = grey[:, : height - height % 2, : width - width % 2]
    rows = 1.0 - 2.0 * (torch.arange(grey.shape[1], device=grey.device) % 2)
    columns = 1.0 - 2.0 * (torch.arange(grey.shape[2], device=grey.device) % 2)
    sums = [
        torch.einsum("bhw,h->b", grey, rows),
        torch.einsum("bhw,w->b", grey, columns),
        torch.einsum("bhw,h,w->b", grey, rows, columns),
    ]
    power = torch.stack(sums).square().mean() / grey[0].numel()
    return float(power)


class Pictures:
    """The spectrum and range of real images, which generated ones are held against.

    Args:
        real: (B, C, H, W) with 1 or 3 channels, in the range that D sees.
    """

    def __init__(self, real: Tensor) -> None:
        self.low, self.high = value_range(real)
        self._spectrum = self._mean_spectrum(real)
        self._finest = finest_power(self._unit(real))

    def _unit(self, x: Tensor) -> Tensor:
        """In [0, 1] where the real ones are."""
        return (x.detach().float() - self.low) / max(self.high - self.low, 1e-12)

    def _mean_spectrum(self, x: Tensor) -> np.ndarray:
        spectrum = SpectrumSum()
        spectrum.add(to_uint8(self._unit(x), 0.0, 1.0).cpu())
        return spectrum.mean()

    def signs(self, fake: Tensor) -> Signs:
        """``spectrum_high``, ``checkerboard`` and the four of the range.

        The rings are those of `gansmith.metrics.SpectrumSum`; the upper half lies above a quarter
        of the sampling rate. Durall et al. 2020, section 3.
        """
        low, high = value_range(fake)
        gap_R = (self._mean_spectrum(fake) - self._spectrum) / 10
        upper = gap_R[min(fake.shape[2:]) // 4 :]
        finest = finest_power(self._unit(fake))
        return {
            "low_fake": low,
            "high_fake": high,
            "low_real": self.low,
            "high_real": self.high,
            "spectrum_high": float(upper.mean()),
            "checkerboard": math.log10((finest + FLOOR) / (self._finest + FLOOR)),
        }
