"""A stand-in for a trained translator, so that what is right is known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gansmith.models import Spec


@dataclass
class Inverter:
    """Negative of a picture of three channels; the noise takes ``number`` grey levels off it."""

    spec: Spec
    in_channels: int = 3
    stride: int = 4
    noisy: bool = True

    def translate(
        self, x_BCHW: Tensor, seed: int = 0, numbers: Sequence[int] | None = None
    ) -> Tensor:
        assert x_BCHW.dtype == torch.uint8
        assert x_BCHW.shape[1] == self.in_channels
        assert all(side % self.stride == 0 for side in x_BCHW.shape[2:])
        made = 255 - x_BCHW.int()
        if self.noisy:
            made = made - 3 * torch.tensor(numbers).view(-1, 1, 1, 1) - seed
        channels = self.spec.shape[0]
        if channels != self.in_channels:
            made = made.float().mean(1, keepdim=True).round().expand(-1, channels, -1, -1)
        return made.clamp(0, 255).to(torch.uint8)


def described(kind: str, channels: int = 3) -> Spec:
    spec = Spec("resnet", (channels, 16, 16), z_dim=4, width=4, depth=1)
    object.__setattr__(spec, "kind", kind)
    return spec


@pytest.fixture
def run_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Makes a run of an `Inverter`, or of another kind of net."""

    def use(
        kind: str = "translation", channels: int = 3, seen: int = 3, noisy: bool = True
    ) -> Path:
        net = Inverter(described(kind, channels), seen, noisy=noisy)
        monkeypatch.setattr("gansmith.apps.runs.load", lambda source: net)
        return Path("run")

    return use


@pytest.fixture
def run(run_of: Callable[..., Path]) -> Path:
    return run_of()
