"""The 2-D mixtures: their modes, spread and repeatability."""

import numpy as np
import pytest
import torch

from gansmith.data import open_data
from gansmith.errors import UserError


@pytest.mark.parametrize(("name", "modes", "sigma"), [("ring", 8, 0.01), ("grid", 25, 0.05)])
def test_points_lie_around_their_modes(name, modes, sigma):
    data = open_data(name, labels=True)
    points, labels = data.batch(np.arange(len(data)))
    assert (data.info.kind, data.info.shape, data.info.sigma) == ("points", (2,), sigma)
    assert points.dtype == torch.float32
    assert len(data.info.modes) == len(data.info.classes) == modes
    centres = torch.tensor(data.info.modes, dtype=torch.float64)
    away = (points.double() - centres[labels]) / sigma
    assert abs(float(away.std()) - 1) < 0.01
    assert abs(float(away.mean())) < 0.01
    # a 2-D Gaussian lies within 3 sigma with probability 1 - exp(-9/2) = 0.98889
    assert abs(float((away.norm(dim=1) < 3).double().mean()) - 0.98889) < 0.002
    counts = np.bincount(labels, minlength=modes)
    assert np.abs(counts / len(data) * modes - 1).max() < 0.08


def test_the_centres_are_those_of_the_protocol():
    ring = np.array(open_data("ring").info.modes)
    assert np.allclose(np.hypot(*ring.T), 1)
    assert np.allclose(np.diff(np.unwrap(np.arctan2(*ring.T[::-1]))), np.pi / 4)
    grid = {tuple(mode) for mode in open_data("grid").info.modes}
    assert grid == {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}


def test_the_same_points_each_time_and_others_to_test():
    rows = np.arange(100)
    first, again = (open_data("grid").batch(rows)[0] for _ in range(2))
    assert torch.equal(first, again)
    test = open_data("grid", split="test")
    assert not torch.isin(test.batch(rows)[0], first).any()
    assert len(open_data("grid", split="all")) == 2 * len(test)
    assert open_data("grid", limit=500).info.count == 500
    digests = {open_data("grid", split=split).info.digest for split in ("train", "test", "all")}
    assert len(digests) == 3


def test_without_labels_they_are_zero():
    data = open_data("ring")
    assert data.info.classes == ()
    assert data.batch(np.arange(50))[1].tolist() == [0] * 50
    with pytest.raises(IndexError):
        data.batch(np.array([-1]))


def test_points_have_no_resolution():
    with pytest.raises(UserError, match="2-D points have no resolution"):
        open_data("ring", resolution=(32, 32))
    with pytest.raises(UserError, match="2-D points have no resolution"):
        open_data("ring", channels=3)
