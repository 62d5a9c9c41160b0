"""Holes: their area to the pixel, their shape, their mixture; the same ones from the same seed."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gansmith.data.masks import BLOCK, MASKS, draw_masks, indexed_masks, shares
from gansmith.errors import UserError

kinds = pytest.mark.parametrize("kind", MASKS)
MIXED = "+".join(MASKS)


def drawn(kind: str, area=(0.25, 0.25), count=32, height=24, width=40, seed=0) -> torch.Tensor:
    return draw_masks(kind, area, count, height, width, torch.Generator().manual_seed(seed))


@kinds
@given(st.integers(4, 33), st.integers(4, 33), st.floats(0.001, 0.999), st.integers(0, 99))
def test_every_picture_keeps_a_known_pixel_and_has_a_hole(kind, height, width, area, seed):
    found = drawn(kind, (area, area), 5, height, width, seed)
    assert found.shape == (5, height, width)
    assert found.dtype == torch.bool
    holes = found.flatten(1).sum(1)
    assert int(holes.min()) >= 1
    assert int(holes.max()) < height * width


@pytest.mark.parametrize("kind", ["strokes", "scattered"])
@pytest.mark.parametrize("area", [0.1, 0.25, 0.6])
def test_the_area_is_that_which_is_asked_for_to_the_pixel(kind, area):
    assert drawn(kind, (area, area)).flatten(1).sum(1).tolist() == [round(area * 24 * 40)] * 32


@given(st.floats(0.05, 0.9), st.integers(0, 99))
def test_the_area_of_a_box_is_that_of_whole_rows_and_columns(area, seed):
    found = drawn("boxes", (area, area), seed=seed).float().mean((1, 2))
    assert float((found - area).abs().max()) <= 0.5 / 24 + 0.5 / 40


def test_a_box_is_one_rectangle_and_not_always_in_the_same_place():
    found = drawn("boxes")
    for mask in found:
        rows, columns = mask.any(1), mask.any(0)
        assert int(mask.sum()) == int(rows.sum() * columns.sum())
        for line in (rows, columns):  # without a gap
            where = line.nonzero().flatten()
            assert int(where[-1] - where[0]) + 1 == len(where)
    assert len(found.flatten(1).unique(dim=0)) > 24
    assert bool(drawn("boxes", count=1000).any(0).all()), "every pixel is in some hole"


def test_a_half_is_one_of_four():
    found = drawn("halves", count=64).float()
    kinds_of = {
        tuple(mask.mean(1).round().tolist() + mask.mean(0).round().tolist()) for mask in found
    }
    assert len(kinds_of) == 4
    assert found.mean((1, 2)).tolist() == [0.5] * 64


def neighbours(mask: torch.Tensor) -> float:
    """The share of a hole's pixels whose right neighbour is in the hole too."""
    return float((mask[:, :, :-1] & mask[:, :, 1:]).sum() / mask[:, :, :-1].sum())


def test_strokes_hang_together_and_scattered_pixels_do_not():
    assert neighbours(drawn("strokes")) > 0.7
    assert neighbours(drawn("scattered", count=256)) == pytest.approx(0.25, abs=0.02)


@kinds
def test_the_same_seed_draws_the_same_holes(kind):
    one, again, other = (drawn(kind, (0.1, 0.5), seed=seed) for seed in (3, 3, 4))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_areas_are_drawn_evenly_from_low_to_high():
    found = drawn("scattered", (0.2, 0.6), count=2000, height=16, width=16).float().mean((1, 2))
    assert float(found.min()) >= 0.2 - 1 / 256
    assert float(found.max()) <= 0.6 + 1 / 256
    assert float(found.mean()) == pytest.approx(0.4, abs=0.01)
    assert float(found.std()) == pytest.approx(0.4 / 12**0.5, abs=0.01)


def test_a_mixture_keeps_its_shares():
    found = drawn("boxes:3+halves", (0.125, 0.125), count=2000).float().mean((1, 2))
    assert float((found == 0.5).float().mean()) == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("boxes", {"boxes": 1.0}),
        ("boxes:3+halves", {"boxes": 0.75, "halves": 0.25}),
        ("strokes:0+halves:2", {"strokes": 0.0, "halves": 1.0}),
        ("boxes+boxes:2", {"boxes": 1.0}),
    ],
)
def test_shares_sum_to_one(text, wanted):
    assert shares(text) == wanted


def test_an_unknown_kind_and_no_kind_at_all_are_refused():
    with pytest.raises(UserError, match=r"^masks.kinds 'boxs' is not known; did you mean 'boxes'"):
        shares("strokes+boxs:2")
    with pytest.raises(UserError, match="gives every kind a share of 0"):
        shares("boxes:0")


def test_a_hole_of_the_table_is_a_function_of_its_index():
    def table(start: int, count: int) -> torch.Tensor:
        return indexed_masks(MIXED, (0.1, 0.5), 7, start, count, 8, 12)

    whole = table(0, BLOCK + 20)
    assert torch.equal(table(BLOCK - 3, 9), whole[BLOCK - 3 : BLOCK + 6])
    assert len(whole.flatten(1).unique(dim=0)) > BLOCK
