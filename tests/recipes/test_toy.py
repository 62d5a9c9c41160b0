"""The ``toy`` recipe on the ring: in which direction it moves, and (slow) where it arrives."""

from pathlib import Path

import pytest
import torch

import gansmith
from gansmith.apps.settling import settings
from gansmith.data import open_data
from gansmith.metrics import modes_2d
from gansmith.recipes import Facts, resolve

QUIET = {"threads": 1, "device": "cpu"}


def _near_a_mode(steps: int, out: Path) -> float:
    """The share of points within 0.15 of a centre of the ring: 15 sigma, so that a start counts."""
    run = gansmith.train("ring", budget=f"{steps}-steps", out=out, changes=QUIET, score=False).run
    info = open_data("ring").info
    points = gansmith.load(run).sample(2500, seed=0)
    return modes_2d(points, torch.tensor(info.modes), sigma=0.05).high_quality


def test_training_moves_points_to_the_modes(tmp_path: Path) -> None:
    before, after = _near_a_mode(1, tmp_path / "a"), _near_a_mode(150, tmp_path / "b")
    assert after > 2 * before


def test_ring_and_grid_take_the_same_recipe() -> None:
    found = []
    for name in ("ring", "grid"):
        cfg = settings(name)
        assert cfg.recipe == "toy"
        cfg, _ = resolve(cfg, open_data(name).info, Facts("cpu", "fp32"))
        found.append(cfg)
    ring, grid = found
    assert ring.model == grid.model
    assert ring.optim == grid.optim
    assert ring.batch == grid.batch
    assert ring.budget == grid.budget


@pytest.mark.slow
def test_the_ring_is_found_whole(tmp_path: Path) -> None:
    """A sixth of the recipe's budget: all modes, more than half of the points on them."""
    changes = QUIET | {"seed": 100}
    result = gansmith.train("ring", budget="4k-steps", out=tmp_path / "run", changes=changes)
    assert result.scores["modes"]["value"] == 8
    assert result.scores["high_quality"]["value"] > 0.5
