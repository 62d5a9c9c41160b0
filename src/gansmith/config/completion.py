"""The settings of completion: which holes are cut, and what filling them is worth."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

from gansmith.config.section import Auto, NonNegative, Section

PERCEPTUAL_SIDE = 32  # pixels: LPIPS (alex) sees nothing smaller
_KINDS = r"[a-z]+(:\d+(\.\d+)?)?(\+[a-z]+(:\d+(\.\d+)?)?)*"


def _span(value: Any) -> Any:
    """``"0.1-0.5"`` and ``[0.1, 0.5]`` mean from 0.1 to 0.5, ``0.25`` means 0.25 always."""
    if isinstance(value, str):
        parts = re.fullmatch(r"\s*([\d.]+)\s*(?:-\s*([\d.]+)\s*)?", value)
        value = [parts[1], parts[2] or parts[1]] if parts else None
    elif isinstance(value, int | float):
        value = [value, value]
    try:
        low, high = map(float, value)
    except (TypeError, ValueError):
        raise ValueError("expected a share of the picture (0.25), or LOW-HIGH (0.1-0.5)") from None
    if not 0 < low <= high < 1:
        raise ValueError("shares of the picture lie between 0 and 1, the lower one first")
    return (low, high)


def _mixture(value: Any) -> Any:
    if not isinstance(value, str) or not re.fullmatch(_KINDS, value):
        raise ValueError("expected kinds of holes, with shares if you like: boxes:3+halves")
    return value


class MasksConfig(Section):
    """The holes that are cut into pictures; ``kinds`` is a mixture with shares, ``boxes:3+halves``.

    `gansmith.data.masks.MASKS` lists the kinds. The area of a hole is drawn evenly from low to high
    (``halves`` know one area).
    """

    kinds: Annotated[str, BeforeValidator(_mixture)] = "strokes:4+boxes:4+halves:1+scattered:1"
    area: Annotated[tuple[float, float], BeforeValidator(_span)] = (0.1, 0.5)  # of the picture


class CompletionConfig(Section):
    """Of the task ``inpainting``: what stands beside the adversarial term of G."""

    hole: NonNegative = 5.0  # weight of the L1 distance in the hole
    rest: NonNegative = 1.0  # and of what the net makes of known pixels, which nobody sees
    perceptual: NonNegative | Auto = 0.0  # of LPIPS; auto: 0 where its weights are not here
    variety: NonNegative = 0.0  # of two fillings of one hole that differ
