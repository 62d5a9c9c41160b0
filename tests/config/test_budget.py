import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansmith.config import Budget
from gansmith.errors import UserError


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("90s", 90, "seconds"),
        ("5m", 300, "seconds"),
        ("5 min", 300, "seconds"),
        ("1.5h", 5400, "seconds"),
        ("2 days", 172_800, "seconds"),
        ("20k-steps", 20_000, "steps"),
        ("1 step", 1, "steps"),
        ("2M-images", 2_000_000, "images"),
        ("2.5k_images", 2_500, "images"),
        (" 7 images ", 7, "images"),
    ],
)
def test_budgets_as_people_write_them(text: str, amount: float, unit: str) -> None:
    assert Budget.parse(text) == Budget(amount=amount, unit=unit)


@pytest.mark.parametrize(
    "text", ["", "5", "s", "-5m", "5 parsecs", "k-steps", "5km", "1e3s", "5ks"]
)
def test_what_is_no_budget_says_how_one_is_written(text: str) -> None:
    with pytest.raises(UserError, match="write 90s, 5m, 2h, 20k-steps or 2M-images"):
        Budget.parse(text)


@pytest.mark.parametrize("text", ["0s", "0.0h", "0k-steps"])
def test_a_budget_of_nothing_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="is zero"):
        Budget.parse(text)


def test_a_budget_without_end_is_refused() -> None:
    with pytest.raises(UserError, match="too large"):
        Budget.parse("9" * 400 + "s")


@given(
    st.floats(min_value=0, exclude_min=True, allow_infinity=False, allow_nan=False),
    st.sampled_from(["seconds", "steps", "images"]),
)
def test_a_budget_is_read_back_as_it_was_written(amount: float, unit: str) -> None:
    budget = Budget(amount=amount, unit=unit)
    assert Budget.parse(str(budget)) == budget


def test_large_budgets_are_written_with_every_digit() -> None:
    assert str(Budget.parse("123456789 images")) == "123456789-images"
    assert str(Budget.parse("2M-images")) == "2000000-images"
