"""Foreign programs, unmodified: `examine` finds their players and the fault that was planted."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from gansmith.apps.diagnosing import diagnose
from gansmith.doctor import told
from gansmith.doctor.script import examine
from gansmith.errors import UserError

SCRIPTS = Path(__file__).resolve().parents[2] / "benchmarks" / "failures" / "scripts"
EXPECTED = yaml.safe_load((SCRIPTS / "expected.yaml").read_text(encoding="utf-8"))
QUICK = (
    "sound/wgan_clip.py",
    "sound/functional.py",
    "faulty/gs101_distributed.py",
    "faulty/gs101_loss_of_real.py",
    "faulty/gs109_lightning.py",
    "faulty/gs110_accelerate.py",
    "faulty/gs103_wrong_parameters.py",
    "faulty/gs107_one_backward.py",
    "faulty/gs115_double_sigmoid.py",
    "faulty/gs126_shapes.py",
    "faulty/gs127_crash.py",
)
STEPS = {"faulty/gs103_wrong_parameters.py": 60, "faulty/gs127_crash.py": 60}


def test_every_program_is_expected_to_be_something() -> None:
    there = {f"{path.parent.name}/{path.name}" for path in SCRIPTS.glob("*/*.py")}
    assert there == EXPECTED.keys()
    assert sum(name.startswith("sound/") for name in there) >= 12
    for path in SCRIPTS.glob("*/*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 80, path


def first(name: str, steps: int) -> str:
    """What is said of a program; those of a framework are left out where it is not installed."""
    if "needs" in EXPECTED[name]:
        pytest.importorskip(EXPECTED[name]["needs"], exc_type=ImportError)
    found = list(diagnose(str(SCRIPTS / name), steps=steps).findings)
    return found[0].code if found else "healthy"


@pytest.fixture
def forked(begin: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child process is a copy of one that has loaded torch, which it would do for seconds."""
    code = (
        "import runpy\n"
        "runpy.run_module('gansmith.doctor.tracing', run_name='__main__', alter_sys=True)"
    )

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess:
        assert command[:4] == [sys.executable, "-P", "-m", "gansmith.doctor.tracing"]
        assert options["env"]["TORCHDYNAMO_DISABLE"] == "1"
        life = begin(*command[4:], code=code)
        life.communicate(timeout=options["timeout"])
        return subprocess.CompletedProcess(command, life.returncode)

    stand_in = SimpleNamespace(
        run=run, DEVNULL=subprocess.DEVNULL, TimeoutExpired=subprocess.TimeoutExpired
    )
    monkeypatch.setattr("gansmith.doctor.script.subprocess", stand_in)


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize("name", QUICK)
def test_a_program_is_diagnosed(name: str) -> None:
    assert first(name, STEPS.get(name, 24)) == EXPECTED[name]["code"]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in EXPECTED if name not in QUICK])
def test_every_other_program_is_diagnosed(name: str) -> None:
    assert first(name, 200) == EXPECTED[name]["code"]


GAME = """
import sys
import torch
from torch import nn
G = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
D = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
g, d = (torch.optim.Adam(net.parameters()) for net in (G, D))
bce = nn.BCEWithLogitsLoss()
one, nil = torch.ones(16, 1), torch.zeros(16, 1)
while True:
    d.zero_grad()
    (bce(D(torch.randn(16, 2)), one) + bce(D(G(torch.randn(16, 4)).detach()), nil)).backward()
    d.step()
    g.zero_grad()
    bce(D(G(torch.randn(16, 4))), LABEL).backward()
    STEP
"""


def written(folder: Path, label: str = "one", step: str = "g.step()") -> Path:
    path = folder / "train it.py"
    path.write_text(GAME.replace("LABEL", label).replace("STEP", step), encoding="utf-8")
    return path


def test_arguments_folder_and_name_are_those_of_a_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a neighbour can be imported, a name is `__main__`, and the program is stopped in time."""
    path = written(tmp_path)
    (tmp_path / "neighbour.py").write_text("VALUE = 3\n", encoding="utf-8")
    text = path.read_text(encoding="utf-8")
    head = (
        "import os, sys, neighbour\n"
        "assert __name__ == '__main__' and sys.argv[1:] == ['--epochs', '3'], sys.argv\n"
        "assert os.path.exists('here.txt') and neighbour.VALUE == 3\n"
    )
    path.write_text(head + text, encoding="utf-8")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "here.txt").write_text("", encoding="utf-8")
    monkeypatch.chdir(elsewhere)
    assert examine(path, ["--epochs", "3"], steps=16) == []


@pytest.mark.usefixtures("forked")
def test_a_finding_names_the_line(tmp_path: Path) -> None:
    (found,) = examine(written(tmp_path, label="nil"), steps=20)
    assert found.code == "GS109"
    lines = written(tmp_path).read_text(encoding="utf-8").splitlines()
    assert found.where == f"train it.py:{lines.index('    g.step()') + 1}"
    assert "G" in told(found)["evidence"]


@pytest.mark.usefixtures("forked")
def test_a_program_that_catches_everything_is_stopped(tmp_path: Path) -> None:
    step = "\n    try:\n        g.step()\n    except BaseException:\n        pass"
    assert examine(written(tmp_path, step=step), steps=16) == []


@pytest.mark.slow  # it waits for its limit
def test_what_was_found_before_the_time_was_up_counts(tmp_path: Path) -> None:
    path = written(tmp_path, label="nil", step="g.step()")
    text = path.read_text(encoding="utf-8")
    endless = "    count = globals().get('count', 0) + 1\n    while count > 40:\n        pass\n"
    path.write_text(text + endless, encoding="utf-8")
    assert [found.code for found in examine(path, steps=1000, limit_s=60)] == ["GS109"]


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("print('no game')", "made no optimiser step"),
        (
            "import torch\nnet = torch.nn.Linear(3, 1)\nopt = torch.optim.SGD(net.parameters())\n"
            "for _ in range(60):\n    net(torch.randn(4, 3)).sum().backward()\n    opt.step()\n",
            "no two nets",
        ),
        ("import a_module_that_is_not_there", "stopped before a step of training"),
    ],
)
def test_a_program_without_a_game_is_a_clear_error(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "other.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        examine(path)


def test_what_is_no_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        examine(tmp_path / "missing.py")
    with pytest.raises(UserError, match="at least one step"):
        examine(written(tmp_path), steps=0)


def test_the_programs_are_programs() -> None:
    """Each is compiled; a few lines of a fault must not break its syntax."""
    paths = [str(path) for path in sorted(SCRIPTS.glob("*/*.py"))]
    code = "import sys\nfor path in sys.argv[1:]:\n    compile(open(path).read(), path, 'exec')"
    subprocess.run([sys.executable, "-W", "error", "-c", code, *paths], check=True)
