"""A run that is killed at random instants, again and again, ends as the run that was not.

One interpreter loads torch and forks a life for every request, so that a life costs no import. Each
is ended by SIGKILL in one of three ways, in turn: at a random call that makes something durable
(``fsync``, a rename), at a random step of the game, or after a random time. The next life resumes,
until the run is done; then another run begins, until there were kills enough.
"""

import itertools
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

KILLS = 20
SEED = 20
FORK = """
import json, os, pathlib, signal, sys, time, traceback, warnings
# What a life would import late, and so every life anew.
import lightning_fabric, matplotlib.backends.backend_svg, matplotlib.pyplot
warnings.simplefilter("ignore")
import torch._dynamo  # which the first optimiser imports
from gansmith.apps import planning
from gansmith.apps.train import train
from gansmith.doctor.findings import texts
from gansmith.reports.html import environment
from gansmith.training import loop

environment().get_template("report.html.j2")
for language in ("en", "zh"):
    texts(language)

# How fast this machine is does not matter here, and it is measured in every life anew.
planning.GLANCE = planning.LOOK = 0.01

def dying(count):
    calls = 0
    def watch(real):
        def call(*arguments):
            nonlocal calls
            calls += 1
            if calls == count:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments)
        return call
    return watch

def live(asked):
    if "calls" in asked:
        watch = dying(asked["calls"])
        os.fsync = watch(os.fsync)
        pathlib.Path.replace = watch(pathlib.Path.replace)
    if "steps" in asked:
        loop.play = dying(asked["steps"])(loop.play)
    train(**asked["train"])

for line in sys.stdin:
    asked = json.loads(line)
    born = time.monotonic()
    pid = os.fork()
    if pid == 0:
        try:
            live(asked)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    deadline = born + asked.get("seconds", 1e9)
    while not (ended := os.waitpid(pid, os.WNOHANG))[0]:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            ended = os.waitpid(pid, 0)
            break
        time.sleep(0.002)
    print(json.dumps([ended[1], time.monotonic() - born]), flush=True)
"""
SETTINGS = {
    "seed": 3,
    "threads": 1,
    "device": "cpu",
    "batch": 6,
    "accumulate": 2,
    "model.width": 4,
    "model.depth": 1,
    "model.z_dim": 6,
    "model.conditional": True,
    "optim.lr": 2e-3,
    "penalty.gamma": 0.5,
    "augment.flip": True,
    "augment.policy": "all",
    "save_every": 3,
    "sample_every": 15,
    "log_every": 2,
    "doctor.every": 4,  # measured otherwise, and so another number in each run
}


@dataclass
class Lives:
    """A process that forks one life of a run after the other."""

    process: subprocess.Popen
    pictures: Path

    def live(self, out: Path, **death: float) -> tuple[int, float]:
        """One life, to its end or to the death named: ``calls``, ``steps`` or ``seconds``.

        Returns:
            How it ended (0: by itself, SIGKILL: by force), and after how many seconds.
        """
        arguments = {
            "data": str(self.pictures),
            "budget": "30-steps",
            "out": str(out),
            "changes": {} if (out / "config.yaml").exists() else SETTINGS,
            "resume": True,
            "score": False,
        }
        request = {"train": arguments} | death
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        status, lasted = json.loads(self.process.stdout.readline())
        assert os.WIFSIGNALED(status) or status == 0, "a life ended in an error: see its traceback"
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, lasted


@pytest.fixture(scope="module")
def lives(tmp_path_factory) -> Iterator[Lives]:
    folder = tmp_path_factory.mktemp("kill")
    rng = np.random.default_rng(0)
    for number in range(24):
        path = folder / "pictures" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(path)
    environment = os.environ | {"GANSMITH_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", FORK],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        yield Lives(process, folder / "pictures")
        process.stdin.close()
        assert process.wait(60) == 0


def files(run: Path) -> dict[str, bytes]:
    """What must be the same: all but the diary, the report and the clock."""
    names = ["config.yaml", "samples/*.png", "generator/*", "checkpoints/*/*.safetensors"]
    found = {
        str(path.relative_to(run)): path.read_bytes() for name in names for path in run.glob(name)
    }
    for path in run.glob("checkpoints/*/state.json"):
        state = json.loads(path.read_bytes())
        del state["seconds"], state["self"]
        found[str(path.relative_to(run))] = json.dumps(state).encode()
    return found


def phase(run: Path) -> str:
    """In the middle of what a run was killed."""
    if not (run / "config.yaml").exists():
        return "setting up"
    checkpoints = run / "checkpoints"
    if any(checkpoints.glob(".*")) or any(run.glob("**/.*.writing")):
        return "saving"
    if not any(checkpoints.glob("step-*")):
        return "before the first checkpoint"
    return "training"


def test_a_run_killed_again_and_again_ends_as_the_run_that_was_not(lives, tmp_path):
    rng = random.Random(SEED)
    phases: Counter[str] = Counter()
    # The first lives end while the data are packed: the cache is still empty.
    for calls in (1, 2, 3):
        assert lives.live(tmp_path / "first", calls=calls)[0] == signal.SIGKILL
        phases[phase(tmp_path / "first")] += 1

    status, whole = lives.live(tmp_path / "undisturbed")
    assert status == 0
    wanted = files(tmp_path / "undisturbed")
    assert sorted(path.name for path in (tmp_path / "undisturbed/checkpoints").iterdir()) == [
        "step-00000027",
        "step-00000030",
    ]

    ways = itertools.cycle(("calls", "steps", "seconds"))
    kills, runs, ended = 0, 0, True
    while kills < KILLS or not ended:
        if ended:
            runs += 1
            run = tmp_path / f"killed-{runs}"
        way = next(ways)
        death = {"calls": rng.randint(1, 25), "steps": rng.randint(1, 8)}
        death["seconds"] = rng.uniform(0.0, whole)
        ended = lives.live(run, **{way: death[way]})[0] == 0
        if ended:
            assert files(run) == wanted
        else:
            kills += 1
            phases[phase(run)] += 1
        assert kills < 10 * KILLS, "it does not get on"
    assert phases["saving"] >= 3
    assert phases["training"] >= 3
    assert phases["setting up"] >= 1
