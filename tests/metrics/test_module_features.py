"""A net of the user's own as an extractor."""

import pytest
import torch
from torch import Tensor, nn

from gansmith.errors import UserError
from gansmith.metrics import Comparison, score_card, take
from gansmith.metrics.module_features import ModuleFeatures


class Mean(nn.Module):
    """Features: the mean of each channel, times a weight."""

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3)) * self.weight


def images(count: int = 4, channels: int = 3) -> Tensor:
    return torch.randint(0, 256, (count, channels, 10, 12), dtype=torch.uint8)


def test_the_net_gets_rgb_in_zero_to_one() -> None:
    x = images()
    torch.testing.assert_close(ModuleFeatures(Mean(), "mean")(x), x.float().mean((2, 3)) / 255)
    grey = images(channels=1)
    found = ModuleFeatures(Mean(), "mean")(grey)
    torch.testing.assert_close(found, (grey.float().mean((2, 3)) / 255).expand(-1, 3))
    assert ModuleFeatures(Mean(), "mean", grey=True)(grey).shape == (4, 1)


def test_images_are_normalised_and_resized_as_asked() -> None:
    x, sizes = images(), []
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.5, 0.25)

    def net(x: Tensor) -> Tensor:
        sizes.append(tuple(x.shape[2:]))
        return x.mean((2, 3))

    features = ModuleFeatures(net, "mine", side=5, mean=mean, std=std, digest="1")
    flat = torch.full_like(x, 51)
    expected = (0.2 - torch.tensor(mean)) / torch.tensor(std)
    torch.testing.assert_close(features(flat), expected.expand(4, 3))
    assert sizes == [(5, 5)]
    sized = "RGB (grey repeated), antialiased bicubic to 5x5"
    assert features.resize == f"{sized}, (x - (0.1, 0.2, 0.3)) / (0.5, 0.5, 0.25)"
    plain = ModuleFeatures(net, "mine", digest="1").resize
    assert plain == "RGB (grey repeated), not resized, (x - 0.0) / 1.0"


def test_the_digest_is_that_of_the_weights() -> None:
    one, same, other = (ModuleFeatures(Mean(w), "mean").digest for w in (1.0, 1.0, 1.5))
    assert one == same != other
    assert len(one) == 12
    assert int(one, 16) >= 0
    assert ModuleFeatures(Mean(), "mean", digest="v2").digest == "v2"


def test_it_is_an_extractor_like_any_other() -> None:
    features = ModuleFeatures(nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten()), "pooled")
    real, fake = take([images(20)], features), take([images(20)], features)
    assert not real.features_NF.requires_grad
    card, left_out = score_card(Comparison(real, fake, features, forced=True))
    assert "is" in left_out
    assert card["fd"].features == f"pooled ({features.digest})"


def test_gradients_are_not_kept() -> None:
    assert not ModuleFeatures(Mean(), "mean")(images()).requires_grad


def test_a_function_needs_a_digest_and_everything_a_name() -> None:
    with pytest.raises(UserError, match="'f': a function has no weights"):
        ModuleFeatures(lambda x: x.flatten(1), "f")
    with pytest.raises(UserError, match="needs a name"):
        ModuleFeatures(Mean(), " ")


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (lambda x: x, r"the net gave \(4, 3, 10, 12\) for 4 images"),
        (lambda x: x.flatten(), "one row of features per image"),
        (lambda x: x[:2].flatten(1), r"\(2, 360\) for 4 images"),
        (lambda x: (x.flatten(1), None), "the net gave tuple"),
    ],
)
def test_a_net_that_gives_no_rows_is_said(net: object, words: str) -> None:
    with pytest.raises(UserError, match=words):
        ModuleFeatures(net, "mine", digest="1")(images())


def test_what_is_not_images_is_refused() -> None:
    with pytest.raises(UserError, match="expected uint8"):
        ModuleFeatures(Mean(), "mean")(torch.zeros(1, 3, 4, 4))
