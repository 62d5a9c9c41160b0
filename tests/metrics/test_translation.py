import pytest
import torch
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics.translation import partner_distances, set_distances


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


def test_likeness_is_the_mean_over_pictures() -> None:
    made = torch.zeros(4, 3, 2, 2, dtype=torch.uint8)
    partners = made.clone()
    partners[:2] = 51  # a fifth of 255, in half of the pictures
    found = partner_distances(made, partners)
    assert list(found) == ["l1"]
    assert found["l1"].value == pytest.approx(0.1)
    assert 0.0 <= found["l1"].low < 0.1 < found["l1"].high <= 0.2
    asked = ("apart", lambda a, b: (a != b).flatten(1).any(1).float())
    found = partner_distances(made, partners, asked)
    assert found["lpips"].value == 0.5
    assert found["lpips"].features == "apart"


def test_likeness_is_of_two_batches_of_one_shape() -> None:
    x = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    for made, partners, said in (
        (x, x[:1], "of one shape"),
        (x[:0], x[:0], "of one shape"),
        (x.float(), x.float(), "uint8"),
    ):
        with pytest.raises(UserError, match=said):
            partner_distances(made, partners)
