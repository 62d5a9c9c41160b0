"""The only file that knows the distributed engine, devices, precision and threads.

Randomness is counted, not streamed: every draw comes from a generator seeded by (seed, stream,
step), so that a resumed run needs no saved random state and a run is the same run whatever was
drawn in between.
"""

import functools
import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

import psutil
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gansmith.allocator import keep_memory
from gansmith.errors import UserError
from gansmith.waiting import let_go

if TYPE_CHECKING:
    from lightning_fabric import Fabric

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


def seeded(seed: int, stream: str, *counters: int) -> torch.Generator:
    """A CPU generator that depends on nothing but its arguments."""
    text = f"{seed}/{stream}/{'/'.join(map(str, counters))}".encode()
    value = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1
    return torch.Generator().manual_seed(value)


NOISE_BLOCK = 256


def indexed_noise(seed: int, start: int, count: int, width: int) -> Tensor:
    """Rows ``start .. start+count−1`` of an endless N(0, 1) table of the given width.

    A row depends on the seed and its index alone, so the same sample comes out whatever the batch.
    """
    first, last = start // NOISE_BLOCK, (start + count - 1) // NOISE_BLOCK
    blocks = [
        torch.randn(NOISE_BLOCK, width, generator=seeded(seed, "noise-table", block))
        for block in range(first, last + 1)
    ]
    offset = start - first * NOISE_BLOCK
    return torch.cat(blocks)[offset : offset + count]


@dataclass(frozen=True)
class Engine:
    """Lightning Fabric behind four verbs: place, set up, run backward, wait."""

    fabric: "Fabric"
    device: torch.device
    precision: str

    @classmethod
    def start(
        cls, device: str = "auto", precision: str = "fp32", threads: int | None = None
    ) -> "Engine":
        """Choose the device, set the thread count and make runs repeatable.

        Raises:
            UserError: if the device or the precision is not available.
        """
        from lightning_fabric import Fabric  # seconds to import: only who trains pays for it

        name = pick_device(device)
        precision = pick_precision(precision, name)
        if threads:
            use_threads(threads)
        keep_memory()
        # Bitwise resume needs the same kernels in both halves of a run.
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
        fabric = Fabric(
            accelerator=name,
            devices=1,
            precision="bf16-mixed" if precision == "bf16" else "32-true",
        )
        return cls(fabric, fabric.device, precision)

    def place(self, x: Tensor) -> Tensor:
        """The tensor on the engine's device."""
        return x.to(self.device, non_blocking=True)

    def setup(self, net: nn.Module, optimizer: Optimizer) -> tuple[nn.Module, Optimizer]:
        """Hand a net and its optimiser to the engine; images go channels-last."""
        net = net.to(self.device)
        for parameter in net.parameters():
            if parameter.ndim == 4:  # 1.2x and more on CPU convolutions; native on CUDA
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        wrapped, optimizer = self.fabric.setup(net, optimizer)
        for name in (
            "features",
            "patches",
            "contrast",
        ):  # asked for beside `forward`: the same precision
            if hasattr(net, name):
                wrapped.mark_forward_method(name)
        return wrapped, optimizer

    def backward(self, loss: Tensor) -> None:
        """Accumulate the gradients of a scalar."""
        self.fabric.backward(loss)

    def wait(self) -> None:
        """Until the device has done all that was asked of it: before a clock is read."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()


@contextmanager
def frozen(net: nn.Module) -> Iterator[None]:
    """Within the block the net's weights ask for no gradients; its inputs still may."""
    wanted = [p for p in net.parameters() if p.requires_grad]
    for parameter in wanted:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in wanted:
            parameter.requires_grad_(True)


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


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
