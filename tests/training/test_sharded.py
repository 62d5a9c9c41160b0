"""Two ranks that divide their nets compute what one process computes with whole ones."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
GRADIENT, WEIGHT = 1e-6, 1e-4  # relative, in float32
Errors = dict[str, dict[str, float]]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `sharded_worker` has been."""
    out = tmp_path_factory.mktemp("sharded")
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
def found(root: Path) -> Errors:
    """Relative errors by entry and by what was compared."""
    return json.loads((root / "found.json").read_text())


def away(found: Errors, kind: str, least: int) -> dict[str, float]:
    """What is further off than it may be, among so many entries of a kind at least."""
    chosen = {name: errors for name, errors in found.items() if name.startswith(f"{kind}: ")}
    assert len(chosen) >= least
    exact = kind == "gradients"  # beside which signals are means near 0
    return {
        f"{name}: {key}": error
        for name, errors in chosen.items()
        for key, error in errors.items()
        if not error <= (GRADIENT if exact and key in "DG" else WEIGHT)
    }


def test_gradients_are_those_of_one_process(found: Errors) -> None:
    assert away(found, "gradients", least=20) == {}


def test_weights_after_steps_are_those_of_one_process(found: Errors) -> None:
    assert away(found, "weights", least=15) == {}


def test_a_run_goes_on_whole_or_in_parts_from_an_ordinary_checkpoint(found: Errors) -> None:
    assert away(found, "gone on", least=2) == {}


@pytest.mark.parametrize("rank", [0, 1])
def test_each_rank_holds_half_of_all_numbers(root: Path, rank: int) -> None:
    """Of weights, gradients, moments and the average; a bias of one number cannot be halved."""
    shares = json.loads((root / f"rank-{rank}" / "held.json").read_text())
    assert set(shares) == {"ema", "G", "D", "optim_G", "optim_D", "grad_G", "grad_D"}
    assert all(0.45 < share < 0.55 for share in shares.values()), shares
