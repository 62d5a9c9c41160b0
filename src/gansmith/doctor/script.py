"""Diagnoses an unmodified program: runs it for some steps in a child process, under the watch."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gansmith.doctor.findings import Finding, Value
from gansmith.doctor.precedence import ordered
from gansmith.errors import UserError

LIMIT_S = 600.0


def examine(
    path: Path,
    args: Sequence[str] = (),
    steps: int = 200,
    language: str = "en",
    limit_s: float = LIMIT_S,
) -> list[Finding]:
    """Run a program until its game has made so many steps, and say what was found.

    The program runs in this folder with these arguments, as ``python path args`` would run it; what
    it prints goes to standard error. ``torch.compile`` is switched off in it.

    Args:
        path: of a Python program that trains a GAN with PyTorch.
        args: what follows its name on the command line.
        steps: of the game (G's steps), after which it is stopped.
        language: of what is said on the way.
        limit_s: seconds after which it is stopped in any case; what was found by then counts.

    Raises:
        UserError: if there is no such file, or no two nets in it play against each other.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; give a Python program, such as train.py")
    if steps < 1:
        raise UserError(f"--steps {steps}: the program must be watched for at least one step")
    with tempfile.TemporaryDirectory(prefix="gansmith-doctor-") as folder:
        report = Path(folder) / "report.json"
        late, tail = _run(report, path, args, steps, language, limit_s)
        found = _read(report)
    if not found:
        raise UserError(f"{path}: the program ended before a step of training{tail}")
    return ordered(_findings(path, found, late))


def _run(
    report: Path, path: Path, args: Sequence[str], steps: int, language: str, limit_s: float
) -> tuple[bool, str]:
    """Whether the limit was reached, and the last line that the program wrote, for an error."""
    command = [sys.executable, "-P", "-m", "gansmith.doctor.tracing", str(report), str(steps)]
    command += [language, str(path), *args]
    environment = {**os.environ, "TORCHDYNAMO_DISABLE": "1", "PYTHONUNBUFFERED": "1"}
    try:
        done = subprocess.run(
            command, stdout=sys.stderr.fileno() if _has_stderr() else subprocess.DEVNULL,
            env=environment, timeout=limit_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return True, f" (it was stopped after {limit_s:g} s)"
    return False, f" (exit code {done.returncode})" if done.returncode else ""


def _has_stderr() -> bool:
    try:
        return sys.stderr.fileno() >= 0
    except (OSError, ValueError, AttributeError):
        return False


def _read(report: Path) -> dict[str, Any]:
    if not report.is_file():
        return {}
    found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return found


def _findings(path: Path, report: dict[str, Any], late: bool) -> list[Finding]:
    """The report's findings, and one for a program that stopped with an error.

    Raises:
        UserError: if the program stopped, or went on, without a GAN in it.
    """
    found = [Finding(**each) for each in report["findings"]]
    error = report["error"]
    if error:
        found.append(_crash(error, report["steps"]))
        outside = error["kind"] in ("ModuleNotFoundError", "SystemExit", "KeyboardInterrupt")
        if outside and not report["optimiser_steps"]:
            what = f"{error['kind']}: {error['message']}"
            raise UserError(f"{path}: the program stopped before a step of training ({what})")
        return found
    if not report["players"]:
        why = "made no optimiser step"
        if report["optimiser_steps"]:
            why = "trains no two nets of which one is given the other's output"
        if late:
            why += " in the time that it had"
        raise UserError(f"{path}: no GAN was found: the program {why}")
    return found


def _crash(error: dict[str, str], steps: int) -> Finding:
    """GS122, GS126 or GS127, by what the error is about."""
    place, message = error["place"], error["message"]
    if error["about"] == "unit":
        return Finding("GS122", {"net": "D", "message": message}, steps, place)
    if error["about"] == "shape":
        return Finding("GS126", {"place": place, "message": message}, steps, place)
    values: dict[str, Value] = {"kind": error["kind"], "message": message, "done": steps}
    return Finding("GS127", values, steps, place)
