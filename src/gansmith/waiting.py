"""What OpenMP's threads do while they wait for work, which must be chosen before torch is loaded.

Threads that spin answer at once and cost a core each; threads that sleep must be woken, some
hundreds of times in the step of a small net (docs/performance.md has the figures). Results do not
depend on it: how work is cut up is a matter of the number of threads alone.
"""

import ctypes
import functools
import os
import re
import sys
from collections.abc import Callable, MutableMapping, Sequence
from itertools import pairwise
from pathlib import Path

VARIABLE = "OMP_WAIT_POLICY"
POLICIES = ("active", "passive", "default")  # the last: as the library does by itself
USUAL = "active"
HARD = 2  # omp_pause_hard: threads are ended, and begun again when there is work
_SAID = re.compile(r"^waiting=(\w+)$")
_SAVED = re.compile(r"^waiting:\s*(\w+)\s*$", re.MULTILINE)


def policy() -> str:
    """What holds in this process: one of `POLICIES`."""
    said = os.environ.get(VARIABLE, "").strip().lower()
    return said if said in POLICIES else "default"


def choose(words: Sequence[str], environment: MutableMapping[str, str]) -> None:
    """Set the policy for a command line, in the environment, before torch reads it.

    What the user has set there stands. Else ``waiting=POLICY`` among the words counts, then the
    settings of the run that is gone on with (``--resume --out DIR``), then `USUAL`.
    """
    if VARIABLE in environment:
        return
    said = [found[1] for word in words if (found := _SAID.match(word.removeprefix("--set=")))]
    wanted = said[-1] if said else _of_run(words) or USUAL
    if wanted in ("active", "passive"):
        environment[VARIABLE] = wanted
    elif wanted != "default":  # auto, or what the settings will refuse
        environment[VARIABLE] = USUAL


def _of_run(words: Sequence[str]) -> str | None:
    """The policy in the settings of a run to be resumed; None where there is none."""
    if "--resume" not in words:
        return None
    joined = [word.removeprefix("--out=") for word in words if word.startswith("--out=")]
    apart = [after for before, after in pairwise(words) if before == "--out"]
    for folder in joined + apart:
        try:
            found = _SAVED.search((Path(folder) / "config.yaml").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if found:
            return found[1]
    return None


@functools.cache
def _pause(path: str) -> Callable[[int], int] | None:
    try:
        return ctypes.CDLL(path).omp_pause_resource_all
    except (OSError, AttributeError):  # OpenMP 5.0, section 3.2.44: older libraries lack it
        return None


def let_go() -> int:
    """End OpenMP's idle threads; those that are needed again are begun again.

    A process that goes from two threads to one keeps the second, and where waiting is active that
    one spins for hours: on a busy machine it takes the time of the first.

    Returns:
        Of how many OpenMP libraries threads were ended; 0 where that cannot be asked for.
    """
    if sys.platform != "linux":
        return 0
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return 0
    paths = {line.split(maxsplit=5)[-1] for line in lines if "omp" in line and ".so" in line}
    libraries = [path for path in sorted(paths) if re.match(r"lib[gi]?omp", Path(path).name)]
    found = [pause for pause in map(_pause, libraries) if pause is not None]
    return sum(pause(HARD) == 0 for pause in found)
