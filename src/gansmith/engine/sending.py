"""From the host to the device without waiting for it: pinned memory, and a stream of their own.

A copy from ordinary memory makes the host wait until the device has done all that was asked of it
before (NVIDIA, CUDA driver API, "API synchronization behavior"). From pinned memory it does not;
torch keeps a pinned block until the copies out of it are done.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


def sent(x: Tensor, device: torch.device, dtype: torch.dtype | None = None) -> Tensor:
    """The tensor on a device, in a type, without waiting: the one way for what the host has drawn.

    A copy that changed the type on its way would go through memory that is not pinned, so the type
    is changed here, before it.

    Args:
        x: any shape; as it is where it lies on the device already.
        device: where it is wanted.
        dtype: None leaves the type as it is.
    """
    x = x.to(dtype=x.dtype if dtype is None else dtype)
    if device.type == "cuda" and x.device.type == "cpu" and not x.is_pinned():
        x = x.contiguous().pin_memory()  # what lies in strides would be gathered before the copy
    # An MPS device reads memory that the host may have given to something else by then.
    return x.to(device, non_blocking=device.type != "mps")


@dataclass(frozen=True)
class Parcel:
    """Tensors on their way to a device, by name; ``arrived`` where a stream of their own has them.

    They may be opened once the step that needs them begins.
    """

    content: Mapping[str, Tensor]
    device: torch.device
    arrived: "torch.cuda.Event | None" = None

    def open(self) -> dict[str, Tensor]:
        """The tensors, for whatever is asked of the device from now on; the host does not wait."""
        if self.arrived is not None:
            stream = torch.cuda.current_stream(self.device)
            stream.wait_event(self.arrived)
            for tensor in self.content.values():
                tensor.record_stream(stream)  # their memory is of the other stream
        return dict(self.content)


class Post:
    """Sends to one device; on CUDA by a stream of its own, so that copies run beside the kernels.

    It may be used from any thread.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    def send(self, content: Mapping[str, Tensor]) -> Parcel:
        """The tensors of the host, on their way."""
        if self._stream is None:
            return Parcel({key: sent(x, self.device) for key, x in content.items()}, self.device)
        # Another thread has the first device for its own until it is told otherwise.
        with torch.cuda.device(self.device), torch.cuda.stream(self._stream):
            there = {key: sent(x, self.device) for key, x in content.items()}
            return Parcel(there, self.device, self._stream.record_event())
