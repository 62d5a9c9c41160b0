"""Losses of translation against their closed forms."""

import math

import pytest
import torch

from gansmith.losses import cycle_consistency, identity_loss, patch_nce


def test_of_orthogonal_places_it_is_known():
    """q = k, four places at right angles: −log(e^(1/τ) / (e^(1/τ) + 3))."""
    features = torch.eye(4)[None].expand(2, 4, 4)
    for temperature in (0.07, 0.5, 1.0):
        wanted = math.log1p(3 * math.exp(-1 / temperature))
        found = float(patch_nce(features, features, temperature))
        assert found == pytest.approx(wanted, rel=1e-4, abs=1e-7)


def test_of_places_that_are_all_alike_it_is_the_log_of_their_number():
    features = torch.ones(3, 7, 5)
    assert float(patch_nce(features, features)) == pytest.approx(math.log(7), rel=1e-6)


def test_by_hand_for_two_places():
    """Cosines (1, 0; 0.6, 0.8) at temperature 1, whatever the lengths."""
    key = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    query = torch.tensor([[[3.0, 0.0], [0.3, 0.4]]])
    first = -1.0 + math.log(math.exp(1.0) + math.exp(0.0))
    second = -0.8 + math.log(math.exp(0.6) + math.exp(0.8))
    found = float(patch_nce(query, 5 * key, 1.0))
    assert found == pytest.approx((first + second) / 2, rel=1e-6)


def test_other_pictures_are_no_negatives():
    """Each picture is told apart within itself: a batch is the mean of its pictures."""
    one, other = torch.randn(1, 6, 8), torch.randn(1, 6, 8)
    both = torch.cat([one, other])
    moved = both + 0.3 * torch.randn(2, 6, 8)
    apart = [patch_nce(moved[i : i + 1], both[i : i + 1]) for i in range(2)]
    assert float(patch_nce(moved, both)) == pytest.approx(float(sum(apart)) / 2, rel=1e-5)


def test_the_right_place_is_better_than_a_wrong_one():
    key = torch.randn(2, 9, 16)
    assert float(patch_nce(key, key)) < 0.1 < float(patch_nce(key.roll(1, 1), key))


def test_distances_are_means_over_pixels():
    x = torch.randn(2, 3, 4, 4)
    assert float(cycle_consistency(x + 0.25, x)) == pytest.approx(0.25, rel=1e-5)
    assert float(identity_loss(x - 0.5, x)) == pytest.approx(0.5, rel=1e-5)
