"""Training on shards: the bytes of a run do not depend on whether and where it was killed."""

import io
import json
import signal
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.apps.evaluate import ScoreOptions, evaluate
from gansmith.apps.train import train
from gansmith.data.shards import reading

SETTINGS = {
    "seed": 3,
    "threads": 1,
    "device": "cpu",
    "batch": 8,
    "accumulate": 2,
    "model.width": 4,
    "model.depth": 1,
    "model.z_dim": 6,
    "model.conditional": True,
    "augment.flip": True,
    "save_every": 2,
    "sample_every": 9,
    "log_every": 1,
}
KILLED = """
import os, signal, sys
from gansmith.apps.train import train
from gansmith.data.shards import reading
from gansmith.training import loop
import json

reading.KEPT = int(sys.argv[3])
calls, real = 0, loop.play

def play(*arguments):
    global calls
    calls += 1
    if calls == 6:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments)

loop.play = play
train(sys.argv[1], budget="9-steps", out=sys.argv[2], changes=json.loads(sys.argv[4]), score=False)
"""


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """60 pictures in 12 shards of 5, two classes: 9 steps of 8 pass over them once and a bit."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "shards"
    folder.mkdir()
    for at in range(12):
        with tarfile.open(folder / f"train-{at:02d}.tar", "w") as tar:
            for number in range(5):
                file = io.BytesIO()
                pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(file, "PNG")
                for ending, content in (
                    ("png", file.getvalue()),
                    ("cls", str(number % 2).encode()),
                ):
                    info = tarfile.TarInfo(f"{at:02d}{number}.{ending}")
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
    return folder


def files(run: Path) -> dict[str, bytes]:
    """What must be the same: weights, and the state but for the clock."""
    names = ["generator/*", "checkpoints/*/*.safetensors", "samples/*.png"]
    found = {
        str(path.relative_to(run)): path.read_bytes() for name in names for path in run.glob(name)
    }
    for path in run.glob("checkpoints/*/state.json"):
        state = json.loads(path.read_bytes())
        del state["seconds"], state["self"]
        found[str(path.relative_to(run))] = json.dumps(state).encode()
    return found


@pytest.mark.parametrize("kept", [reading.KEPT, 20 * 2 * 3 * 64], ids=["small set", "large set"])
def test_a_killed_run_on_shards_ends_as_the_one_that_was_not(
    shards, tmp_path, monkeypatch, begin, kept
):
    monkeypatch.setattr(reading, "KEPT", kept)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    train(str(shards), budget="9-steps", out=whole, changes=SETTINGS, score=False)
    life = begin(shards, killed, kept, json.dumps(SETTINGS), code=KILLED)
    life.communicate()
    assert life.returncode == -signal.SIGKILL
    assert (killed / "checkpoints" / "step-00000004").is_dir()
    train(str(shards), budget="9-steps", out=killed, resume=True, score=False)
    assert files(killed) == files(whole)


def test_samples_are_scored_against_shards_and_shards_against_them(shards, tiny_run):
    options = ScoreOptions(count=40, only=("kid", "precision"))
    card = evaluate(tiny_run, str(shards), options=options)
    assert set(card.scores) == {"kid", "precision"}
    assert card.scores["kid"].n == 40
    same = evaluate(str(shards), str(shards), options=options)
    assert same.scores["kid"].value < card.scores["kid"].value


def test_the_command_takes_shards(gansmith, shards, tmp_path):
    code, out, err = gansmith("train", f"{shards}/train-{{00..11}}.tar", "--dry-run", "--json")
    assert code == 0, err
    assert any("about 60 images: 20 in 4 of 12" in note for note in json.loads(out)["notes"])
    code, out, err = gansmith("data", "inspect", shards)
    assert code == 0, err
    assert out.startswith(f"{shards}: 60 images of 3 x 8 x 8")
    assert "2 classes for --conditional: 0, 1" in out
    assert gansmith("data", "inspect", shards, "--split", "test")[0] == 2
