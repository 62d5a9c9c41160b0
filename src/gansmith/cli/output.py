"""What the commands share: ``--json``, ``--set``, and one object on standard output."""

import json
import math
import os
import sys
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


def speaks() -> bool:
    """Whether this process is the one of its run that speaks: asked before torch is loaded.

    It is not, if it was started by ``torchrun`` or by one of ours as another than the first, or
    by ``srun`` for a command that shares its work among several.
    """
    env = os.environ
    if "TORCHELASTIC_RUN_ID" in env:
        return env.get("RANK", "0") == "0"
    if "GANSMITH_STARTED" in env:
        return env.get("LOCAL_RANK", "0") == "0"
    shared = any(word.split("=")[0] in ("--devices", "-d", "--nodes") for word in sys.argv)
    return not shared or env.get("SLURM_PROCID", "0") == "0"


def emit(value: dict[str, Any]) -> None:
    """One object on one line, in ASCII: safe in every terminal's encoding."""
    print(json.dumps(_finite(value), allow_nan=False))
