import json
from collections.abc import Callable
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision.transforms.functional as TF
from torch import Tensor

from gansmith.data import open_data
from gansmith.errors import UserError
from gansmith.metrics import features as room
from gansmith.metrics import load_features, point_card, score_card
from gansmith.metrics.card import Score
from gansmith.metrics.frechet import frechet_distance

COUNT = 1500
FEATURES = load_features("digits-cnn")
CENTRES = [[x, y] for x in (-4.0, -2.0, 0.0, 2.0, 4.0) for y in (-4.0, -2.0, 0.0, 2.0, 4.0)]


def noisy(images: Tensor, amount: float) -> Tensor:
    return (images + amount * torch.randn(images.shape)).clamp(0, 255).to(torch.uint8)


def blurred(images: Tensor, sigma: float) -> Tensor:
    return TF.gaussian_blur(images, [9, 9], [sigma, sigma])


@pytest.fixture(scope="module")
def halves() -> tuple[Tensor, Tensor, Tensor]:
    """Two disjoint samples of real digits, and the labels of the second."""
    digits = open_data("digits", split="test", labels=True)
    (one, _), (two, labels) = (
        digits.batch(np.arange(start, 10_000, 2)[:COUNT]) for start in (0, 1)
    )
    return one, two, labels


@pytest.fixture(scope="module")
def card(halves: tuple[Tensor, Tensor, Tensor]) -> Callable[[Tensor], dict[str, Score]]:
    real = FEATURES(halves[0])
    return lambda images: score_card(real, FEATURES(images), FEATURES)


@pytest.fixture(scope="module")
def untouched(
    halves: tuple[Tensor, Tensor, Tensor], card: Callable[[Tensor], dict[str, Score]]
) -> dict[str, Score]:
    return card(halves[1])


def test_real_against_real_is_near_perfect(untouched: dict[str, Score]) -> None:
    assert untouched["fd"].value < 1
    assert untouched["kid"].low < 0 < untouched["kid"].high
    assert untouched["precision"].value > 0.8
    assert untouched["recall"].value > 0.8


def test_every_score_says_what_it_is(untouched: dict[str, Score]) -> None:
    assert list(untouched) == ["fd", "kid", "precision", "recall"]
    for score in untouched.values():
        assert score.low < score.value < score.high
        assert score.n == COUNT
        assert score.features == f"digits-cnn-v1 ({FEATURES.digest})"
        assert "28x28" in score.resize
        assert json.loads(json.dumps(asdict(score)))["value"] == score.value
    assert "fewer than 2000" in untouched["fd"].note
    assert untouched["precision"].note == ""


@pytest.mark.parametrize(
    "harm",
    [
        lambda images: [noisy(images, amount) for amount in (40, 120)],
        lambda images: [blurred(images, sigma) for sigma in (0.9, 2.0)],
        lambda images: [torch.where(images > 127, 255, 0).to(torch.uint8), 255 - images],
    ],
    ids=["noise", "blur", "tone"],
)
def test_more_harm_scores_worse(
    harm: Callable[[Tensor], list[Tensor]],
    halves: tuple[Tensor, Tensor, Tensor],
    card: Callable[[Tensor], dict[str, Score]],
    untouched: dict[str, Score],
) -> None:
    little, much = (card(images) for images in harm(halves[1]))
    for name in ("fd", "kid"):
        assert untouched[name].high < little[name].low
        assert little[name].high < much[name].low
    assert much["precision"].high < untouched["precision"].low


def test_missing_classes_cost_recall_and_not_precision(
    halves: tuple[Tensor, Tensor, Tensor],
    card: Callable[[Tensor], dict[str, Score]],
    untouched: dict[str, Score],
) -> None:
    _, images, labels = halves
    cards = [untouched, *(card(images[labels < kept]) for kept in (7, 3))]
    for more, fewer in pairwise(cards):
        assert fewer["fd"].low > more["fd"].high
        assert fewer["kid"].low > more["kid"].high
        assert fewer["recall"].high < more["recall"].low
        assert abs(fewer["precision"].value - more["precision"].value) < 0.12
    assert f"against {COUNT} real samples" in cards[1]["recall"].note


def test_swapping_real_and_fake_swaps_precision_and_recall(
    halves: tuple[Tensor, Tensor, Tensor],
) -> None:
    real, fake = FEATURES(halves[0][:500]), FEATURES(noisy(halves[1][:500], 60))
    there, back = (score_card(a, b, FEATURES) for a, b in ((real, fake), (fake, real)))
    assert there["precision"].value == back["recall"].value
    assert there["recall"].value == back["precision"].value
    assert there["fd"].value == pytest.approx(back["fd"].value)


def test_is_the_functions_and_repeats(halves: tuple[Tensor, Tensor, Tensor]) -> None:
    real, fake = FEATURES(halves[0][:300]), FEATURES(halves[1][:300])
    found = score_card(real, fake, FEATURES, seed=4)
    assert found == score_card(real, fake, FEATURES, seed=4)
    assert found["fd"].value == frechet_distance(real, fake)
    assert found["kid"].value != score_card(real, fake, FEATURES, seed=5)["kid"].value


def test_every_number_is_documented(untouched: dict[str, Score]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    names = [*untouched, *point_card(torch.tensor(CENTRES), CENTRES, 0.05), *room.FEATURES]
    assert [name for name in names if f"| `{name}` |" not in page] == []


def test_refuses_nan_and_too_few() -> None:
    with pytest.raises(UserError, match="NaN"):
        score_card(torch.randn(9, 4), torch.full((9, 4), torch.nan), FEATURES)
    with pytest.raises(UserError, match="at least 4"):
        score_card(torch.randn(9, 4), torch.randn(3, 4), FEATURES)


def test_point_card() -> None:
    centres = torch.tensor(CENTRES)
    points = centres[torch.arange(2500) % 20] + 0.05 * torch.randn(2500, 2)
    points[:250] = 1.0  # between the modes
    found = point_card(points, CENTRES, 0.05)
    assert list(found) == ["modes", "high_quality", "kl"]
    assert (found["modes"].value, found["modes"].low) == (20.0, None)
    assert found["modes"].note == "of 25"
    assert found["high_quality"].low < 0.9 * 0.989 < found["high_quality"].high
    assert found["kl"].low < found["kl"].value < found["kl"].high
    assert found["kl"].features == "coordinates"


def test_point_card_notes_another_protocol() -> None:
    found = point_card(torch.tensor(CENTRES), CENTRES, 0.05)
    assert found["modes"].note == "of 25; 25 points; published numbers use 2500"
    assert found["kl"].value == pytest.approx(0, abs=1e-12)
