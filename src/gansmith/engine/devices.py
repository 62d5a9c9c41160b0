"""Which device and precision are there, and what they run on: threads, the machine, versions."""

import functools
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata

import psutil
import torch

from gansmith.engine.ranks import all_gathered, local_world, rank
from gansmith.errors import UserError
from gansmith.waiting import let_go

_sharers = 0  # ranks that have the cores of this one; 0 before they have met
DEVICES = ("auto", "cpu", "cuda", "mps")
_BF16_PROBE = (
    "import torch; d = {device!r}; a = torch.ones(64, 64, device=d, dtype=torch.bfloat16);"
    "assert float((a @ a)[0, 0]) == 64.0"
)


def pick_device(wanted: str) -> str:
    """The device to use: ``cuda``, ``mps`` or ``cpu`` (``auto`` takes the first that is there).

    Raises:
        UserError: if the wanted device is not one of these or is not on this machine.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if wanted == "auto":
        return next(name for name, found in there.items() if found)
    if wanted not in there:
        raise UserError(f"device {wanted!r} is not known: use one of {', '.join(DEVICES)}")
    if not there[wanted]:
        found = ", ".join(name for name, yes in there.items() if yes)
        raise UserError(f"device {wanted!r} is not available on this machine: it has {found}")
    return wanted


def count_of(device: str) -> int:
    """How many devices of a kind this machine has; a CPU is one, whose cores an operation shares.

    Raises:
        UserError: as `pick_device`.
    """
    return torch.cuda.device_count() if pick_device(device) == "cuda" else 1


@functools.cache
def bf16_works(device: str) -> bool:
    """Whether a bf16 product gives the right answer, tried in a child process.

    Some virtual CPUs announce bf16 instructions that then kill the process, so the question cannot
    be asked in this one.
    """
    code = _BF16_PROBE.format(device=device)
    try:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=120)
    except (subprocess.TimeoutExpired, OSError):  # it hangs, or no child can be started
        return False
    return done.returncode == 0


def pick_precision(wanted: str, device: str) -> str:
    """``fp32`` or ``bf16``: bf16 by itself on CUDA only, and only after the probe.

    Raises:
        UserError: if bf16 is asked for where it does not work.
    """
    if wanted == "bf16" and not bf16_works(device):
        raise UserError(f"precision bf16 does not work on this {device}: use precision=fp32")
    if wanted == "auto":
        return "bf16" if device == "cuda" and bf16_works(device) else "fp32"
    return wanted


def threads() -> int:
    """How many threads one operation may use."""
    return torch.get_num_threads()


def use_threads(count: int) -> None:
    """Let operations use so many threads from now on; others do not linger."""
    torch.set_num_threads(count)
    let_go()


def fastest_threads(candidates: tuple[int, ...], step: Callable[[], float]) -> dict[int, float]:
    """Seconds of ``step`` for each thread count; the caller keeps the fastest."""
    before = torch.get_num_threads()
    seconds = {}
    for count in candidates:
        use_threads(count)  # those of the count before would spin beside it
        seconds[count] = step()
    use_threads(before)
    return seconds


def _affinity() -> frozenset[int]:
    """The cores that this process is allowed to use."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def deal_out() -> None:
    """Learn how many ranks of this machine have the cores of this one; every rank calls it.

    Slurm may have dealt the cores out; `taskset` or a container leaves all ranks the same few.
    """
    global _sharers
    mine = rank() // local_world(), _affinity()
    each = all_gathered(mine)
    _sharers = sum(machine == mine[0] and bool(there & mine[1]) for machine, there in each)


def cores() -> int:
    """Cores this process may use: of those it is allowed, its share among the ranks on them."""
    many = local_world()
    return max(1, len(_affinity()) // (_sharers if many > 1 and _sharers else many))


def _cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def machine() -> dict[str, object]:
    """What a report says of the machine."""
    accelerator = "none"
    if torch.cuda.is_available():
        accelerator = torch.cuda.get_device_name(0)
    elif torch.backends.mps.is_available():
        accelerator = "Apple GPU (MPS)"
    return {
        "cpu": _cpu_name(),
        "cores": cores(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "accelerator": accelerator,
        "system": f"{platform.system()} {platform.release()}",
    }


def versions() -> dict[str, str]:
    """The versions that a run's numbers depend on."""
    names = ("gansmith", "torch", "lightning-fabric", "numpy", "safetensors", "torch-fidelity")
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed as a package"
    return found
