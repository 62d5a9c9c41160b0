"""What several processes take of a stream is, to the bit, what one takes."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gansmith.errors import UserError
from gansmith.metrics import Comparison, Sample, merge, score_card, shares, take, take_share
from gansmith.metrics import sample as room
from gansmith.metrics.moments import Moments
from gansmith.metrics.shares import Part

SIZE = 25


class Means:
    """The mean brightness of each quarter of an image."""

    name, digest, resize = "means", "0" * 12, "none"

    def __call__(self, images: Tensor) -> Tensor:
        return images.float().unfold(2, 2, 2).unfold(3, 2, 2).mean((1, 4, 5)).flatten(1)


IMAGES = torch.randint(
    0, 256, (1_310, 1, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
)


def read(number: int, following: int | None) -> Tensor:
    assert following is None or following > number
    return IMAGES[number * SIZE : (number + 1) * SIZE]


def taken(count: int, world: int) -> Sample:
    def stream(number: int, following: int | None) -> Tensor:
        return read(number, following)[: max(0, count - number * SIZE)]

    parts = [take_share(stream, count, SIZE, Means(), (rank, world)) for rank in range(world)]
    return merge(parts[::-1])  # they come in any order


def same(one: Sample, other: Sample) -> None:
    assert torch.equal(one.features_NF, other.features_NF)
    assert torch.equal(one.images_KCHW, other.images_KCHW)
    assert (one.moments is None) == (other.moments is None)
    if one.moments is not None and other.moments is not None:
        assert len(one.moments) == len(other.moments)
        for name in ("_counts", "_sums", "_products", "_shift"):
            assert torch.equal(getattr(one.moments, name), getattr(other.moments, name)), name


@given(st.integers(1, 1_310), st.integers(1, 30), st.sampled_from([100, 110, 600, 50_000]))
def test_parts_are_the_whole(count, world, most):
    with pytest.MonkeyPatch.context() as patch:
        for module in (room, shares):
            patch.setattr(module, "MOST", most)
        patch.setattr(room, "KEPT", 70)
        whole = take(IMAGES[:count].split(SIZE), Means())
        assert (whole.moments is not None) == (count > most)
        same(taken(count, world), whole)


def test_scores_are_those_of_one_process(monkeypatch):
    for module in (room, shares):
        monkeypatch.setattr(module, "MOST", 500)
    real = take((IMAGES * 0.9).byte().split(SIZE), Means())
    cards = [
        score_card(Comparison(real, fake, Means(), forced=True), only=("fd", "kid"))[0]
        for fake in (take(IMAGES.split(SIZE), Means()), taken(1_310, 3))
    ]
    assert cards[0] == cards[1]
    assert "of all 1310 generated samples" in cards[1]["fd"].note


def test_every_process_has_about_as_much_to_do(monkeypatch):
    for most in (50_000, 100):
        monkeypatch.setattr(shares, "MOST", most)
        sizes = []
        for rank in range(4):
            numbers: list[int] = []

            def noting(number: int, following: int | None, seen: list[int] = numbers) -> Tensor:
                seen.append(number)
                return read(number, following)

            take_share(noting, 1_310, SIZE, Means(), (rank, 4))
            sizes.append(len(numbers))
        assert max(sizes) - min(sizes) <= 3


def test_what_is_not_one_stream_is_refused(monkeypatch):
    parts = [take_share(read, 200, SIZE, Means(), (rank, 2)) for rank in range(2)]
    with pytest.raises(ValueError, match="a part is missing"):
        merge(parts[1:])
    with pytest.raises(ValueError, match="the same batch"):
        merge([parts[0], parts[0]])
    with pytest.raises(ValueError, match="rank 2 of 2"):
        take_share(read, 200, SIZE, Means(), (2, 2))
    with pytest.raises(UserError, match="there are no images"):
        take_share(read, 0, SIZE, Means())
    monkeypatch.setattr(shares, "MOST", 50)
    one, two = (take_share(read, 200, SIZE, Means(), (rank, 2)) for rank in range(2))
    with pytest.raises(ValueError, match="two parts counted in one group"):
        Moments.merged([one.moments, one.moments])
    other = Moments(4, torch.ones(4, dtype=torch.float64))
    other.add(torch.randn(5, 4))
    with pytest.raises(ValueError, match="different shifts"):
        merge([one, Part(torch.empty(0, 4), {}, {}, other)])
    assert len(merge([one, two]).moments) == 200
