import math

import numpy as np
import pytest
import torch

from gansmith.data import open_data
from gansmith.errors import UserError
from gansmith.metrics import birthday as room
from gansmith.metrics import birthday_test, load_features
from gansmith.metrics.birthday import duplicate_distance

PER_UNIFORM = 2 * math.log(2)  # s² over the number of equally likely samples


@pytest.fixture(scope="module")
def digits() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """1,000 images, their features, and those of 1,000 others."""
    features = load_features("digits-cnn")
    data = open_data("digits", split="test")
    images, others = (data.batch(np.arange(start, 2000, 2))[0] for start in (0, 1))
    return images, features(images), features(others)


@pytest.mark.parametrize("support", [50, 500, 5000])
def test_the_support_of_a_repeating_generator_is_found(support: int) -> None:
    real, kept = torch.randn(300, 8), torch.randn(support, 8)
    found = birthday_test(real, kept[torch.randint(0, support, (1500,))])
    assert found.support == pytest.approx(PER_UNIFORM * support, rel=0.35)
    assert found.support == found.batch**2
    assert found.low < PER_UNIFORM * support < found.high


def test_interval_covers_about_as_often_as_it_says() -> None:
    real = torch.randn(300, 6)
    hits = 0
    for seed in range(40):
        fake = torch.randn(2000, 6)[torch.randint(0, 2000, (300,))]
        found = birthday_test(real, fake, seed)
        hits += found.high is not None and found.low < PER_UNIFORM * 2000 < found.high
    assert hits >= 36


def test_without_a_collision_there_is_a_lower_bound(
    digits: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> None:
    found = birthday_test(digits[1], digits[2])
    assert found.collisions == 0
    assert found.high is None
    assert found.low == found.support == pytest.approx(1000**2 * math.log(2) / math.log(20))
    # Of as many draws from S = low / 1.39 equally likely ones, 95 % would have had a collision.
    size = found.low / PER_UNIFORM
    assert math.exp(-(1000**2) / (2 * size)) == pytest.approx(0.05)


def test_few_digits_repeated_with_noise_are_called_out(
    digits: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> None:
    images, real, _ = digits
    supports = []
    for kept in (20, 200):
        again = images[torch.randint(0, kept, (800,))]
        noisy = (again + 2 * torch.randn(again.shape)).round().clamp(0, 255).to(torch.uint8)
        found = birthday_test(real, load_features("digits-cnn")(noisy))
        assert found.low < PER_UNIFORM * kept * 1.1
        assert found.high > PER_UNIFORM * kept * 0.9
        supports.append(found.support)
    assert supports[0] < supports[1] / 5


def test_one_favourite_among_many_counts_as_a_small_support() -> None:
    fake = torch.randn(1000, 8)
    fake[::10] = fake[0]  # a tenth of all samples is the same
    found = birthday_test(torch.randn(300, 8), fake)
    # Two of s hit it with 1/2 at (0.9)^s + s 0.1 (0.9)^(s-1) = 1/2: s = 16.4.
    assert found.batch == pytest.approx(16.4, rel=0.15)


def test_threshold_is_half_of_the_first_percentile_and_blind_to_copies() -> None:
    near = torch.linspace(1, 2, 101, dtype=torch.float64)
    # Pairs 1000 apart, at the distances 1, 1.01, ..., 2: every distance occurs twice.
    real = torch.stack([torch.arange(101.0) * 1000, torch.arange(101.0) * 1000 + near]).T
    real = real.reshape(-1, 1)
    expected = 0.5 * near.repeat(2).quantile(0.01).item()
    assert duplicate_distance(real) == pytest.approx(expected, rel=1e-3)
    copied = torch.cat([real, real[:20]])
    assert duplicate_distance(copied) == pytest.approx(duplicate_distance(real[20:]), rel=0.05)


def test_a_collapsed_generator_needs_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_PAIRS", 1000)
    fake = torch.randn(4, 8)[torch.randint(0, 4, (3000,))]
    found = birthday_test(torch.randn(200, 8), fake)
    assert 1 < found.support < 12
    assert found.collisions <= 1000
    assert birthday_test(torch.randn(200, 8), torch.zeros(500, 8)).batch < 2


def test_repeats_with_its_seed_and_refuses_bad_input() -> None:
    real, fake = torch.randn(200, 4), torch.randn(40, 4)[torch.randint(0, 40, (90,))]
    assert birthday_test(real, fake, 1) == birthday_test(real, fake, 1)
    with pytest.raises(UserError, match="99 real features are too few"):
        birthday_test(real[:99], fake)
    with pytest.raises(UserError, match="copies of each other"):
        birthday_test(torch.zeros(200, 4), fake)
    with pytest.raises(UserError, match="NaN"):
        birthday_test(real, torch.full((9, 4), torch.nan))
