"""Lightning Fabric behind a few verbs: start processes, place, set up, run backward, wait."""

import atexit
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import torch
from torch import Tensor, distributed, nn
from torch.optim import Optimizer

from gansmith.allocator import keep_memory
from gansmith.engine.compiling import BESIDE, Compiling, Face, compiled, own_gradients, put_on
from gansmith.engine.devices import deal_out, pick_device, pick_precision, use_threads
from gansmith.engine.draws import Share
from gansmith.engine.ranks import average, rank, world
from gansmith.engine.sending import sent
from gansmith.engine.sharding import heard, in_parts, is_divided, send_gradients
from gansmith.errors import UserError

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from lightning_fabric.plugins import ClusterEnvironment
    from lightning_fabric.plugins.precision import Precision
    from lightning_fabric.strategies import Strategy

PATIENCE = timedelta(hours=2)  # of ranks that wait for the main one, which may be scoring
# What ranks ask each other at every step lies on the CPU: over NCCL each would wait for its GPU.
BACKENDS = {"cpu": "gloo", "cuda": "cpu:gloo,cuda:nccl"}
STARTED = "GANSMITH_STARTED"  # in the environment of processes that one of ours has started
_met: tuple[int, int] = (1, 1)  # processes on each machine, machines


def started_by_others() -> tuple[int, int] | None:
    """Processes per machine and machines, where ``torchrun`` has started them; else None."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return None
    here = int(os.environ["LOCAL_WORLD_SIZE"])
    return here, int(os.environ["WORLD_SIZE"]) // here


def meet(device: str = "auto", devices: int = 1, nodes: int = 1) -> None:
    """Start the other processes of a run, or join those that were started, and meet them all.

    ``torchrun`` and Slurm start them themselves; otherwise this process starts ``devices - 1``
    more by its own command line, and on each further machine the same command is given, with
    ``MASTER_ADDR``, ``MASTER_PORT`` and ``NODE_RANK`` set. Before anything is written: from here
    on every rank goes the same way. With one process nothing happens.

    Raises:
        UserError: if there are not so many devices here, or the processes do not find each other.
    """
    global _met
    found = started_by_others()
    if found and (devices, nodes) not in ((1, 1), found):
        raise UserError(
            f"torchrun started {found[0]} processes on {found[1]} machines: leave --devices and "
            "--nodes away, or make them the same"
        )
    devices, nodes = found or (devices, nodes)
    if devices * nodes == 1 or _met == (devices, nodes):
        return
    if _met != (1, 1):
        raise UserError(f"this program trains on {_met[0] * _met[1]} processes already")
    if not found and sys.argv[0] in ("", "-", "-c"):
        raise UserError("several processes run one file or command: save this program as a file")
    name = pick_device(device)
    if name == "mps":
        raise UserError("several processes need CUDA devices or the CPU: --device cpu")
    if name == "cuda" and devices > torch.cuda.device_count():
        raise UserError(
            f"--devices {devices}: this machine has {torch.cuda.device_count()} CUDA devices"
        )
    os.environ[STARTED] = "1"  # what the processes that we start inherit
    if found and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True":
        _meet_anew(BACKENDS[name])
    _fabric(name, "fp32", devices, nodes)
    if world() != devices * nodes:
        raise UserError(f"{world()} processes met, not {devices * nodes}: start all of them")
    os.environ["LOCAL_WORLD_SIZE"] = str(devices)  # as torchrun has it
    deal_out()
    atexit.register(_part)
    _met = (devices, nodes)


def _part() -> None:
    """At the end of the process: NCCL may hang in what it still holds."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def _meet_anew(backend: str) -> None:
    """Meet where ``torchrun`` keeps addresses, under the number of this attempt.

    Its store outlives a restart: without the number a rank may find the address of one that died,
    and both wait for ever.
    """
    env = os.environ
    world_size = int(env["WORLD_SIZE"])
    store = distributed.TCPStore(
        env["MASTER_ADDR"], int(env["MASTER_PORT"]), world_size, is_master=False, timeout=PATIENCE
    )
    attempt = distributed.PrefixStore(f"gansmith-{env['TORCHELASTIC_RESTART_COUNT']}", store)
    if "nccl" in backend:
        torch.cuda.set_device(int(env["LOCAL_RANK"]))
    distributed.init_process_group(
        backend, store=attempt, rank=int(env["RANK"]), world_size=world_size, timeout=PATIENCE
    )


