"""Two ranks that divide their nets compute what one process computes with whole ones."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from sharded_worker import CHECKED, END, GRADIENTS, HALF, WEIGHTS
from torch import Tensor

from conftest import Run, built

HERE = Path(__file__).parent
GRADIENT, WEIGHT = 1e-6, 1e-4  # relative, in float32


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `sharded_worker` has been, with a run in it that one process began."""
    out = tmp_path_factory.mktemp("sharded")
    built(out, CHECKED, name="went-on").play(until=HALF)
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*words, str(HERE / "sharded_worker.py"), str(out)],
        cwd=HERE,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return out


@pytest.fixture(scope="module")
def found(root: Path) -> dict[str, dict[str, float]]:
    """Relative errors by entry and by what was compared."""
    return json.loads((root / "found.json").read_text())


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tensor]:
    """What one process with whole nets ends with."""
    run = built(tmp_path_factory.mktemp("straight"), CHECKED)
    run.play()
    return ended(run)


def ended(run: Run) -> dict[str, Tensor]:
    """All tensors at the end of a run, but biases that only rounding moves."""
    assert run.state.step == END
    return {k: v for k, v in run.everything().items() if not k.endswith("head.linear.bias")}


def together(tensors: dict[str, Tensor], group: str) -> Tensor:
    chosen = [x.double().flatten() for name, x in tensors.items() if name.startswith(f"{group}/")]
    return torch.cat(chosen)


def worst(found: dict[str, dict[str, float]], kind: str) -> dict[str, float]:
    """The largest error of each entry of a kind."""
    return {k: max(v.values()) for k, v in found.items() if k.startswith(f"{kind}: ")}


def test_gradients_are_those_of_one_process(found: dict[str, Any]) -> None:
    chosen = {k: v for k, v in found.items() if k.startswith("gradients: ")}
    assert len(chosen) == len(GRADIENTS)
    away = {
        f"{entry}: {key}": error
        for entry, errors in chosen.items()
        for key, error in errors.items()
        if not error <= (GRADIENT if key in "DG" else WEIGHT)
    }
    assert not away


def test_weights_after_steps_are_those_of_one_process(found: dict[str, Any]) -> None:
    errors = worst(found, "weights")
    assert len(errors) == len(WEIGHTS)
    assert {name: error for name, error in errors.items() if not error <= WEIGHT} == {}


@pytest.mark.parametrize("rank", [0, 1])
def test_each_rank_holds_half_of_all_numbers(root: Path, rank: int) -> None:
    """Of weights, gradients, moments and the average; a bias of one number cannot be halved."""
    shares = json.loads((root / f"rank-{rank}" / "held.json").read_text())
    assert set(shares) == {"ema", "G", "D", "optim_G", "optim_D", "grad_G", "grad_D"}
    assert all(0.45 < share < 0.55 for share in shares.values()), shares


def test_a_run_in_parts_goes_on_whole(root: Path, straight: dict[str, Tensor]) -> None:
    run = built(root / "rank-1", CHECKED, name="begun", resumed=True)
    assert run.state.step == HALF
    run.play()
    whole = ended(run)
    assert set(whole) == set(straight)
    for group in ("G", "D", "ema", "optim_G", "optim_D"):
        one, other = together(straight, group), together(whole, group)
        assert float((one - other).norm() / one.norm()) <= WEIGHT, group


def test_a_whole_run_goes_on_in_parts(root: Path, straight: dict[str, Tensor]) -> None:
    run = built(root, CHECKED, name="went-on", resumed=True)
    parts = ended(run)
    assert set(parts) == set(straight)
    for group in ("G", "D", "ema", "optim_G", "optim_D"):
        one, other = together(straight, group), together(parts, group)
        assert float((one - other).norm() / one.norm()) <= WEIGHT, group
