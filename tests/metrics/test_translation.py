"""Scores of pairs: values that are known, and directions."""

import math

import pytest
import torch

from gansmith.errors import UserError
from gansmith.metrics.translation import measure_pairs, pair_card


def pictures(count=12) -> torch.Tensor:
    draw = torch.Generator().manual_seed(0)
    return torch.randint(10, 240, (count, 3, 16, 16), generator=draw, dtype=torch.uint8)


def test_a_constant_error_is_known():
    x = pictures()
    card = pair_card([(x[:8] + 10, x[:8]), (x[8:] + 10, x[8:])])
    assert card["psnr"].value == pytest.approx(20 * math.log10(25.5))
    assert card["psnr"].n == 12
    assert 0.9 < card["ssim"].value < 1.0
    assert list(card) == ["psnr", "ssim"]


def test_what_is_the_same_is_best_and_noise_is_worse():
    x = pictures()
    noisy = (x.int() + torch.randint(-9, 10, x.shape)).clamp(0, 255).to(torch.uint8)
    same, other = (measure_pairs([(made, x)])[0] for made in (x, noisy))
    for name in ("psnr", "ssim"):
        assert bool((same[name] > other[name]).all())
    torch.testing.assert_close(same["ssim"], torch.ones(12, dtype=torch.float64))


def test_a_distance_is_named():
    x = pictures()
    card = pair_card([(x, x)], ("twice", lambda a, b: torch.full((len(a),), 2.0)))
    assert (card["lpips_target"].value, card["lpips_target"].features) == (2.0, "twice")


def test_no_pictures_is_one_clear_line():
    with pytest.raises(UserError, match="no pictures to score"):
        pair_card([])
