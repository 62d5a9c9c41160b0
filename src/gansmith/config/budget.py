"""How long to train, as people write it."""

import math
import re
import reprlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from gansmith.config.section import Section
from gansmith.errors import UserError

_BUDGET = re.compile(
    r"\s*(\d+(?:\.\d+)?)\s*([kKmM]?)[-_ ]?"
    r"(steps?|images?|seconds?|sec|s|minutes?|min|m|hours?|h|days?|d)\s*"
)
_BUDGET_HELP = "budget {!r} is not understood: write 90s, 5m, 2h, 20k-steps or 2M-images"
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Budget(Section):
    """How long to train: by wall-clock seconds, optimiser steps or real images shown to D."""

    amount: float = Field(gt=0)
    unit: Literal["seconds", "steps", "images"]

    @classmethod
    def parse(cls, text: str) -> "Budget":
        """Read ``90s``, ``5m``, ``2h``, ``20k-steps`` or ``2M-images``.

        Raises:
            UserError: if the text is none of these, or the amount is zero.
        """
        match = _BUDGET.fullmatch(text)
        if not match:
            raise UserError(_BUDGET_HELP.format(text))
        number, prefix, unit = match.groups()
        counted = unit.startswith(("step", "image"))
        if prefix and not counted:
            raise UserError(_BUDGET_HELP.format(text))
        scale = {"": 1, "k": 1e3, "m": 1e6}[prefix.lower()] if counted else _SECONDS[unit[0]]
        amount = float(number) * scale
        if amount <= 0:
            raise UserError(f"budget {text!r} is zero: nothing would be trained")
        if not math.isfinite(amount):
            raise UserError(f"budget {reprlib.repr(text)} is too large")
        name = ("steps" if unit.startswith("step") else "images") if counted else "seconds"
        return cls(amount=amount, unit=name)

    def __str__(self) -> str:
        """What `parse` reads back exactly: every digit, no exponent."""
        amount = f"{Decimal(repr(self.amount)):f}".removesuffix(".0")
        return f"{amount}s" if self.unit == "seconds" else f"{amount}-{self.unit}"


def _budget(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return Budget.parse(value)
        except UserError as error:
            raise ValueError(str(error)) from None
    if not isinstance(value, Budget | Mapping):
        raise ValueError(_BUDGET_HELP.format(value))
    return value


BudgetSetting = Annotated[Budget, BeforeValidator(_budget)]
