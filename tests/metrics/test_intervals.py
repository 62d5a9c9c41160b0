import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansmith.metrics.intervals import centred, wilson


@pytest.mark.parametrize(
    ("yes", "trials", "low", "high"),
    [(0, 10, 0.0, 0.27754), (5, 10, 0.23659, 0.76341), (10, 10, 0.72246, 1.0)],
)
def test_wilson_values(yes: int, trials: int, low: float, high: float) -> None:
    # From the formula worked by hand, e.g. 0 of 10: z²/(n + z²) = 3.8415/13.8415.
    assert wilson(yes, trials) == pytest.approx((low, high), abs=1e-5)


@pytest.mark.parametrize("trials", [1, 3, 7, 250, 300, 10_000])
def test_wilson_ends_exactly_at_zero_and_one(trials: int) -> None:
    assert wilson(0, trials)[0] == 0.0
    assert wilson(trials, trials)[1] == 1.0


def test_wilson_covers_as_often_as_it_says() -> None:
    draws = np.random.default_rng(0).binomial(200, 0.93, size=4000)
    hits = [low <= 0.93 <= high for low, high in (wilson(int(d), 200) for d in draws)]
    assert 0.93 < np.mean(hits) < 0.97


@given(st.integers(1, 10_000), st.data())
def test_wilson_holds_the_share(trials: int, data: st.DataObject) -> None:
    yes = data.draw(st.integers(0, trials))
    low, high = wilson(yes, trials)
    assert 0 <= low <= yes / trials + 1e-12
    assert yes / trials - 1e-12 <= high <= 1


def test_centred_removes_the_resamples_bias_and_keeps_their_width() -> None:
    resampled = list(5 + np.linspace(-1, 1, 101))
    low, high = centred(2.0, resampled)
    assert (low, high) == pytest.approx((2 - 0.95, 2 + 0.95))
    assert centred(0.1, resampled)[0] == 0.0
