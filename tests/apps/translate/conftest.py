"""A stand-in for a trained translator, so that what is right is known."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gansmith.models import Generator, Spec, Translator


class Inverter(Translator):
    """Negative of a picture; the noise takes 3 times its number, and the seed, off the levels."""

    def __init__(self, channels: int, seen: int, noisy: bool) -> None:
        spec = Spec("unet", (channels, 16, 16), 4, 4, 1, kind="translation", in_channels=seen)
        super().__init__(spec.nets()[0], spec)
        self.noisy = noisy

    def translate(
        self, x_BCHW: Tensor, seed: int = 0, numbers: Sequence[int] | None = None
    ) -> Tensor:
        assert x_BCHW.dtype == torch.uint8
        assert x_BCHW.shape[1] == self.in_channels
        made = 255 - x_BCHW.int()
        if self.noisy:
            made = made - 3 * torch.tensor(numbers).view(-1, 1, 1, 1) - seed
        channels = self.spec.shape[0]
        if channels != self.in_channels:
            made = made.float().mean(1, keepdim=True).round().expand(-1, channels, -1, -1)
        return made.clamp(0, 255).to(torch.uint8)


@pytest.fixture
def run_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Makes a run of an `Inverter`, or of another kind of net."""

    def use(
        kind: str = "translation", channels: int = 3, seen: int = 3, noisy: bool = True
    ) -> Path:
        if kind == "translation":
            net: Generator = Inverter(channels, seen, noisy)
        else:
            net = Generator(nn.Identity(), Spec("resnet", (3, 16, 16), 4, 4, 1, kind=kind))
        monkeypatch.setattr("gansmith.apps.runs.load", lambda source: net)
        return Path("run")

    return use


@pytest.fixture
def run(run_of: Callable[..., Path]) -> Path:
    return run_of()
