import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision.transforms.functional as TF
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gansmith.data import open_data
from gansmith.errors import UserError
from gansmith.metrics import SpectrumSum, spectrum_error


def spectrum(*batches: Tensor) -> SpectrumSum:
    found = SpectrumSum()
    for images in batches:
        found.add(images)
    return found


def as_bytes(x: Tensor) -> Tensor:
    return x.round().clamp(0, 255).to(torch.uint8)


def checker(height: int, width: int) -> Tensor:
    return ((torch.arange(height)[:, None] + torch.arange(width)) % 2) * 2.0 - 1


@pytest.fixture(scope="module")
def digits() -> tuple[Tensor, Tensor]:
    data = open_data("digits", split="test")
    return data.batch(np.arange(0, 2000, 2))[0], data.batch(np.arange(1, 2000, 2))[0]


@given(st.integers(2, 23), st.integers(2, 23), st.sampled_from([1, 3]))
def test_rings_are_those_of_the_full_transform(height: int, width: int, channels: int) -> None:
    generator = torch.Generator().manual_seed(height * 100 + width)
    image = torch.randint(0, 256, (1, channels, height, width), generator=generator)
    image = image.to(torch.uint8)
    luma = torch.tensor([0.299, 0.587, 0.114] if channels == 3 else [1.0])
    grey = (image[0] / 255 * luma[:, None, None]).sum(0).double().numpy()
    power = np.abs(np.fft.fft2(grey)) ** 2 / grey.size
    fy, fx = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)
    # The same sum in the same order, so that halves round to the same side.
    rings = np.rint(np.sqrt(fy**2 + fx**2) * min(height, width))
    expected = [power[rings == ring].mean() for ring in np.unique(rings)[1:]]
    expected = 10 * np.log10(np.array(expected) + 1 / (12 * 255**2))
    assert spectrum(image).mean() == pytest.approx(expected, abs=1e-3)


def test_white_noise_is_flat_at_its_variance() -> None:
    found = spectrum(as_bytes(128 + 25.5 * torch.randn(200, 1, 40, 24))).mean()
    assert found[3:-2] == pytest.approx(np.full(len(found) - 5, -20), abs=0.35)
    # The mean of a logarithm lies below the logarithm of the mean: where a ring is the corner
    # alone, with one degree of freedom, by (gamma + log 2) 10 / log 10 = 5.5 dB, here shared.
    assert -25.6 < found[-1] < -20


def test_a_checkerboard_lies_in_the_last_ring_only() -> None:
    found = spectrum(as_bytes(128 + 50 * checker(32, 32)).expand(2, 1, 32, 32)).mean()
    floor = 10 * math.log10(1 / (12 * 255**2))
    assert found[:-1] == pytest.approx(np.full(len(found) - 1, floor), abs=1e-3)
    assert found[-1] > floor + 30


def test_brightness_does_not_count_and_contrast_does(digits: tuple[Tensor, Tensor]) -> None:
    half = as_bytes(digits[0] * 0.5)
    lifted = as_bytes(half.float() + 60)
    assert spectrum_error(spectrum(half), spectrum(lifted))[0] < 1e-3
    # Half of the amplitude is a quarter of the power: 6.02 dB.
    assert spectrum_error(spectrum(digits[0]), spectrum(half))[0] == pytest.approx(6.02, abs=0.1)


def test_blur_and_upsampling_are_seen(digits: tuple[Tensor, Tensor]) -> None:
    real, other = digits
    target = spectrum(real)
    value, low, high = spectrum_error(target, spectrum(other))
    assert low <= value < 0.4
    small = F.avg_pool2d(other.float(), 2)
    harmed = {
        "little blur": TF.gaussian_blur(other, [5, 5], [0.5, 0.5]),
        "blur": TF.gaussian_blur(other, [5, 5], [1.0, 1.0]),
        "nearest": as_bytes(F.interpolate(small, scale_factor=2)),
        "bilinear": as_bytes(F.interpolate(small, scale_factor=2, mode="bilinear")),
        "checkerboard": as_bytes(other + 4 * checker(28, 28)),
    }
    scores = {name: spectrum_error(target, spectrum(images)) for name, images in harmed.items()}
    assert all(score[1] > high for score in scores.values())
    assert scores["blur"][1] > scores["little blur"][2]
    # Blur takes power from the high frequencies, and a checkerboard adds it to the highest.
    shift = spectrum(harmed["blur"]).mean() - target.mean()
    assert shift[:2].min() > -3 > -10 > shift[10:].max()
    shift = spectrum(harmed["checkerboard"]).mean() - target.mean()
    assert shift[-1] > 5


def test_a_stream_is_the_whole(digits: tuple[Tensor, Tensor]) -> None:
    images = digits[0][:130]
    whole, parts = spectrum(images), spectrum(images[:7], images[7:7], *images[7:].split(60))
    assert parts.count == whole.count == 130
    assert parts.mean() == pytest.approx(whole.mean(), abs=1e-9)
    assert spectrum_error(whole, parts, seed=2)[0] < 1e-9
    assert spectrum(images, images).mean() == pytest.approx(whole.mean(), abs=1e-9)


def test_interval_is_as_wide_as_the_scatter_of_fresh_draws() -> None:
    target = spectrum(as_bytes(128 + 30 * torch.randn(400, 1, 16, 16)))
    draws = [spectrum(as_bytes(100 + 20 * torch.randn(60, 1, 16, 16))) for _ in range(40)]
    scores = [spectrum_error(target, draw) for draw in draws]
    scatter = np.std([score[0] for score in scores])
    assert 0.7 < np.mean([(high - low) / 3.92 for _, low, high in scores]) / scatter < 1.4


def test_one_flat_image_is_finite() -> None:
    flat = spectrum(torch.full((1, 1, 9, 9), 7, dtype=torch.uint8))
    assert np.isfinite(flat.mean()).all()
    assert spectrum_error(flat, flat) == (0.0, 0.0, 0.0)


def test_refuses_what_has_no_spectrum() -> None:
    some = torch.zeros(2, 1, 8, 8, dtype=torch.uint8)
    with pytest.raises(UserError, match="no images"):
        spectrum_error(spectrum(some), SpectrumSum())
    with pytest.raises(UserError, match="after ones"):
        spectrum(some, some[..., :6])
    with pytest.raises(UserError, match="bring them to one size"):
        spectrum_error(spectrum(some), spectrum(some[..., :6]))
    with pytest.raises(UserError, match="float32"):
        spectrum(some.float())
    with pytest.raises(UserError, match="too small"):
        spectrum(some[..., :1])
