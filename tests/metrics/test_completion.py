"""How near a filled hole is to what was there: closed forms, a reference, directions."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d

from gansmith.errors import UserError
from gansmith.metrics.completion import (
    EDGES,
    by_hole,
    filling_card,
    masked_psnr,
    masked_ssim,
    mean_score,
    measure_fillings,
    sizes,
)


def pictures(count=4, channels=3, size=24, seed=0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(40, 216, (count, channels, size, size), generator=draw, dtype=torch.uint8)


def box(count=4, size=24, side=8) -> torch.Tensor:
    mask = torch.zeros(count, size, size, dtype=torch.bool)
    mask[:, 4 : 4 + side, 6 : 6 + side] = True
    return mask


def moved(x: torch.Tensor, mask: torch.Tensor, by: int) -> torch.Tensor:
    return torch.where(mask[:, None], x + by, x)


@pytest.mark.parametrize("by", [1, 5, 30])
def test_psnr_of_a_shift_is_its_formula_whatever_the_size_of_the_hole(by):
    x = pictures()
    for side in (2, 8, 16):
        mask = box(side=side)
        found = masked_psnr(moved(x, mask, by), x, mask)
        assert found.tolist() == pytest.approx([20 * math.log10(255 / by)] * 4)


def test_what_lies_outside_the_hole_does_not_count():
    x, mask = pictures(), box()
    elsewhere = torch.where(mask[:, None], x, 255 - x)
    assert masked_psnr(elsewhere, x, mask).tolist() == pytest.approx([58.92] * 4, abs=0.01)
    assert masked_ssim(x, x, mask).tolist() == pytest.approx([1.0] * 4)


def by_scipy(a: np.ndarray, b: np.ndarray, mask: np.ndarray) -> float:
    """SSIM of one grey picture by scipy's filter, its window weighed anew at the edge."""
    window = np.exp(-0.5 * ((np.arange(11) - 5) / 1.5) ** 2)

    def mean(x: np.ndarray) -> np.ndarray:
        for axis in (0, 1):
            x = correlate1d(x, window, axis=axis, mode="constant")
        return x

    weight = mean(np.ones_like(a))
    ma, mb = mean(a) / weight, mean(b) / weight
    va, vb = mean(a * a) / weight - ma**2, mean(b * b) / weight - mb**2
    cov = mean(a * b) / weight - ma * mb
    c1, c2 = 1e-4, 9e-4
    found = (2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    return float(found[mask].mean())


def test_ssim_is_that_of_its_formula():
    a, b, mask = pictures(3, 1), pictures(3, 1, seed=1), box(3)
    mask[0, :3, :3] = True  # at the edge too
    found = masked_ssim(a, b, mask)
    for i in range(3):
        pair = (each[i, 0].double().numpy() / 255 for each in (a, b))
        assert float(found[i]) == pytest.approx(by_scipy(*pair, mask[i].numpy()), abs=1e-9)


def test_more_noise_in_the_hole_is_worse():
    x, mask = pictures(), box()
    noise = torch.randn(x.shape)
    psnr, ssim = [], []
    for size in (2, 10, 40):
        made = torch.where(mask[:, None], (x + size * noise).clamp(0, 255).to(torch.uint8), x)
        psnr.append(float(masked_psnr(made, x, mask).mean()))
        ssim.append(float(masked_ssim(made, x, mask).mean()))
    assert psnr == sorted(psnr, reverse=True)
    assert ssim == sorted(ssim, reverse=True)


def test_an_interval_of_a_mean_is_that_of_its_standard_error():
    values = torch.randn(400, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 3
    found = mean_score(values, "numbers", seed=1)
    error = 1.96 * float(values.std()) / 20
    assert found.value == pytest.approx(float(values.mean()))
    assert found.high - found.low == pytest.approx(2 * error, rel=0.15)
    assert found.low < found.value < found.high
    assert found.n == 400
    assert mean_score(values, "numbers", seed=1) == found


def test_a_card_holds_what_was_measured_and_by_the_size_of_the_hole():
    x = pictures(20)
    mask = torch.cat([box(10, side=8), box(10, side=16)])  # 11 % and 44 %
    made = moved(x, mask, 10)
    found = measure_fillings(
        [(made[:7], x[:7], mask[:7]), (made[7:], x[7:], mask[7:])],
        ("twice", lambda a, b: torch.full((len(a),), 2.0)),
    )
    card = filling_card(found)
    assert list(card) == ["psnr_hole", "ssim_hole", "lpips_hole"]
    assert card["psnr_hole"].value == pytest.approx(20 * math.log10(25.5))
    assert (card["lpips_hole"].value, card["lpips_hole"].features) == (2.0, "twice")
    sizes = by_hole(found)
    assert list(sizes) == [f"{name} {size}" for size in ("10-20 %", "40-50 %") for name in card]
    assert {score.n for score in sizes.values()} == {10}


def test_sizes_cover_every_hole_and_few_pictures_have_no_size():
    assert EDGES[0] == 0.0
    assert EDGES[-1] == 1.0
    x, mask = pictures(5), box(5)
    assert by_hole(measure_fillings([(x, x, mask)])) == {}


def test_each_picture_is_of_one_size():
    area = torch.tensor([0.05, 0.1, 0.1001, 0.25, 0.25, 0.9], dtype=torch.float64)
    found = sizes(area, least=1)
    assert list(found) == ["0-10 %", "10-20 %", "20-30 %", "50-100 %"]
    assert torch.equal(sum(each.int() for each in found.values()), torch.ones(6).int())
    assert found["0-10 %"].tolist() == [True, True, False, False, False, False]
    assert list(sizes(area, least=2)) == ["0-10 %", "20-30 %"]


def test_what_is_no_pair_with_a_hole_is_refused():
    x, mask = pictures(), box()
    for made, real, hole, said in (
        (x[:2], x, mask, "of one size"),
        (x, x, mask[:, :4], "of one size"),
        (x.float(), x, mask, "uint8 pictures"),
        (x, x, torch.zeros_like(mask), "without a hole"),
    ):
        with pytest.raises(UserError, match=said):
            masked_psnr(made, real, hole)
    with pytest.raises(UserError, match="no pictures"):
        measure_fillings([])
