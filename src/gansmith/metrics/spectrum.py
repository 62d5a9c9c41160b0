"""Radial power spectra: blur, and the traces of upsampling (Durall et al. 2020)."""

import numpy as np
import torch
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics.intervals import centred

GROUPS = 50
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as the features' grey
_FLOOR = 1 / (12 * 255**2)  # the variance that rounding to 8 bits adds to every frequency
_PIXELS = 4_000_000  # at a time


class SpectrumSum:
    """The mean radial log power spectrum of a stream of images, in constant memory.

    Of each image, grey in [0, 1], the power |FFT|² / (HW) is averaged over rings of equal
    frequency (the azimuthal integral of Durall et al. 2020, divided by the ring's size), and ten
    times its decimal logarithm, in dB, is averaged over the images. Ring r holds the frequencies
    that round to r / min(H, W) cycles per pixel, so the shape need not be square; the rings go on
    past 1/2 into the corners, where a checkerboard lies. The mean brightness (r = 0) is left out.
    The noise of 8-bit rounding is added as a floor, under which nothing can be told apart.
    """

    def __init__(self) -> None:
        self.count = 0
        self.shape: tuple[int, int] | None = None
        self._rings = torch.empty(0, dtype=torch.int64)
        self._weight = torch.empty(0, dtype=torch.float64)
        self._sizes = torch.empty(0, dtype=torch.float64)
        self._sums = np.empty((GROUPS, 0))
        self._counts = np.zeros(GROUPS, dtype=np.int64)

    def add(self, images: Tensor) -> None:
        """Count uint8 BCHW images in [0, 255] with 1 or 3 channels, all of one size.

        Raises:
            UserError: if they are not that, or differ in size from those before.
        """
        shape = tuple(images.shape)
        if images.dtype != torch.uint8 or images.ndim != 4 or shape[1] not in (1, 3):
            raise UserError(
                "spectrum: expected uint8 images of shape (B, 1 or 3, H, W), got "
                f"{str(images.dtype).removeprefix('torch.')} of shape {shape}"
            )
        size = (shape[2], shape[3])
        if self.shape is None:
            self._start(size)
        elif self.shape != size:
            raise UserError(f"spectrum: images of {size} px after ones of {self.shape} px")
        for part in images.split(max(1, _PIXELS // (size[0] * size[1]))):
            if len(part):
                self._add(part)

    def mean(self) -> np.ndarray:
        """The mean spectrum in dB per ring, float64 R, from the lowest frequency upwards.

        Raises:
            UserError: if there was no image.
        """
        if not self.count:
            raise UserError("spectrum: there are no images to take a spectrum of")
        return self._sums.sum(0) / self.count

    def redraws(self, count: int, seed: int) -> np.ndarray:
        """Mean spectra of ``count`` bootstrap resamples of 50 groups of images, float64 SR."""
        held = np.flatnonzero(self._counts)
        draws = np.random.default_rng(seed).multinomial(
            len(held), np.full(len(held), 1 / len(held)), size=count
        )
        return (draws @ self._sums[held]) / (draws @ self._counts[held])[:, None]

    def _start(self, size: tuple[int, int]) -> None:
        height, width = size
        if min(size) < 2:
            raise UserError(f"spectrum: images of {height}x{width} px are too small for one")
        rows = torch.fft.fftfreq(height, dtype=torch.float64)
        columns = torch.fft.rfftfreq(width, dtype=torch.float64)
        radius = (rows[:, None] ** 2 + columns**2).sqrt() * min(size)
        # Of a real image's transform one half is stored; the other mirrors it, and counts too.
        twice = torch.full((width // 2 + 1,), 2.0)
        twice[0] = 1
        if width % 2 == 0:
            twice[-1] = 1
        weight = twice.expand(height, -1).flatten().double()
        held, rings = radius.round().long().flatten().unique(return_inverse=True)
        sizes = torch.zeros(len(held), dtype=torch.float64).index_add_(0, rings, weight)
        self._rings, self._weight, self._sizes = rings, weight, sizes
        self._sums = np.zeros((GROUPS, len(held) - 1))
        self.shape = size

    def _add(self, images: Tensor) -> None:
        x = images.detach().cpu().float() / 255
        luma = x.new_tensor(_LUMA if x.shape[1] == 3 else (1.0,))
        grey = (x * luma.view(1, -1, 1, 1)).sum(1)
        power = torch.fft.rfft2(grey).abs().square().flatten(1).double() / grey[0].numel()
        rings = torch.zeros(len(grey), len(self._sizes), dtype=torch.float64)
        rings.index_add_(1, self._rings, power * self._weight)
        spectra = 10 * torch.log10(rings / self._sizes + _FLOOR)[:, 1:]
        groups = (self.count + np.arange(len(grey))) % GROUPS
        np.add.at(self._sums, groups, spectra.numpy())
        np.add.at(self._counts, groups, 1)
        self.count += len(grey)


def spectrum_error(
    real: SpectrumSum, fake: SpectrumSum, resamples: int = 200, seed: int = 0
) -> tuple[float, float, float]:
    """``(error, low, high)``: the mean over rings of |mean log spectrum - that of real|, in dB.

    0 for equal spectra; sampling noise lifts it by some hundredths at thousands of images. 3 dB
    is twice the power. The 95 % interval resamples groups of generated images, the real spectrum
    held fixed, and is centred (`gansmith.metrics.intervals.centred`).

    Raises:
        UserError: if a set is empty, or the images differ in size.
    """
    target, found = real.mean(), fake.mean()
    if real.shape != fake.shape:
        raise UserError(
            f"spectrum: real images have {real.shape} px and generated ones {fake.shape}; "
            "bring them to one size"
        )
    value = float(np.abs(found - target).mean())
    drawn = np.abs(fake.redraws(resamples, seed) - target).mean(1)
    return value, *centred(value, drawn.tolist())
