"""A run whose nets two processes divide, from the command line: its folder is like any other."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import gansmith
from gansmith.errors import UserError
from gansmith.training.checkpoint import folders

STEPS = 12
SETTINGS = {
    "batch": 8,
    "model.width": 4,
    "model.depth": 1,
    "model.z_dim": 4,
    "threads": 1,
    "save_every": 4,
    "sample_every": 6,
    "log_every": 1,
    "data.limit": 200,
    "augment.flip": False,
    "penalty.method": "finite-difference",
    "penalty.sigma": 0.5,
    "evaluate.every": 6,
    "evaluate.samples": 64,
    "evaluate.by": "kid",
}
ENV = os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}


def trained(
    out: Path, *more: str, steps: int = STEPS, changes: dict[str, object] | None = None
) -> subprocess.CompletedProcess[str]:
    """A run, or its next life."""
    given = SETTINGS if changes is None else changes
    words = [word for key, value in given.items() for word in ("--set", f"{key}={value}")]
    run = ["gansmith", "train", "digits", "--budget", f"{steps}-steps", "--out", str(out)]
    everything = [sys.executable, "-m", *run, "--no-score", *words, *more]
    return subprocess.run(everything, env=ENV, capture_output=True, text=True, timeout=600)


def weights(out: Path) -> torch.Tensor:
    """All numbers of the players and the average at the end, but a bias that changes nothing."""
    newest = folders(out / "checkpoints")[-1]
    assert int(newest.name.rpartition("-")[2]) == STEPS
    tensors = [load_file(newest / f"{name}.safetensors") for name in ("G", "D", "ema")]
    weighed = (x for each in tensors for name, x in each.items() if name != "head.linear.bias")
    return torch.cat([x.double().flatten() for x in weighed])


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two processes that divide their nets, begun, stopped and gone on with."""
    out = tmp_path_factory.mktemp("in parts") / "run"
    divided = ("--devices", "2", "--set", "sharded=true")
    for steps, more, changes in ((6, (), SETTINGS), (STEPS, ("--resume", "--json"), {})):
        done = trained(out, *divided, *more, steps=steps, changes=changes)
        assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"] == STEPS
    return out


@pytest.mark.slow
def test_a_run_in_parts_is_the_run_of_one_process(parts: Path, tmp_path: Path) -> None:
    for steps, again in ((6, False), (STEPS, True)):  # a plan of 12 steps is another at the sixth
        gansmith.train(
            "digits",
            budget=f"{steps}-steps",
            out=tmp_path / "one",
            changes={} if again else SETTINGS | {"device": "cpu"},
            resume=again,
            score=False,
        )
    one, two = weights(tmp_path / "one"), weights(parts)
    assert one.shape == two.shape, "a checkpoint holds whole tensors"
    assert float((one - two).norm() / one.norm()) < 1e-4


@pytest.mark.slow
def test_its_folder_is_like_any_other(parts: Path) -> None:
    records = [json.loads(line) for line in (parts / "log.jsonl").read_text().splitlines()]
    kinds = {record["kind"] for record in records}
    assert {"start", "step", "save", "sample", "scores", "end"} <= kinds
    assert not kinds & {"signs", "vitals"}, "nobody has whole nets to look at"
    start = records[0]
    assert "doctor.monitor" in {reason["key"] for reason in start["reasons"]}
    assert start["parameters"] == {
        name: sum(x.numel() for x in load_file(path).values())
        for name in "GD"
        for path in [folders(parts / "checkpoints")[-1] / f"{name}.safetensors"]
    }
    for name in ("report.html", "MODEL_CARD.md", f"samples/step-{STEPS:08d}.png"):
        assert (parts / name).is_file(), name
    average = load_file(folders(parts / "checkpoints")[-1] / "ema.safetensors")
    saved = load_file(next((parts / "generator").glob("*.safetensors")))
    assert all(torch.equal(average[name], value) for name, value in saved.items())


def test_what_needs_a_derivative_of_a_derivative_is_refused(tmp_path: Path) -> None:
    changes = SETTINGS | {"sharded": True, "penalty.method": "exact"}
    with pytest.raises(UserError, match="finite-difference") as refused:
        gansmith.train("digits", budget="2-steps", out=tmp_path / "refused", changes=changes)
    assert len(str(refused.value).splitlines()) == 1
    assert not (tmp_path / "refused").exists()


@pytest.mark.slow
def test_ranks_that_would_ask_d_unequally_often_are_refused(tmp_path: Path) -> None:
    changes = SETTINGS | {"sharded": True, "accumulate": 4}
    done = trained(tmp_path / "refused", "--devices", "2", changes=changes)
    assert done.returncode == 2
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert "penalty.share=1" in lines[0]
    assert not (tmp_path / "refused").exists()