def own_device(device: str = "auto") -> str:
    """The device of this process among those of its machine: ``cuda:1``, ``cpu`` or ``mps``."""
    name = pick_device(device)  # in a group Fabric has made one of them the current one
    return f"cuda:{torch.cuda.current_device()}" if name == "cuda" and world() > 1 else name


def _fabric(device: str, precision: str, devices: int, nodes: int) -> "Fabric":
    """A Fabric whose processes have met.

    Raises:
        UserError: if they do not.
    """
    from lightning_fabric import Fabric  # seconds to import: only who trains pays for it

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # importing it set INFO
    many = devices * nodes
    try:
        fabric = Fabric(
            accelerator=device,
            devices=devices,
            num_nodes=nodes,
            strategy=_replicas(device) if many > 1 else "auto",
            plugins=[_neighbours(), *([_bf16(device)] if precision == "bf16" else [])],
        )
        if many > 1:
            fabric.launch()
    except (ValueError, RuntimeError) as error:
        if many == 1:
            raise
        reason = str(error).splitlines()[0]
        raise UserError(f"the {many} processes do not meet: {reason}") from error
    return fabric


def _neighbours() -> "ClusterEnvironment":
    """Who started this process, and with whom: ``torchrun``, ``srun`` of several, or nobody.

    Fabric would take a batch job of one process for one of several.
    """
    from lightning_fabric.plugins import environments

    if started_by_others():
        return environments.TorchElasticEnvironment()
    if int(os.environ.get("SLURM_STEP_NUM_TASKS") or 1) > 1:
        return environments.SLURMEnvironment()
    if "WORLD_SIZE" not in os.environ:  # left by something else: those whom we start have both
        os.environ.pop("LOCAL_RANK", None)
    return environments.LightningEnvironment()


def _bf16(device: str) -> "Precision":
    """Nets compute in bf16 where that is safe (autocast), and answer in float32.

    Fabric's own mixed precision allows no gradient but through its ``backward``, since its float16
    is scaled there. A penalty takes gradients within the loss, and bf16 needs no scale.
    """
    from lightning_fabric.plugins.precision import Precision

    class Bf16(Precision):
        def forward_context(self) -> AbstractContextManager[None]:
            return torch.autocast(device, dtype=torch.bfloat16)

        def convert_output(self, data: object) -> object:
            if isinstance(data, tuple | list):
                return type(data)(map(self.convert_output, data))
            return data.float() if isinstance(data, Tensor) and data.is_floating_point() else data

    return Bf16()


def _replicas(device: str) -> "Strategy":
    """Fabric's processes and groups, with bare nets in them.

    Its DistributedDataParallel sends gradients in the backward pass of a net that was called by
    its own ``forward``. Our players are called in each other's steps while their weights ask for
    no gradient, by other methods, and several times before one backward pass: gradients are
    averaged when all of them stand (`gansmith.engine.ranks.average`), which holds for any task.
    """
    from lightning_fabric.strategies import DDPStrategy

    class Replicas(DDPStrategy):
        def setup_module(self, module: nn.Module) -> nn.Module:  # type: ignore[override]
            return module

    return Replicas(process_group_backend=BACKENDS[device], timeout=PATIENCE)


