import pytest
import torch
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics.sets import set_distances


class Plain:
    name, digest, resize = "plain", "0123456789ab", "not resized"

    def __call__(self, images: Tensor) -> Tensor:
        return images.flatten(1).float()


def normal(count: int, shift: float = 0.0, seed: int = 0) -> Tensor:
    return torch.randn(count, 4, generator=torch.Generator().manual_seed(seed)) + shift


def test_a_shift_is_its_square() -> None:
    """Of two Gaussians of one covariance the Fréchet distance is |m − m'|²."""
    scores = set_distances(normal(2_000), normal(2_000, 3.0), Plain(), resamples=5)
    fd = scores["fd"]
    assert fd.value == pytest.approx(4 * 9.0)
    assert fd.low is not None
    assert fd.high is not None
    assert fd.low < fd.value < fd.high
    assert (fd.n, fd.features, fd.note) == (2_000, "plain (0123456789ab)", "")


def test_nearer_sets_are_told_apart_surely() -> None:
    real = normal(400)
    near, far = (set_distances(real, normal(400, s, 1), Plain(), resamples=5) for s in (0.2, 1.0))
    for name in ("fd", "kid"):
        assert near[name].high < far[name].low, name
    own = set_distances(real, normal(400, 0.0, 2), Plain(), resamples=5)
    assert own["kid"].low < 0 < own["kid"].high  # of the same distribution
    assert "400 pictures" in own["fd"].note


def test_too_few_are_refused() -> None:
    with pytest.raises(UserError, match="3 pictures are too few"):
        set_distances(normal(3), normal(9), Plain())
