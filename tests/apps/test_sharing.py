"""Several processes train one run from the command line: begun, killed, restarted, resumed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file

from gansmith.training.checkpoint import folders

STEPS = 12
SETTINGS = {
    "batch": 8,
    "model.width": 4,
    "model.depth": 1,
    "model.z_dim": 4,
    "threads": 1,
    "save_every": 2,
    "sample_every": 6,
    "log_every": 1,
    "doctor.every": 5,
    "data.limit": 200,
    "augment.flip": False,
}
ENV = os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
TORCHRUN = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def words(out: Path, *more: str, steps: int = STEPS) -> list[str]:
    """The command line of a run."""
    changes = [word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")]
    run = ["train", "digits", "--budget", f"{steps}-steps", "--out", str(out), "--no-score"]
    return [*run, *changes, *more]


def command(*module: str) -> list[str]:
    return [sys.executable, "-m", *module]


def run(*everything: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(everything, env=ENV, capture_output=True, text=True, timeout=600)


def weights(out: Path) -> torch.Tensor:
    """All numbers of the players at the end."""
    newest = folders(out / "checkpoints")[-1]
    assert int(newest.name.rpartition("-")[2]) == STEPS
    tensors = [load_file(path) for path in sorted(newest.glob("[GD].safetensors"))]
    assert len(tensors) == 2
    weighed = (  # D's last bias changes nothing here, and is moved by rounding alone
        x for each in tensors for name, x in each.items() if name != "head.linear.bias"
    )
    return torch.cat([x.double().flatten() for x in weighed])


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that two processes trained to its end."""
    out = tmp_path_factory.mktemp("two ranks 两个") / "run"
    done = run(*command("gansmith"), *words(out, "--devices", "2", "--json"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"] == STEPS, "one object, of the rank that speaks"
    assert "GLOBAL_RANK" not in done.stderr
    return out


def test_two_processes_train_what_one_trains(two: Path, tmp_path: Path) -> None:
    done = run(*command("gansmith"), *words(tmp_path / "one"))
    assert done.returncode == 0, done.stderr
    one, both = weights(tmp_path / "one"), weights(two)
    assert float((one - both).norm() / one.norm()) < 1e-4
    records = [json.loads(line) for line in (two / "log.jsonl").read_text().splitlines()]
    assert [r["step"] for r in records if r["kind"] == "step"] == list(range(1, STEPS + 1))
    start = next(r for r in records if r["kind"] == "start")
    assert start["processes"] == {"ranks": 2, "machines": 1}
    assert any(r["kind"] == "signs" for r in records), "the doctor looked"
    assert (two / "report.html").is_file()
    assert (two / "samples" / f"step-{STEPS:08d}.png").is_file()


@pytest.mark.slow
def test_a_killed_rank_is_restarted_and_nothing_is_lost(two: Path, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    started = subprocess.Popen(
        [*command(*TORCHRUN), "--max-restarts", "2", "-m", "gansmith", *words(out)],
        env=ENV,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until = time.monotonic() + 300
        while len(folders(out / "checkpoints")) < 2:
            assert time.monotonic() < until
            assert started.poll() is None, started.stderr.read() if started.stderr else ""
            time.sleep(0.02)
        ranks = psutil.Process(started.pid).children()
        os.kill(ranks[-1].pid, signal.SIGKILL)
        _, said = started.communicate(timeout=600)
    finally:
        started.kill()
    assert started.returncode == 0, said
    assert '"kind": "resume"' in (out / "log.jsonl").read_text()
    assert torch.equal(weights(out), weights(two)), "to the bit"


@pytest.mark.slow
def test_a_run_of_two_goes_on_with_one(tmp_path: Path, two: Path) -> None:
    out = tmp_path / "less"
    half = run(*command("gansmith"), *words(out, "--devices", "2", steps=6))
    assert half.returncode == 0, half.stderr
    rest = run(
        *command("gansmith"),
        "train",
        "--out",
        str(out),
        "--resume",
        "--budget",
        f"{STEPS}-steps",
        "--no-score",
    )
    assert rest.returncode == 0, rest.stderr
    assert len(weights(out)) == len(weights(two))


def test_nets_that_look_at_the_batch_and_a_doctor_that_repairs(tmp_path: Path) -> None:
    """The main rank looks at nets by itself, whose batch norm elsewhere waits for all ranks."""
    more = ["--recipe", "dcgan", "--devices", "2", "--repair", "auto", "--set", "doctor.every=auto"]
    done = run(*command("gansmith"), *words(tmp_path / "dcgan", *more, steps=4))
    assert done.returncode == 0, done.stderr
    start = json.loads((tmp_path / "dcgan" / "log.jsonl").read_text().splitlines()[0])
    assert "doctor.every" in {reason["key"] for reason in start["reasons"]}


def test_what_cannot_be_shared_is_refused_in_one_line(tmp_path: Path) -> None:
    done = run(*command("gansmith"), *words(tmp_path / "odd", "--set", "batch=7", "--devices", "2"))
    assert done.returncode == 2
    lines = done.stderr.strip().splitlines()
    assert lines == ["gansmith: batch 7 does not divide among 2 processes: take 8 (--set batch=8)"]
    assert not (tmp_path / "odd").exists()


def test_two_processes_write_the_shards_of_one(two: Path, tmp_path: Path) -> None:
    for name, more in (("one", ()), ("both", ("--devices", "2"))):
        words_of = ["sample", str(two), "-n", "50", "--to", str(tmp_path / name), "--json"]
        done = run(*command("gansmith"), *words_of, "--per-shard", "16", "--device", "cpu", *more)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["written"] == 4
    one, both = (sorted((tmp_path / name).glob("*.tar")) for name in ("one", "both"))
    assert [path.name for path in one] == [path.name for path in both]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in both]


def test_two_processes_score_what_one_scores(two: Path) -> None:
    """1,100 samples are five batches, of which the ranks take three and two."""
    found = []
    for more in ((), ("--devices", "2")):
        words_of = ["evaluate", str(two), "-n", "1100", "--metrics", "kid,precision", "--json"]
        done = run(*command("gansmith"), *words_of, *more)
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout))
    assert found[0]["scores"].keys() == {"kid", "precision"}
    assert found[0] == found[1]
