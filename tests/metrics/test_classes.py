import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

from gansmith.data import open_data
from gansmith.errors import UserError
from gansmith.metrics import class_balance, combined_labels, load_features, predicted


@pytest.mark.parametrize("kept", [1, 3, 10])
def test_missing_classes(kept: int) -> None:
    found = class_balance(torch.arange(60 * kept) % kept, torch.ones(10))
    assert found.hit == kept
    assert found.kl == pytest.approx(math.log(10 / kept), abs=1e-12)
    assert found.counts_K.tolist() == [60] * kept + [0] * (10 - kept)
    assert found.low <= found.kl <= found.high


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 99)), min_size=2, max_size=20), st.data()
)
def test_kl_is_scipys_and_knows_no_scale(pairs: list[tuple[int, int]], data: st.DataObject) -> None:
    counts, real = np.array(pairs).T
    counts[0] += 1
    labels = torch.from_numpy(np.repeat(np.arange(len(counts)), counts))
    found = class_balance(labels, torch.from_numpy(real), resamples=2)
    assert found.kl == pytest.approx(entropy(counts, real), abs=1e-9)
    shares = torch.from_numpy(real / data.draw(st.integers(2, 1000)))
    scaled = class_balance(labels, shares, resamples=2)
    assert scaled.kl == pytest.approx(found.kl, abs=1e-9)


def test_a_class_that_real_data_lack_keeps_kl_finite() -> None:
    found = class_balance(torch.tensor([0, 1, 2, 2]), torch.tensor([2, 1, 0]))
    shares = np.array([2, 1, 0.5]) / 3.5
    assert found.kl == pytest.approx(entropy([1, 1, 2], shares))
    assert found.hit == 3


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    shares = torch.tensor([0.4, 0.3, 0.2, 0.1])
    truth = entropy(shares, np.full(4, 0.25))
    hits = 0
    for seed in range(60):
        labels = shares.multinomial(800, replacement=True)
        found = class_balance(labels, torch.ones(4), seed)
        hits += found.low < truth < found.high
    assert hits >= 53


def test_three_digits_make_a_thousand_classes() -> None:
    red, green, blue = torch.tensor([0, 9, 1]), torch.tensor([0, 9, 2]), torch.tensor([7, 9, 3])
    assert combined_labels(red, green, blue).tolist() == [7, 999, 123]
    assert combined_labels(red, classes=10).tolist() == [0, 9, 1]
    assert combined_labels(green[:1], blue[:1] - 6, classes=2).tolist() == [1]


def test_stacked_digits_are_counted_channel_by_channel() -> None:
    features = load_features("digits-cnn")
    digits = open_data("digits", split="test", labels=True)
    rng = np.random.default_rng(0)
    chosen = rng.integers(0, 10_000, (3, 300))
    stacked = torch.cat([digits.batch(index)[0] for index in chosen], 1)
    truth = combined_labels(*(digits.batch(index)[1] for index in chosen))
    parts = [predicted(features.logits(stacked[:, c : c + 1])) for c in range(3)]
    labels = combined_labels(*parts)
    assert (labels == truth).double().mean() > 0.96
    found = class_balance(labels, torch.ones(1000))
    # 300 draws from 1,000 equal classes hit 1000 (1 - (1 - 1/1000)^300) = 259 of them.
    assert 230 < found.hit < 285
    same = class_balance(combined_labels(parts[0], parts[0], parts[0]), torch.ones(1000))
    assert same.hit == 10
    assert same.low > found.high


def test_digits_without_some_classes_are_called_out() -> None:
    features = load_features("digits-cnn")
    digits = open_data("digits", split="test", labels=True)
    images, labels = digits.batch(np.arange(0, 10_000, 20))
    real = torch.bincount(digits.batch(np.arange(10_000))[1], minlength=10)
    guess = predicted(features.logits(images))
    whole = class_balance(guess, real)
    assert whole.hit == 10
    assert whole.kl < 0.03
    seven = class_balance(guess[labels < 7], real)
    assert (seven.counts_K > 5).sum() == 7 <= seven.hit  # the classifier errs now and then
    assert seven.low > whole.high


def test_refuses_what_are_no_classes() -> None:
    labels = torch.tensor([0, 1])
    with pytest.raises(UserError, match="reach from 0 to 1; there are 1 classes"):
        class_balance(labels, torch.ones(1))
    with pytest.raises(UserError, match="whole numbers"):
        class_balance(labels.float(), torch.ones(2))
    with pytest.raises(UserError, match="no class has real samples"):
        class_balance(labels, torch.zeros(2))
    with pytest.raises(UserError, match="not negative"):
        class_balance(labels, torch.tensor([1.0, -1.0]))
    with pytest.raises(UserError, match="no class labels"):
        class_balance(labels[:0], torch.ones(2))
    with pytest.raises(UserError, match="do not combine"):
        combined_labels(labels, labels[:1])
    with pytest.raises(UserError, match="reach from 0 to 12"):
        combined_labels(labels, torch.tensor([0, 12]))
    with pytest.raises(UserError, match="NaN"):
        predicted(torch.full((2, 3), torch.nan))
