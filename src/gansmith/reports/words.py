"""Numbers and values as a person reads them."""

import itertools
import math
from typing import Any

MISSING = "–"
WIDE = 1_000  # times the value: an interval whose ends no longer share decimals with it


def duration(seconds: float) -> str:
    """``182`` is "3 min 2 s", ``0.4`` is "0.4 s", ``93784`` is "1 d 2 h"."""
    if not math.isfinite(seconds) or seconds < 0:
        return MISSING
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    units = [(86400, "d"), (3600, "h"), (60, "min"), (1, "s")]
    for (size, name), (small, small_name) in itertools.pairwise(units):
        if whole >= size:
            rest = whole % size // small
            return f"{whole // size} {name}" + (f" {rest} {small_name}" if rest else "")
    return f"{whole} s"


def count(value: float) -> str:
    """``60000`` is "60,000"."""
    return f"{round(value):,}" if math.isfinite(value) else MISSING


def compact(value: float) -> str:
    """``1234567`` is "1.23 M", ``512000`` is "512 k": three digits."""
    if not math.isfinite(value):
        return MISSING
    for size, name in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= size * 0.9995:
            text = significant(value / size)
            return f"{text.rstrip('0').rstrip('.') if '.' in text else text}{name}"
    return f"{value:.0f}"


def significant(value: float, digits: int = 3) -> str:
    """A number with that many significant digits, with thousands' commas.

    ``0.0020001`` is "0.002", ``12.345`` "12.3", ``123456`` "123,456", ``4e-7`` "4×10⁻⁷".
    """
    if not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if exponent < -4 or exponent > 8:
        mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
        if "." in mantissa:
            mantissa = mantissa.rstrip("0").rstrip(".")
        raised = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"{mantissa}×10{raised}".replace("-", "−")
    places = max(0, digits - 1 - exponent)
    text = f"{value:,.{places}f}"
    if places and abs(value) < 0.01:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", "−")


def alike(value: float, low: float, high: float) -> tuple[str, str, str]:
    """A value and its interval with the same decimals: two digits of the interval's width."""
    width = abs(high - low)
    if not all(map(math.isfinite, (value, low, high))):
        return significant(value), MISSING, MISSING
    small = abs(value) < 1e-4 or max(abs(low), abs(high)) < 1e-3
    if width == 0 or small or width > WIDE * abs(value):
        return significant(value), significant(low), significant(high)
    # No fewer than three digits of the value, no more decimals than six.
    places = 1 - math.floor(math.log10(width))
    places = min(6, max(0, places, 2 - math.floor(math.log10(abs(value)))))
    texts = (f"{number:,.{places}f}".replace("-", "−") for number in (value, low, high))
    first, second, third = texts
    return first, second, third


def setting(value: Any) -> str:
    """A setting as one would type it: ``true``, ``0.002``, ``32x32``, ``none``."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return ", ".join(setting(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {setting(one)}" for key, one in value.items())
    return str(value)


def joined(parts: list[str]) -> str:
    """``a, b and c``."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def some(amount: float, one: str, many: str | None = None) -> str:
    """``1 step``, ``1,200 steps``."""
    return f"{count(amount)} {one if amount == 1 else many or one + 's'}"
