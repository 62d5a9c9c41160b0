"""What the commands share: ``--json``, ``--set``, and one object on standard output."""

import json
import math
import os
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

    ``torchrun`` names a process by RANK, Lightning's launcher by NODE_RANK and LOCAL_RANK, Slurm's
    ``srun`` by SLURM_PROCID.
    """
    named: tuple[str, ...] = ()
    if os.environ.get("WORLD_SIZE", "1") not in ("", "1"):
        named = ("RANK",) if os.environ.get("RANK") else ("NODE_RANK", "LOCAL_RANK")
    elif os.environ.get("SLURM_STEP_ID") and os.environ.get("SLURM_STEP_NUM_TASKS", "1") != "1":
        named = ("SLURM_PROCID",)
    return all(os.environ.get(name, "0") in ("", "0") for name in named)


def emit(value: dict[str, Any]) -> None:
    """One object on one line, in ASCII: safe in every terminal's encoding."""
    print(json.dumps(_finite(value), allow_nan=False))
