import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu
from torch import Tensor

from gansmith.data import open_data
from gansmith.errors import UserError
from gansmith.metrics import Features, copy_rate, copying_test, load_features, nearest
from gansmith.metrics.memorisation import mann_whitney_z

TRAIN = 1500


@pytest.fixture(scope="module")
def features() -> Features:
    return load_features("digits-cnn")


@pytest.fixture(scope="module")
def images() -> Tensor:
    """The training set of the imagined generators: every third digit of one split."""
    return open_data("digits", split="test").batch(np.arange(0, 4500, 3))[0]


@pytest.fixture(scope="module")
def train(images: Tensor, features: Features) -> Tensor:
    return features(images)


@pytest.fixture(scope="module")
def held_out(features: Features) -> tuple[Tensor, Tensor, Tensor]:
    """Two halves of the held-out digits, and the labels of the second."""
    digits = open_data("digits", split="test", labels=True)
    (one, _), (two, labels) = (digits.batch(np.arange(start, 4500, 3)[:1000]) for start in (1, 2))
    return features(one), features(two), labels


@settings(max_examples=40)
@given(st.integers(1, 30), st.integers(1, 60), st.integers(1, 5), st.integers(0, 99))
def test_nearest_is_a_full_sort(queries: int, rows: int, k: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    query = torch.randn(queries, 3, generator=generator)
    real = torch.randn(max(rows, k), 3, generator=generator)
    index, distance = nearest(query, real, k)
    full = (query[:, None].double() - real.double()).norm(dim=2).sort(1)
    torch.testing.assert_close(distance, full.values[:, :k])
    assert torch.equal(index, full.indices[:, :k])


def test_a_copy_is_at_distance_zero_exactly_over_several_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gansmith.metrics.memorisation._NUMBERS", 700)
    real = 1e4 + torch.randn(100, 16)
    order = torch.randperm(100)
    index, distance = nearest(real[order], real, 2)
    assert torch.equal(index[:, 0], order)
    assert distance[:, 0].eq(0).all()
    assert bool((distance[:, 1] > 0.1).all())


@pytest.mark.parametrize("noise", [0.0, 2.0])
def test_a_replay_of_the_training_set_is_called_out(
    noise: float,
    images: Tensor,
    train: Tensor,
    held_out: tuple[Tensor, Tensor, Tensor],
    features: Features,
) -> None:
    order = torch.randperm(TRAIN)[:800]
    replay = (images[order] + noise * torch.randn(800, 1, 28, 28)).round().clamp(0, 255)
    fake = features(replay.to(torch.uint8))
    copies = copy_rate(train, held_out[0], fake)
    assert copies.low > 0.99
    assert torch.equal(copies.source_M, order)
    test = copying_test(train, held_out[0], fake)
    assert test.value < -5
    assert test.high < -4
    assert test.share > 0.85


def test_held_out_digits_are_not_called_copies(
    train: Tensor, held_out: tuple[Tensor, Tensor, Tensor]
) -> None:
    copies = copy_rate(train, held_out[0], held_out[1])
    assert copies.rate < 0.025
    assert copies.rate == copies.copy_M.double().mean().item()
    test = copying_test(train, held_out[0], held_out[1])
    assert test.low < 0 < test.high
    assert 12 <= test.cells <= 20


def test_a_generator_of_one_dense_class_is_not_called_a_copier(
    train: Tensor, held_out: tuple[Tensor, Tensor, Tensor]
) -> None:
    one, two, labels = held_out
    ones = two[labels == 1]  # ones lie at half of the other digits' distances
    _, near = nearest(ones, train)
    _, usual = nearest(one, train)
    assert near.median() < 0.7 * usual.median()
    assert copy_rate(train, one, ones).low < 0.03
    # Without cells the class's density looks like copying; with them it does not.
    assert copying_test(train, one, ones, cells=1).high < -5
    assert copying_test(train, one, ones).high > 0


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_the_share_of_copies_is_found(
    share: float, train: Tensor, held_out: tuple[Tensor, Tensor, Tensor]
) -> None:
    count = round(share * 1000)
    fake = torch.cat([train[:count], held_out[1][: 1000 - count]])
    copies = copy_rate(train, held_out[0], fake)
    assert copies.copy_M[:count].all()
    assert copies.low < share + 0.01 * (1 - share) < copies.high + 0.01


def test_underfitting_is_far_above_zero(
    train: Tensor, held_out: tuple[Tensor, Tensor, Tensor]
) -> None:
    one, two, _ = held_out
    blurred = (two + two[torch.randperm(len(two))]) / 2
    assert copying_test(train, one, blurred).low > 2
    assert copy_rate(train, one, blurred).rate < 0.03


def test_images_that_the_training_set_holds_ten_times_are_still_found() -> None:
    rows = torch.randn(400, 6)
    train = torch.cat([rows, rows[:20].repeat(9, 1)])
    copies = copy_rate(train, torch.randn(500, 6), rows[:20])
    assert copies.rate == 1.0
    assert bool((copies.ratio_M == 0).all())


def test_equal_distributions_have_the_deviation_that_is_said() -> None:
    values, halves = [], []
    for seed in range(25):
        train, held_out, fake = torch.randn(500, 4), torch.randn(400, 4), torch.randn(600, 4)
        found = copying_test(train, held_out, fake, seed=seed)
        values.append(found.value)
        halves.append(found.high - found.value)
    assert abs(np.mean(values)) < 0.35 * np.mean(halves)
    assert 0.7 < np.std(values) * 1.96 / np.mean(halves) < 1.35


@settings(max_examples=40)
@given(st.lists(st.integers(0, 8), min_size=3, max_size=30), st.integers(1, 29))
def test_the_z_score_is_scipys(values: list[int], cut: int) -> None:
    one, other = values[: min(cut, len(values) - 1)], values[min(cut, len(values) - 1) :]
    found = mann_whitney_z(torch.tensor(one).double(), torch.tensor(other).double())
    m, n = len(one), len(other)
    u = mannwhitneyu(one, other).statistic
    assert found == pytest.approx((u - m * n / 2) / np.sqrt(m * n * (m + n + 1) / 12), abs=1e-9)
    back = mann_whitney_z(torch.tensor(other).double(), torch.tensor(one).double())
    assert back == pytest.approx(-found, abs=1e-9)


def test_refuses_what_cannot_be_judged() -> None:
    rows = torch.randn(200, 4)
    with pytest.raises(UserError, match="99 held-out features are too few"):
        copy_rate(rows, rows[:99], rows)
    with pytest.raises(UserError, match="must not overlap"):
        copy_rate(rows, torch.cat([torch.randn(200, 4), rows[:5]]), rows)
    with pytest.raises(UserError, match="9 training features"):
        copy_rate(rows[:9], rows, rows)
    with pytest.raises(UserError, match="held-out features have 3 dimensions"):
        copying_test(rows, rows[:, :3], rows)
    with pytest.raises(UserError, match="none of 1 cells"):
        copying_test(rows, rows, rows[:19], cells=1)
    with pytest.raises(UserError, match="NaN"):
        copy_rate(rows, rows, rows * torch.nan)
    with pytest.raises(UserError, match="take both with the same extractor"):
        nearest(rows, rows[:, :2])
    with pytest.raises(UserError, match="0 neighbours"):
        nearest(rows, rows, 0)
