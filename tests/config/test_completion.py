"""The settings of holes: shares and areas as people write them."""

import pytest

from gansmith.config import build, nest, parse_assignment, to_tree
from gansmith.errors import UserError


def area(text: str) -> tuple[float, float]:
    return build(nest([parse_assignment(f"masks.area={text}")])).masks.area


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0.25", (0.25, 0.25)),
        ("0.1-0.5", (0.1, 0.5)),
        ("[0.2, 0.3]", (0.2, 0.3)),
        ("' 0.1 - 0.2 '", (0.1, 0.2)),
    ],
)
def test_an_area_is_a_share_or_a_span(text: str, wanted: tuple[float, float]) -> None:
    assert area(text) == wanted


@pytest.mark.parametrize("text", ["0", "1", "0.5-0.2", "half", "[0.1]", "[0.1, 0.2, 0.3]", "-0.2"])
def test_what_is_no_share_of_a_picture_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UserError, match=r"^masks.area: (expected a share|shares of the)") as caught:
        area(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kinds", ["boxes", "boxes:3+halves", "strokes:0.5+boxes:0.25+halves:1"])
def test_kinds_are_a_mixture(kinds: str) -> None:
    assert build({"masks": {"kinds": kinds}}).masks.kinds == kinds


@pytest.mark.parametrize("kinds", ["", "boxes+", "boxes:-1", "boxes 3", "boxes:a"])
def test_what_is_no_mixture_is_refused(kinds: str) -> None:
    with pytest.raises(UserError, match=r"^masks.kinds: expected kinds of holes"):
        build({"masks": {"kinds": kinds}})


def test_settings_come_back_from_their_tree() -> None:
    cfg = build({"masks": {"area": "0.1-0.4", "kinds": "boxes"}, "completion": {"hole": 2}})
    assert build(to_tree(cfg)) == cfg
