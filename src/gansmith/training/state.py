"""Everything that a run consists of at one step, to and from a checkpoint, exactly."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Adam, Optimizer

from gansmith.config import Config
from gansmith.engine import Engine
from gansmith.errors import UserError
from gansmith.training import checkpoint, ema
from gansmith.training.batches import Side


@dataclass
class Player:
    """One side of the game: its net as the engine wrapped it, the bare net, and its optimiser."""

    name: Side
    net: nn.Module
    bare: nn.Module
    optimizer: Optimizer


@dataclass
class State:
    """The nets, both optimisers, the average, the place in the data and the plan.

    Random draws are functions of the seed and the step (`gansmith.engine.seeded`), so the step
    counter is all the random state there is.
    """

    G: Player
    D: Player
    average: nn.Module
    step: int = 0
    images: int = 0
    seconds: float = 0.0
    total_images: int = 0
    best_speed: float = 0.0  # images per second; 0 where threads are not ours to choose
    threads: int = 0  # that a re-plan chose; 0 where the settings stand
    controls: dict[str, float] = field(default_factory=lambda: {"gamma": 1.0, "lr": 1.0})

    @classmethod
    def fresh(cls, engine: Engine, cfg: Config, G: nn.Module, D: nn.Module) -> "State":
        """A state at step 0 around two new nets."""
        players: dict[Side, Player] = {}
        sides: tuple[tuple[Side, nn.Module], ...] = (("G", G), ("D", D))
        for name, net in sides:
            adam = Adam(
                net.parameters(),
                lr=float(cfg.optim.lr),
                betas=(cfg.optim.beta1, cfg.optim.beta2),
                fused=engine.device.type in ("cpu", "cuda"),  # one kernel for the whole net
            )
            wrapped, optimizer = engine.setup(net, adam)
            players[name] = Player(name, wrapped, net, optimizer)
        return cls(players["G"], players["D"], ema.follower(G))

    def save(self, root: Path, keep: int) -> Path:
        """Write a checkpoint; see `gansmith.training.checkpoint.write` for the errors."""
        return checkpoint.write(root, self.step, self.tensors(), self._meta(), keep)

    def tensors(self) -> dict[str, dict[str, torch.Tensor]]:
        """All that a checkpoint holds, by group."""
        return {
            "G": self.G.bare.state_dict(),
            "D": self.D.bare.state_dict(),
            "ema": self.average.state_dict(),
            "optim_G": checkpoint.optimizer_tensors(self.G.optimizer),
            "optim_D": checkpoint.optimizer_tensors(self.D.optimizer),
        }

    def _meta(self) -> dict[str, Any]:
        return {
            "images": self.images,
            "seconds": self.seconds,
            "total_images": self.total_images,
            "best_speed": self.best_speed,
            "threads": self.threads,
            "controls": self.controls,
        }

    def restore(self, saved: checkpoint.Checkpoint) -> None:
        """Become the saved state.

        Raises:
            UserError: if the checkpoint is of other nets than the configuration describes.
        """
        nets = {"G": self.G.bare, "D": self.D.bare, "ema": self.average}
        try:
            for name, net in nets.items():
                net.load_state_dict(saved.tensors[name])
            for player in (self.G, self.D):
                checkpoint.restore_optimizer(
                    player.optimizer, saved.tensors[f"optim_{player.name}"]
                )
            self.step = int(saved.meta["step"])
            self.images = int(saved.meta["images"])
            self.seconds = float(saved.meta["seconds"])
            self.total_images = int(saved.meta["total_images"])
            self.best_speed = float(saved.meta["best_speed"])
            self.threads = int(saved.meta["threads"])
            self.controls = {key: float(value) for key, value in saved.meta["controls"].items()}
        except (LookupError, RuntimeError, ValueError, TypeError, AttributeError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"checkpoint {saved.path} does not fit this run: {reason}") from error

    def finite(self) -> bool:
        """Whether everything that a checkpoint holds is a number."""
        return all(
            bool(torch.isfinite(value).all())
            for group in self.tensors().values()
            for value in group.values()
        )
