"""The settings of two sides."""

import pytest

from gansmith.config import build
from gansmith.errors import UserError


def test_a_side_is_named_by_a_setting() -> None:
    cfg = build({"translation": {"target": "b/", "direction": "BtoA", "layout": "folders"}})
    assert (cfg.translation.target, cfg.translation.direction) == ("b/", "BtoA")
    assert cfg.translation.method == "contrastive"


@pytest.mark.parametrize(
    "wrong",
    [
        {"direction": "AtoC"},
        {"layout": "above"},
        {"method": "cut"},
        {"l1": -1},
        {"target": ""},
        {"cycles": 1},
    ],
)
def test_what_means_nothing_is_refused(wrong: dict) -> None:
    with pytest.raises(UserError, match=rf"translation\.{next(iter(wrong))}"):
        build({"translation": wrong})


@pytest.mark.parametrize("scales", [0, 5])
def test_d_looks_at_one_to_four_sizes(scales: int) -> None:
    with pytest.raises(UserError, match=r"model\.d\.scales"):
        build({"model": {"d": {"scales": scales}}})
