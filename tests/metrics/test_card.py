"""The score card of points."""

from pathlib import Path

import pytest
import torch

from gansmith.metrics import features as room
from gansmith.metrics import point_card

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
