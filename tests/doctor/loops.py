"""A plain training loop as a stranger writes it, with one switch for each fault."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

Z, BATCH = 8, 32


def data(batch: int = BATCH, scale: float = 0.8) -> Tensor:
    """A ring of radius `scale`: in [-1, 1] as G's tanh is, and reaching its ends."""
    angle = torch.rand(batch) * 6.2832
    ring = torch.stack([angle.cos(), angle.sin()], dim=1) * scale
    return (ring + 0.02 * torch.randn(batch, 2)).clamp(-1, 1)


def generator(end: nn.Module | None = None) -> nn.Sequential:
    last = [nn.Tanh()] if end is None else [end]
    return nn.Sequential(
        nn.Linear(Z, 32),
        nn.BatchNorm1d(32),
        nn.ReLU(),
        nn.Linear(32, 32),
        nn.ReLU(),
        nn.Linear(32, 2),
        *last,
    )


def critic(*end: nn.Module) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(2, 32),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Linear(32, 32),
        nn.LeakyReLU(0.2),
        nn.Dropout(0.1),
        nn.Linear(32, 1),
        *end,
    )


@dataclass
class Loop:
    """What a test may change; the defaults are a sound loop."""

    G: nn.Module = field(default_factory=generator)
    D: nn.Module = field(default_factory=critic)
    real: Callable[[], Tensor] = data
    noise: Callable[[], Tensor] = lambda: torch.randn(BATCH, Z)
    criterion: Callable[[Tensor, Tensor], Tensor] = bce
    real_label: float = 1.0
    fake_label: float = 0.0
    g_label: float = 1.0
    detach: bool = True
    detach_in_g: bool = False
    clear_d: bool = True
    clear_g: bool = True
    step_d: bool = True
    step_g: bool = True
    d_steps: int = 1
    with_real: bool = True
    with_fake: bool = True
    rate: float = 2e-3
    held_by_d: Callable[[nn.Module, nn.Module], Any] = lambda G, D: D.parameters()
    held_by_g: Callable[[nn.Module, nn.Module], Any] = lambda G, D: G.parameters()
    before_step: Callable[[int], None] = lambda step: None

    def optimisers(self) -> tuple[torch.optim.Optimizer, torch.optim.Optimizer]:
        betas = (0.5, 0.999)
        return (
            torch.optim.Adam(self.held_by_g(self.G, self.D), lr=self.rate, betas=betas),
            torch.optim.Adam(self.held_by_d(self.G, self.D), lr=self.rate, betas=betas),
        )

    def play(self, steps: int, opts: tuple[Any, Any] | None = None) -> None:
        opt_g, opt_d = opts or self.optimisers()
        for step in range(steps):
            self.before_step(step)
            for _ in range(self.d_steps):
                self.d_step(opt_d)
            self.g_step(opt_g)

    def d_step(self, opt_d: torch.optim.Optimizer) -> None:
        if self.clear_d:
            opt_d.zero_grad()
        loss = torch.zeros(())
        if self.with_real:
            said = self.D(self.real())
            loss = loss + self.criterion(said, torch.full_like(said, self.real_label))
        if self.with_fake:
            fake = self.G(self.noise())
            said = self.D(fake.detach() if self.detach else fake)
            loss = loss + self.criterion(said, torch.full_like(said, self.fake_label))
        loss.backward()
        if self.step_d:
            opt_d.step()

    def g_step(self, opt_g: torch.optim.Optimizer) -> None:
        if self.clear_g:
            opt_g.zero_grad()
        fake = self.G(self.noise())
        said = self.D(fake.detach() if self.detach_in_g else fake)
        self.criterion(said, torch.full_like(said, self.g_label)).backward()
        if self.step_g:
            opt_g.step()


def both(G: nn.Module, D: nn.Module) -> Any:
    return itertools.chain(G.parameters(), D.parameters())
