"""What the commands share: ``--json``, ``--set``, and one object on standard output."""

import json
import math
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one setting, such as optim.lr=1e-3."),
]


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: such a number becomes null."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def emit(value: dict[str, Any]) -> None:
    """One object on one line, in ASCII: safe in every terminal's encoding."""
    print(json.dumps(_finite(value), allow_nan=False))
