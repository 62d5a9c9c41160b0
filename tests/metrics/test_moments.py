"""Fréchet distances of streams: the same numbers, without keeping the rows."""

import pytest
import torch
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics import MOST, Comparison, frechet_distance, score_card, take
from gansmith.metrics import sample as room
from gansmith.metrics.moments import Moments, frechet_streamed


def moments_of(rows: Tensor, batch: int) -> Moments:
    found = Moments(rows.shape[1])
    for part in rows.split(batch):
        found.add(part)
    return found


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_a_stream_has_the_distance_of_its_rows(offset: float) -> None:
    real = torch.randn(700, 6, dtype=torch.float64) + offset
    fake = torch.randn(900, 6, dtype=torch.float64) * 1.5 + offset + 0.3
    value, low, high = frechet_streamed(moments_of(real, 64), moments_of(fake, 50))
    assert value == pytest.approx(frechet_distance(real, fake), rel=1e-8, abs=1e-8)
    assert low < value < high


def test_the_interval_covers_as_often_as_it_says() -> None:
    generator = torch.Generator().manual_seed(0)
    real = moments_of(torch.randn(50_000, 3, generator=generator), 1_000)
    shift = torch.tensor([1.0, 0.0, 0.0])
    hits = 0
    for _ in range(60):
        fake = torch.randn(2_000, 3, generator=generator) + shift
        _, low, high = frechet_streamed(real, moments_of(fake, 100))
        hits += low <= 1.0 <= high
    assert hits >= 50  # of 60: 95 % is 57, and 49 would be four deviations off


def test_rows_of_another_width_or_without_numbers_are_refused() -> None:
    found = Moments(3)
    with pytest.raises(UserError, match="features of 4 dimensions after ones of 3"):
        found.add(torch.zeros(5, 4))
    with pytest.raises(UserError, match="NaN or infinite"):
        found.add(torch.full((5, 3), float("nan")))
    with pytest.raises(UserError, match="0 features are too few"):
        found.statistics()
    other = Moments(2)
    for each in (found, other):
        each.add(torch.randn(5, each._sums.shape[1]))
    with pytest.raises(UserError, match="differ in dimensions"):
        frechet_streamed(found, other)


class Means:
    """The mean brightness of each quarter of an image."""

    name, digest, resize = "means", "0" * 12, "none"

    def __call__(self, images: Tensor) -> Tensor:
        return images.float().unfold(2, 2, 2).unfold(3, 2, 2).mean((1, 4, 5)).flatten(1)


def test_many_samples_are_scored_without_keeping_their_features(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = torch.randint(0, 256, (6_000, 1, 4, 4), dtype=torch.uint8)
    real = take(images[:2_500].split(250), Means())
    whole = take(images[2_500:].split(250), Means())
    monkeypatch.setattr(room, "MOST", 2_000)
    streamed = take(images[2_500:].split(250), Means())
    assert whole.moments is None
    assert len(whole) == 3_500 <= MOST
    assert (len(streamed), len(streamed.moments)) == (2_000, 3_500)
    one, two = (
        score_card(Comparison(real, fake, Means()), only=("fd",))[0]["fd"]
        for fake in (whole, streamed)
    )
    assert one.value == pytest.approx(two.value, rel=1e-6)
    assert "of all 3500 generated samples" in two.note
