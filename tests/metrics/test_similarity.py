import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision.transforms.functional as TF
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import correlate1d
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics import ms_ssim, ms_ssim_distance
from gansmith.metrics.similarity import WEIGHTS, scales


def images(count: int = 2, channels: int = 1, height: int = 32, width: int = 32) -> Tensor:
    coarse = torch.rand(count, channels, height // 4 + 1, width // 4 + 1) * 255
    smooth = F.interpolate(coarse, (height, width), mode="bilinear")
    return (smooth + 8 * torch.randn(smooth.shape)).round().clamp(0, 255).to(torch.uint8)


def by_scipy(a: np.ndarray, b: np.ndarray, count: int) -> float:
    """The formula on one grey image, with scipy's filter cut to its valid part."""
    weights, result = np.array(WEIGHTS[:count]) / sum(WEIGHTS[:count]), 1.0
    for level, weight in enumerate(weights):
        size = min(11, *a.shape)
        size -= 1 - size % 2
        offset = np.arange(size) - size // 2
        window = np.exp(-0.5 * (offset / (1.5 * size / 11)) ** 2)
        window /= window.sum()
        r, (h, w) = size // 2, a.shape

        def mean(x: np.ndarray, window=window, r=r, h=h, w=w) -> np.ndarray:  # type: ignore
            return correlate1d(correlate1d(x, window, 0), window, 1)[r : h - r, r : w - r]

        mu_a, mu_b = mean(a), mean(b)
        va, vb, cov = mean(a * a) - mu_a**2, mean(b * b) - mu_b**2, mean(a * b) - mu_a * mu_b
        contrast = ((2 * cov + 58.5225) / (va + vb + 58.5225)).mean()
        light = ((2 * mu_a * mu_b + 6.5025) / (mu_a**2 + mu_b**2 + 6.5025)).mean()
        result *= max(contrast, 0) ** weight * (light**weight if level == count - 1 else 1)
        h2, w2 = h // 2, w // 2
        a, b = (x[: 2 * h2, : 2 * w2].reshape(h2, 2, w2, 2).mean((1, 3)) for x in (a, b))
    return float(result)


@pytest.mark.parametrize(
    ("height", "width", "count"),
    [(5, 9, 1), (13, 40, 1), (28, 28, 3), (33, 31, 3), (64, 80, 4), (112, 112, 5), (120, 150, 5)],
)
def test_agrees_with_the_formula_at_every_size(height: int, width: int, count: int) -> None:
    assert scales(height, width) == count
    a = images(3, 1, height, width)
    b = torch.cat([images(1, 1, height, width), 255 - a[1:2], TF.gaussian_blur(a[2:], [5, 5])])
    expected = [
        by_scipy(x.double().numpy(), y.double().numpy(), count)
        for x, y in zip(a[:, 0], b[:, 0], strict=True)
    ]
    assert ms_ssim(a, b).tolist() == pytest.approx(expected, abs=2e-4)


def test_flat_images_differ_in_luminance_alone() -> None:
    a, b = torch.full((1, 1, 112, 112), 100.0), torch.full((1, 1, 112, 112), 50.0)
    light = (2 * 100 * 50 + 6.5025) / (100**2 + 50**2 + 6.5025)
    found = ms_ssim(a.to(torch.uint8), b.to(torch.uint8))
    assert found.item() == pytest.approx(light ** (0.1333 / sum(WEIGHTS)), abs=1e-4)


@settings(max_examples=40)
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3]))
def test_lies_between_zero_and_one_and_is_one_for_equal_images(
    height: int, width: int, channels: int
) -> None:
    generator = torch.Generator().manual_seed(height * 41 + width)
    a, b = (
        torch.randint(0, 256, (2, channels, height, width), generator=generator).to(torch.uint8)
        for _ in range(2)
    )
    found = ms_ssim(a, b)
    assert found.shape == (2,)
    assert bool(((found >= 0) & (found <= 1 + 1e-6)).all())
    torch.testing.assert_close(found, ms_ssim(b, a), atol=1e-6, rtol=0)
    torch.testing.assert_close(ms_ssim(a, a), torch.ones(2), atol=1e-5, rtol=0)


def test_more_harm_is_less_similar() -> None:
    a = images(8, 3, 64, 64)
    little, much = (TF.gaussian_blur(a, [9, 9], [sigma, sigma]) for sigma in (1.0, 4.0))
    scores = [ms_ssim(a, b).mean().item() for b in (a, little, much, a.flip(0))]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(1, abs=1e-5)
    assert scores[-1] < 0.5
    torch.testing.assert_close(ms_ssim_distance(a, much), 1 - ms_ssim(a, much))


def test_refuses_what_are_no_pairs_of_images() -> None:
    a = images()
    with pytest.raises(UserError, match="two equal shapes"):
        ms_ssim(a, a[:1])
    with pytest.raises(UserError, match="uint8"):
        ms_ssim(a, a.float())