@dataclass(frozen=True)
class Engine:
    """One rank's part of a run: where its tensors lie, and how its nets are stepped."""

    fabric: "Fabric"
    device: torch.device
    precision: str
    compiling: Compiling = field(default_factory=Compiling)

    @property
    def processes(self) -> dict[str, int]:
        """What a diary says of them: how many there are, and on how many machines."""
        return {"ranks": _met[0] * _met[1], "machines": _met[1]}

    def share(self, unit: int = 1) -> Share:
        """Which rows of a batch are this rank's, in units of samples that belong together."""
        return Share(rank(), world(), unit)

    @classmethod
    def start(
        cls,
        device: str = "auto",
        precision: str = "fp32",
        threads: int | None = None,
        compiling: str = "off",
    ) -> "Engine":
        """Choose the device, set the thread count and make runs repeatable.

        Args:
            device: see `DEVICES`.
            precision: ``fp32`` or ``bf16``.
            threads: None leaves them.
            compiling: how nets are compiled, see `Compiling`.

        Raises:
            UserError: if the device, the precision or such a compiling is not available.
        """
        name = pick_device(device)
        precision = pick_precision(precision, name)
        # Bitwise resume needs the same kernels in both halves of a run.
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
        fabric = _fabric(name, precision, *_met)
        if threads:
            use_threads(threads)
        keep_memory()
        how = Compiling(compiling)
        how.begin(fabric.device)
        return cls(fabric, fabric.device, precision, how)

    def place(self, x: Tensor) -> Tensor:
        """The tensor on the engine's device; nobody waits for the copy."""
        return sent(x, self.device)

    def setup(self, net: nn.Module, optimizer: Optimizer) -> tuple[nn.Module, Optimizer]:
        """Hand a net and its optimiser to the engine; images go channels-last.

        Where the ranks hold parts of it, `gansmith.engine.divide` has placed them.
        """
        divided = is_divided(net)
        if not divided:
            net = net.to(self.device)
        for parameter in net.parameters():
            if parameter.ndim == 4 and not divided:  # 1.2x and more on CPU convolutions
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        wrapped, optimizer = self.fabric.setup(net, optimizer, move_to_device=not divided)
        for name in BESIDE:
            if hasattr(net, name):
                heard(wrapped, net, name)
        precision = self.fabric.strategy.precision
        face = Face(self.compiling, net, precision.forward_context, precision.convert_output)
        put_on(wrapped, face)
        return wrapped, optimizer

    def compiled(self, nets: Iterable[nn.Module]) -> AbstractContextManager[None]:
        """A block, which is one player's turn, in which its nets are compiled, if they are to be.

        Args:
            nets: as `setup` returned them.
        """
        return compiled(nets)

    def begin(self) -> None:
        """A micro-batch begins: what CUDA graphs have made of the last one is not needed."""
        if self.compiling.mode == "graphs":
            torch.compiler.cudagraph_mark_step_begin()

    def backward(self, loss: Tensor, net: nn.Module | None = None) -> None:
        """Accumulate the gradients of a scalar; ``net`` is the bare one that they are of."""
        self.fabric.backward(loss)
        if net is not None and self.compiling.mode == "graphs":
            own_gradients(net)

    def average(self, net: nn.Module, signals: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The gradients of a net become their means over the ranks; one that has none keeps none.

        Once for a step, however many micro-batches it has, and in one message with the signals,
        since with each message the ranks wait for the slowest of them.

        Returns:
            The means of the signals, scalars that every rank has in the same order.
        """
        if world() == 1:
            return dict(signals)
        found = {key: value.detach().clone() for key, value in signals.items()}
        grads = [p.grad for p in net.parameters() if p.grad is not None]
        # Those of a divided net are means since the backward pass of which `sends` spoke.
        average([*(grad for grad in grads if not in_parts(grad)), *found.values()])
        return found

    def sends(self, net: nn.Module, last: bool) -> None:
        """Before a backward pass: whether it is the last one before `average`."""
        send_gradients(net, last)

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
