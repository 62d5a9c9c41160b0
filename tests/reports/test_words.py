"""Numbers as a person reads them."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansmith.reports import words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.42, "0.4 s"), (9.97, "10 s"), (59.6, "1 min"), (182, "3 min 2 s"), (3600, "1 h"),
        (7260, "2 h 1 min"), (93784, "1 d 2 h"), (math.nan, "–"), (-1, "–"),
    ],
)  # fmt: skip
def test_duration(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (0.0020001, "0.002"), (12.345, "12.3"), (123456, "123,456"), (2837.6, "2,838"),
        (-0.5, "−0.500"), (4e-7, "4×10⁻⁷"), (-1.234e12, "−1.23×10¹²"), (math.inf, "–"),
    ],
)  # fmt: skip
def test_significant(value: float, text: str) -> None:
    assert words.significant(value) == text


@given(st.floats(1e-12, 1e12) | st.floats(-1e12, -1e-12))
def test_significant_stays_within_half_a_digit(value: float) -> None:
    text = words.significant(value).replace("−", "-").replace(",", "")
    text = text.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    mantissa, _, power = text.partition("×10")
    read = float(mantissa) * 10.0 ** int(power or 0)
    assert read == pytest.approx(value, rel=5.1e-3)


@pytest.mark.parametrize(
    ("value", "text"),
    [(950, "950"), (64_000, "64 k"), (1_234_567, "1.23 M"), (999_960, "1 M"), (2.5e9, "2.5 G")],
)
def test_compact(value: float, text: str) -> None:
    assert words.compact(value) == text


def test_a_value_and_its_interval_share_their_decimals() -> None:
    assert words.alike(12.3456, 11.81, 12.94) == ("12.3", "11.8", "12.9")
    assert words.alike(0.8127, 0.801, 0.824) == ("0.813", "0.801", "0.824")
    assert words.alike(0.004312, 0.00391, 0.00471) == ("0.00431", "0.00391", "0.00471")
    assert words.alike(218.42, 214.0, 223.0) == ("218.4", "214.0", "223.0")
    assert words.alike(-0.00012, -0.0031, 0.0028)[0].startswith("−")
    assert words.alike(3.0, 3.0, 3.0) == ("3.00", "3.00", "3.00")
    assert words.alike(41.1, 5.52e-8, 30603013236.3) == ("41.1", "5.52×10⁻⁸", "3.06×10¹⁰")


@given(st.floats(1e-3, 1e6), st.floats(1e-3, 1), st.floats(1e-3, 1))
def test_an_interval_in_words_still_holds_its_value(value: float, down: float, up: float) -> None:
    texts = words.alike(value, value * (1 - 0.9 * down), value * (1 + up))
    middle, low, high = (float(text.replace(",", "")) for text in texts)
    assert low <= middle <= high
    assert len({len(text.partition(".")[2]) for text in texts}) == 1 or value < 1e-3


def test_settings_look_as_one_types_them() -> None:
    assert words.setting(True) == "true"
    assert words.setting(None) == "none"
    assert words.setting(0.0020) == "0.002"
    assert words.setting([28, 28]) == "28, 28"
    assert words.setting({"a": False}) == "a: false"


def test_lists_and_plurals() -> None:
    assert words.joined(["a", "b", "c"]) == "a, b and c"
    assert words.joined([]) == ""
    assert words.some(1, "step") == "1 step"
    assert words.some(1200, "class", "classes") == "1,200 classes"
    assert not re.search("nan", words.some(math.nan, "step"))
