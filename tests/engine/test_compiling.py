"""The faces of a net: the context that it computes in, and what may be asked for."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn

from gansmith.engine import Compiling, Engine, Face, face_of
from gansmith.engine.compiling import put_on
from gansmith.errors import UserError


class Net(nn.Linear):
    def features(self, x: Tensor) -> Tensor:
        return self(x) * 2.0


def test_other_methods_compute_in_the_precision_of_the_net() -> None:
    inside: list[int] = []

    @contextmanager
    def context() -> Iterator[None]:
        inside.append(1)
        yield
        inside.pop()

    class Seeing(Net):
        def features(self, x: Tensor) -> Tensor:
            assert inside, "asked for in another precision"
            return super().features(x)

    net, wrapped = Seeing(2, 2), nn.Identity()
    put_on(wrapped, Face(Compiling(), net, context, lambda found: found.double()))
    found = wrapped.features(torch.ones(1, 2))
    assert found.dtype == torch.float64
    assert not inside


def test_the_engine_puts_a_face_on_its_nets() -> None:
    engine = Engine.start("cpu", "fp32", 1)
    net = Net(2, 2)
    wrapped, _ = engine.setup(net, torch.optim.SGD(net.parameters(), lr=0.1))
    assert face_of(wrapped) is not None
    assert face_of(net) is None
    x = torch.ones(1, 2)
    assert torch.equal(wrapped.features(x), net.features(x))
    assert net.state_dict().keys() == {"weight", "bias"}


def test_graphs_need_cuda() -> None:
    with pytest.raises(UserError, match="compile=graphs needs a CUDA device"):
        Engine.start("cpu", "fp32", 1, "graphs")


def test_several_processes_are_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gansmith.engine.compiling.world", lambda: 2)
    with pytest.raises(UserError, match="compile=on is for one process: take compile=off"):
        Compiling("on").begin(torch.device("cpu"))
    Compiling("off").begin(torch.device("cpu"))
