"""A run small enough to play many times: 8-pixel pictures, a handful of channels."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gansmith.apps.setting_up import describe_generator, giver, new_state, settle_styles
from gansmith.config import Config, build, nest
from gansmith.data import DataInfo
from gansmith.engine import Engine
from gansmith.tasks import TASKS, Task
from gansmith.training import Batches, Hooks, Log, State, images_per_step, reading_ahead, train
from gansmith.training.checkpoint import read_latest


class Pictures:
    """Random pictures of three classes in memory; the first pixel is the sample's number.

    With ``given``, so many of their channels are a picture that is to become the other ones.
    """

    def __init__(self, count: int = 40, shape: tuple[int, ...] = (3, 8, 8), given: int = 0) -> None:
        points = len(shape) == 1
        rng = np.random.default_rng(1)
        x = rng.normal(size=(count, *shape)) if points else rng.integers(0, 256, (count, *shape))
        self._x = torch.from_numpy(x.astype(np.float32 if points else np.uint8))
        if not points:
            self._x[:, 0, 0, 0] = torch.arange(count, dtype=torch.uint8)
        self._y = torch.arange(count) % 3
        kind = "points" if points else "images"
        self.info = DataInfo(
            "memory",
            kind,
            count,
            shape,
            ("a", "b", "c"),
            "0",
            (),
            ((1.0, 1.0),) if points else (),
            given=given,
        )

    def __len__(self) -> int:
        return len(self._x)

    def batch(self, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        chosen = torch.from_numpy(np.asarray(indices))
        return self._x[chosen], self._y[chosen]


SETTINGS = {
    "budget": "12-steps",
    "batch": 8,
    "device": "cpu",
    "precision": "fp32",
    "compile": "off",
    "threads": 1,
    "save_every": 100,
    "sample_every": 100,
    "log_every": 20,
    "model.width": 4,
    "model.depth": 1,
    "model.z_dim": 6,
    "optim.lr": 2e-3,
    "penalty.gamma": 0.5,
    "augment.flip": False,
    "augment.policy": "none",
}


@dataclass
class Run:
    """Everything that the loop takes, and what its hooks saw."""

    cfg: Config
    engine: Engine
    data: Pictures
    task: Task
    state: State
    batches: Batches
    out: Path
    sheets: list[int] = field(default_factory=list)
    saved: list[int] = field(default_factory=list)
    evaluated: list[int] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)

    def play(
        self,
        until: int | None = None,
        advisers: tuple = (),
        sample: Callable[[State], str] | None = None,
        begin: Callable[[], list] | None = None,
    ) -> str:
        """The loop, stopped after step ``until``."""

        def draw(state: State) -> str:
            self.sheets.append(state.step)
            return f"step-{state.step:08d}.png"

        hooks = Hooks(
            sample=sample or draw,
            saved=lambda state: self.saved.append(state.step),
            stop=lambda: "interrupt" if self.state.step == until else None,
            evaluate=lambda state: self.evaluated.append(state.step),
            advisers=advisers,
            begin=begin,
        )
        log = Log(self.out / "log.jsonl", (self.records.append,))
        try:
            return train(
                self.engine, self.cfg, self.task, self.state, self.batches, log, hooks, self.out
            )
        finally:
            log.close()

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [record for record in self.records if record["kind"] == kind]

    def everything(self) -> dict[str, Tensor]:
        """A copy of all tensors that a checkpoint holds."""
        return {
            f"{group}/{key}": value.detach().clone()
            for group, tensors in self.state.tensors().items()
            for key, value in tensors.items()
        }

    def place(self) -> tuple:
        state = self.state
        return state.step, state.images, state.total_images, state.controls


def built(
    root: Path,
    changes: dict[str, Any] | None = None,
    name: str = "run",
    resumed: bool = False,
    shape: tuple[int, ...] = (3, 8, 8),
    data: Pictures | None = None,
    engine: Engine | None = None,
) -> Run:
    cfg = build(nest((SETTINGS | (changes or {})).items()))
    data = data or Pictures(shape=shape, given=1 if TASKS[cfg.task].sides else 0)
    engine = engine or Engine.start(cfg.device, cfg.precision, 1, cfg.compile)
    cfg, _ = settle_styles(cfg)
    spec = describe_generator(cfg, data.info)
    with engine.device if engine.device.type == "meta" else nullcontext():
        task, state = new_state(cfg, engine, spec)
    state.total_images = round(cfg.budget.amount) * images_per_step(cfg)
    batches = Batches(
        engine,
        data,
        cfg.seed,
        cfg.batch,
        cfg.accumulate,
        cfg.model.z_dim,
        cfg.model.conditional,
        bool(cfg.augment.flip),
        cfg.augment.policy,
        prior=cfg.model.prior,
        range=spec.range,
        give=giver(cfg, spec),
        pac=cfg.model.d.pac,
        ahead=reading_ahead(engine),
    )
    out = root / name
    out.mkdir(exist_ok=True)
    if resumed:
        saved, problems = read_latest(out / "checkpoints")
        assert saved is not None
        assert problems == []
        state.restore(saved)
    return Run(cfg, engine, data, task, state, batches, out)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Run]:
    """A fresh run with some settings changed; with ``resumed`` at the last checkpoint there."""
    return partial(built, tmp_path)
