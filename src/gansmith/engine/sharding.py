"""Nets whose numbers are divided over the ranks: each rank holds every n-th part of each tensor.

torch's FSDP2 (`fully_shard`; Zhao et al. 2023, section 3.2) gathers the weights of a block where it
computes, forwards and backwards, frees them behind it, and hands each rank the mean of its part of
the gradients. What is never called, such as an average, needs no such machinery: its parts lie
beside those of the net that it follows (`hold_part`).

Blocks are gathered again in the backward pass, and a weight is whole only while its block computes:
no derivative of a derivative can be taken (`gansmith.tasks.soundness` refuses exact penalties), and
the weights keep torch's usual order in memory, since FSDP2 divides no other.
"""

import copy
import functools
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from gansmith.engine.ranks import is_main, rank, world

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh
    from torch.distributed.fsdp import FSDPModule
    from torch.distributed.tensor import DTensor

SMALL = 1 / 64  # of a net's numbers: a block of fewer is not worth messages of its own


def in_parts(tensor: Tensor) -> bool:
    """Whether this rank holds a part of the tensor only."""
    return hasattr(tensor, "to_local")  # a DTensor: importing its class costs whoever has none


def is_divided(net: nn.Module) -> bool:
    """Whether the ranks hold parts of a net's weights."""
    return any(in_parts(p) for p in net.parameters())


@functools.cache
def _mesh(device: str, many: int) -> "DeviceMesh":
    """All ranks in a row."""
    from torch.distributed.device_mesh import init_device_mesh

    return init_device_mesh(device, (many,))


def _has_matrix(layer: nn.Module) -> bool:
    """A layer of its own weights, which may lie under a parametrisation."""
    return is_parametrized(layer) or any(p.ndim > 1 for p in layer.parameters(recurse=False))


def blocks(net: nn.Module) -> Iterator[nn.Module]:
    """What of a net is gathered at a time: what its lists and sequences consist of, and layers.

    These are called as modules, and nobody else reads their weights: that is what dividing asks
    for. Of the rest, which is the net's own, no two parts are in one block.
    """
    for child in net.children():
        listed = isinstance(net, nn.ModuleList | nn.Sequential)
        nested = isinstance(child, nn.ModuleList | nn.Sequential)
        if _has_matrix(child) or (listed and not nested):
            yield child
        else:
            yield from blocks(child)


def divide(net: nn.Module, device: torch.device) -> None:
    """From here on each rank holds its part of the net's weights on the device; no more of it.

    Every rank comes with the same net, which may lie elsewhere: it is moved block by block, so that
    the device never holds all of it.

    Args:
        net: changed in place; to be called as a module, or by what `heard` has marked.
        device: this rank's.
    """
    from torch.distributed.fsdp import fully_shard

    # A hook on a view is lost where somebody writes into it; nothing here does.
    warnings.filterwarnings("ignore", message="FSDP2-wrapped module", category=UserWarning)
    mesh = _mesh(device.type, world())
    least = SMALL * sum(p.numel() for p in net.parameters())
    for block in list(blocks(net)):
        if sum(p.numel() for p in block.parameters()) >= max(least, 1):
            _place(block, device)
            # Also of the outermost: what stays gathered would miss that it was frozen meanwhile.
            fully_shard(block, mesh=mesh, reshard_after_forward=True)
    _place(net, device)
    fully_shard(net, mesh=mesh, reshard_after_forward=True)


@torch.no_grad()
def _place(block: nn.Module, device: torch.device) -> None:
    """What is still whole of a block moves to the device."""
    for p in block.parameters():
        if not in_parts(p):
            p.data = p.data.to(device).contiguous()
    for module in block.modules():
        for name, buffer in list(module.named_buffers(recurse=False)):
            setattr(module, name, buffer.to(device))


