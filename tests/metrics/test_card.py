"""The score cards of points and of modes."""

import math
from pathlib import Path

import pytest
import torch

from gansmith.metrics import MODE_SAMPLES, mode_card, point_card
from gansmith.metrics import features as room

CENTRES = [[x, y] for x in (-4.0, -2.0, 0.0, 2.0, 4.0) for y in (-4.0, -2.0, 0.0, 2.0, 4.0)]


def test_every_number_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    names = [*point_card(torch.tensor(CENTRES), CENTRES, 0.05), *room.FEATURES]
    assert [name for name in names if f"| `{name}` |" not in page] == []


def test_point_card() -> None:
    centres = torch.tensor(CENTRES)
    points = centres[torch.arange(2500) % 20] + 0.05 * torch.randn(2500, 2)
    points[:250] = 1.0  # between the modes
    found = point_card(points, CENTRES, 0.05)
    assert list(found) == ["modes", "high_quality", "kl"]
    assert (found["modes"].value, found["modes"].low) == (20.0, None)
    assert found["modes"].note == "20 of 25"
    assert found["high_quality"].low < 0.9 * 0.989 < found["high_quality"].high
    assert found["kl"].low < found["kl"].value < found["kl"].high
    assert found["kl"].features == "coordinates"


def test_point_card_notes_another_protocol() -> None:
    found = point_card(torch.tensor(CENTRES), CENTRES, 0.05)
    assert found["modes"].note == "25 of 25; 25 points; published numbers use 2500"
    assert found["kl"].value == pytest.approx(0, abs=1e-12)


def test_modes_that_are_hit_evenly() -> None:
    """j of K equal modes hit evenly: KL = log(K / j). 99 modes, as DCGAN finds, at least 2.31."""
    found = mode_card(torch.arange(MODE_SAMPLES) % 1000, 1000, "some net", "none")
    assert (found["modes"].value, found["modes"].n) == (1000.0, 26_000)
    assert found["modes"].note == "of 1,000; even draws would find 1000"
    assert found["kl"].value == pytest.approx(0, abs=1e-12)
    assert found["kl"].features == "some net"
    few = mode_card(torch.arange(MODE_SAMPLES) % 99, 1000, "", "")
    assert few["modes"].value == 99
    assert few["kl"].value == pytest.approx(math.log(1000 / 99), abs=1e-4)
    assert few["kl"].low <= few["kl"].value <= few["kl"].high


def test_modes_that_are_drawn_evenly_pay_for_the_count() -> None:
    """About (K - 1) / (2 M) of KL, and K (1 - (1 - 1/K)^M) modes, are chance."""
    drawn = torch.randint(1000, (MODE_SAMPLES,))
    found = mode_card(drawn, 1000, "", "")
    assert found["modes"].value == 1000
    assert found["kl"].value == pytest.approx(999 / 52_000, rel=0.15)
    few = mode_card(drawn[:2_000], 1000, "", "")
    assert few["modes"].note == (
        "of 1,000; even draws would find 864.8; published numbers use 26,000 samples"
    )
    assert few["modes"].value == pytest.approx(864.8, abs=40)
    assert few["kl"].value > 5 * found["kl"].value


def test_an_empty_mode_and_a_crowded_one_are_seen() -> None:
    labels = torch.arange(MODE_SAMPLES) % 1000
    found = mode_card(labels.where(labels != 5, 6), 1000, "", "")
    assert found["modes"].value == 999
    # two thousandths of the samples in one mode: 0.002 log 2
    assert found["kl"].value == pytest.approx(0.002 * math.log(2), rel=1e-6)
