"""Nothing in a step waits for the device.

Without a GPU: the players live on torch's ``meta`` device, whose tensors have shapes and no
numbers. Whatever would read one fails there, and so does whatever mixes them with tensors of the
host; a dispatch mode refuses copies from the host that are not asked to be asynchronous.
"""

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import gansmith
from gansmith.engine import Engine
from gansmith.training import ema, schedule
from gansmith.training.loop import play

from .test_catalogue import ENTRIES

# What reads a number of the device in each step, and why.
READS = {"LeCam": "its two averages are numbers of the host, kept in the checkpoint's JSON"}
aten = torch.ops.aten


class Nowhere(Engine):
    """An engine whose device has no numbers; its nets were built there."""

    def setup(self, net: Any, optimizer: Any) -> tuple[Any, Any]:
        return net, optimizer

    def backward(self, loss: torch.Tensor, net: Any = None) -> None:
        loss.backward()


def copied(func: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """What an operation copies, and the device to which; two times None where it copies nothing."""
    if func is aten._to_copy.default:
        return args[0], kwargs.get("device")
    if func is aten.copy_.default:
        return args[1], args[0].device
    return None, None


class Unwaiting(TorchDispatchMode):
    """Refuses a copy from the host that waits."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        source, to = copied(func, args, kwargs)
        if source is not None and source.device.type == "cpu" and to is not None:
            asynchronous = kwargs.get("non_blocking") or args[2:] == (True,)
            assert to.type == "cpu" or asynchronous, "a copy from the host that waits"
        return func(*args, **kwargs)


def nowhere() -> Engine:
    """Nets for it are built there (conftest.py): a net cannot be moved there with its optimiser."""
    return Nowhere(Engine.start("cpu", "fp32", 1).fabric, torch.device("meta"), "fp32")


def steps(make: Callable[..., Any], changes: dict[str, Any]) -> None:
    """Two steps of the game and of the average, as the loop makes them."""
    run = make({"optim.lr": 1e-3, "augment.flip": True} | changes, engine=nowhere())
    assert {p.device.type for p in run.state.G.bare.parameters()} == {"meta"}
    with Unwaiting():
        for step in range(2):
            run.state.step = step
            now = schedule.at(run.cfg, step, 4)
            signals = play(run.engine, run.cfg, run.task, run.state, run.batches, now)
            ema.update(run.state.average, run.state.G.bare, 0.9)
    assert {value.device.type for value in signals.values()} == {"meta"}


MORE = {
    f"distortions {policy}": {"augment.policy": policy}
    for policy in ("color", "translation", "cutout", "all")
} | {"classes": {"model.conditional": True}, "accumulate": {"accumulate": 2}}


@pytest.mark.parametrize("name", [*(name for name in ENTRIES if name not in READS), *MORE])
def test_a_step_reads_no_number_of_the_device(name: str, make: Callable[..., Any]) -> None:
    steps(make, (ENTRIES | MORE)[name])


@pytest.mark.parametrize("name", READS)
def test_what_reads_one_is_seen(name: str, make: Callable[..., Any]) -> None:
    with pytest.raises(RuntimeError, match="meta tensors"):
        steps(make, ENTRIES[name])


def test_a_copy_that_waits_is_seen() -> None:
    with Unwaiting(), pytest.raises(AssertionError, match="waits"):
        torch.zeros(2).to("meta")
    with Unwaiting():
        torch.zeros(2).to("meta", non_blocking=True)


# What such a mode does not see: how the source reads.

PACKAGE = Path(gansmith.__file__).parent
NOT_IN_A_STEP = {"pretrained.py", "spec.py", "units.py", "registry.py"}
STEP = [
    *(path for room in ("tasks", "losses", "models") for path in (PACKAGE / room).glob("*.py")),
    PACKAGE / "data" / "augment.py",
    *(PACKAGE / "training" / f"{name}.py" for name in ("moves", "batches", "ahead", "ema")),
]


def waiting(tree: ast.Module) -> list[str]:
    """Calls that bring numbers of the host to where another tensor is, but by `engine.sent`."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        given = [*node.args, *(word.value for word in node.keywords)]
        elsewhere = any(isinstance(each, ast.Attribute) and each.attr == "device" for each in given)
        name = node.func.attr
        if (
            (name in ("to", "tensor", "as_tensor") and elsewhere)
            or name in ("new_tensor", "nonzero", "masked_select", "cuda", "cpu", "tolist")
            or (name in ("item", "unique") and ast.unparse(node.func.value) not in ("np",))
        ):
            found.append(f"line {node.lineno}: {ast.unparse(node)[:70]}")
    return found


@pytest.mark.parametrize("path", [p for p in STEP if p.name not in NOT_IN_A_STEP], ids=str)
def test_the_host_sends_in_one_way(path: Path) -> None:
    assert waiting(ast.parse(path.read_text(encoding="utf-8"))) == []


def test_other_ways_are_seen() -> None:
    source = "a = x.to(y.device)\nb = torch.tensor([1], device=y.device)\nc = x.new_tensor([1.0])"
    assert len(waiting(ast.parse(source))) == 3
    assert waiting(ast.parse("a = sent(x, y.device)\nb = torch.arange(3, device=y.device)")) == []


# A GPU, where there is one


@contextmanager
def refusing() -> Iterator[None]:
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)


class Pinned(TorchDispatchMode):
    """Refuses a copy from memory that is not pinned: the driver waits, and torch does not see."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        source, to = copied(func, args, kwargs)
        if source is not None and to is not None and to.type == "cuda":
            assert source.is_cuda or source.is_pinned(), "a copy from memory that is not pinned"
        return func(*args, **kwargs)


@pytest.mark.gpu
@pytest.mark.parametrize("name", [*(name for name in ENTRIES if name not in READS), *MORE])
def test_a_gpu_is_not_waited_for(name: str, make: Callable[..., Any]) -> None:
    changes = {"optim.lr": 1e-3, "device": "cuda", "augment.flip": True}
    run = make(changes | (ENTRIES | MORE)[name])
    for step in range(3):  # the first one allocates, and makes the optimisers' memory
        run.state.step = step
        now = schedule.at(run.cfg, step, 4)
        with Pinned():
            if step:
                with refusing():
                    play(run.engine, run.cfg, run.task, run.state, run.batches, now)
                    ema.update(run.state.average, run.state.G.bare, 0.9)
            else:
                play(run.engine, run.cfg, run.task, run.state, run.batches, now)
    run.batches.close()