@torch.no_grad()
def hold_part(net: nn.Module, device: torch.device) -> nn.Module:
    """A net that is never called, of whose weights each rank keeps its part on the device."""
    mesh = _mesh(device.type, world())
    for module in net.modules():
        for name, p in list(module.named_parameters(recurse=False)):
            part = nn.Parameter(_part(p, mesh), requires_grad=p.requires_grad)
            module.register_parameter(name, part)
    _place(net, device)
    return net


def _part(whole: Tensor, mesh: "DeviceMesh") -> "DTensor":
    """Our part of a tensor that every rank has, as FSDP2 deals it out: by its first dimension."""
    from torch.distributed.tensor import DTensor, Shard

    whole = whole.detach().contiguous()
    parts = whole.chunk(mesh.size())  # fewer than ranks, where there are fewer rows
    mine = parts[rank()] if rank() < len(parts) else whole[:0]
    mine = mine.to(mesh.device_type, copy=True)  # a view would keep all of it alive
    return DTensor.from_local(
        mine, mesh, [Shard(0)], run_check=False, shape=whole.shape, stride=whole.stride()
    )


def own(tensors: Iterable[Tensor]) -> list[Tensor]:
    """What this rank holds of each tensor: all of it, or its part; to be read or written in place.

    For what is done number by number: averages, boxes, sums.
    """
    with torch.no_grad():
        return [cast("DTensor", t).to_local() if in_parts(t) else t for t in tensors]


def part_like(value: Tensor, like: Tensor) -> Tensor:
    """Our part of a tensor that every rank has, where ``like`` is divided and of the same shape."""
    if not in_parts(like) or value.shape != like.shape:
        return value
    return _part(value, cast("DTensor", like).device_mesh)


@torch.no_grad()
def take(net: nn.Module, values: Mapping[str, Tensor]) -> None:
    """Load a state of whole tensors into a net, of which the ranks may hold parts.

    Raises:
        RuntimeError: as `torch.nn.Module.load_state_dict`.
    """
    ours = net.state_dict()
    net.load_state_dict({k: part_like(v, ours[k]) if k in ours else v for k, v in values.items()})


@torch.no_grad()
def whole_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The whole tensors by name, in the main memory, on the main rank; nothing on the others.

    Every rank must ask, or one that is `alone` with whole ones. One tensor at a time is whole on
    the others.
    """
    found = {}
    for name, tensor in sorted(tensors.items()):  # what was read back stands in an order of chance
        whole = cast("DTensor", tensor).full_tensor() if in_parts(tensor) else tensor
        if rank() == 0:
            found[name] = whole.detach().cpu()
    return found


@torch.no_grad()
def whole(net: nn.Module) -> nn.Module:
    """On the main rank a copy with whole weights of a net that `hold_part` divided; else the net.

    Every rank must ask. The copy takes as much of the main rank's device as the net would have
    taken undivided, for as long as it is kept.
    """
    if not is_divided(net):
        return net
    known: dict[int, Any] = {}
    for p in net.parameters():
        full = cast("DTensor", p).full_tensor()
        if is_main():
            if full.ndim == 4:  # as `Engine.setup` lays them
                full = full.contiguous(memory_format=torch.channels_last)
            known[id(p)] = nn.Parameter(full, requires_grad=p.requires_grad)
    return copy.deepcopy(net, known) if is_main() else net


def heard(wrapped: nn.Module, net: nn.Module, name: str) -> None:
    """A method of a divided net that others call by ``wrapped`` gathers weights as a call does.

    The net's own calls of it stay as they are: they are within a call.
    """
    if not is_divided(net):
        return
    from torch.distributed.fsdp import register_fsdp_forward_method

    register_fsdp_forward_method(net, name)
    wrapped.__dict__[name] = net.__dict__.pop(name)


def send_gradients(net: nn.Module, now: bool) -> None:
    """Whether the next backward pass hands out the means of a divided net's gradients.

    Otherwise they are kept, whole, until one does.
    """
    if is_divided(net):
        cast("FSDPModule", net).set_requires_gradient_sync(now)
