"""The waiting policy stands before torch is loaded, and idle threads do not linger."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gansmith import waiting
from gansmith.waiting import VARIABLE, choose, policy


def chosen(*words: str, **environment: str) -> str | None:
    choose(words, environment)
    return environment.get(VARIABLE)


def test_the_users_variable_stands() -> None:
    assert chosen("train", "--set", "waiting=active", **{VARIABLE: "passive"}) == "passive"


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("train",), "active"),
        (("train", "--set", "waiting=auto"), "active"),
        (("train", "--set", "waiting=passive"), "passive"),
        (("train", "--set=waiting=passive"), "passive"),
        (("train", "--set", "waiting=passive", "--set", "waiting=active"), "active"),
        (("train", "--set", "waiting=default"), None),
        (("train", "--set", "waiting=idle"), "active"),  # which the settings then refuse
        (("train", "--resume", "--out", "no/such/run"), "active"),
    ],
)
def test_the_command_line_chooses(words: tuple[str, ...], wanted: str | None) -> None:
    assert chosen(*words) == wanted


@pytest.mark.parametrize("joined", [True, False])
def test_a_run_that_is_gone_on_with_waits_as_it_did(tmp_path: Path, joined: bool) -> None:
    (tmp_path / "config.yaml").write_text("threads: 2\nwaiting: passive\n")
    out = (f"--out={tmp_path}",) if joined else ("--out", str(tmp_path))
    assert chosen("train", "--resume", *out) == "passive"
    assert chosen("train", *out) == "active"  # another run
    assert chosen("train", "--resume", *out, "--set", "waiting=active") == "active"


@pytest.mark.parametrize(
    ("said", "found"), [("ACTIVE", "active"), (" passive ", "passive"), ("", "default")]
)
def test_what_holds_is_what_the_environment_says(
    said: str, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, said)
    assert policy() == found


def test_the_command_line_sets_it_before_torch_is_loaded() -> None:
    code = (
        "import sys, os; sys.argv = ['gansmith', 'recipes']\n"
        "import gansmith.cli\n"
        "assert 'torch' not in sys.modules and 'OMP_WAIT_POLICY' not in os.environ\n"
        "try: gansmith.cli.main()\n"
        "except SystemExit: pass\n"
        "assert os.environ['OMP_WAIT_POLICY'] == 'active'\n"
    )
    clean = {key: value for key, value in os.environ.items() if key != VARIABLE}
    subprocess.run([sys.executable, "-c", code], check=True, env=clean, stdout=subprocess.DEVNULL)


ASLEEP = """
import sys, time, torch
from gansmith.engine import use_threads
from gansmith.waiting import let_go
x = torch.randn(300, 300)
torch.set_num_threads(2)
before = float((x @ x).sum())
if sys.argv[1] == "go":
    use_threads(1)
    assert let_go() >= 1
else:
    torch.set_num_threads(1)
begun = time.process_time()
time.sleep(0.8)
print(time.process_time() - begun)
torch.set_num_threads(2)
assert float((x @ x).sum()) == before  # threads that are needed again are begun again
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asked for on Linux alone")
def test_a_thread_that_is_not_needed_any_more_does_not_spin() -> None:
    spent = {}
    clean = {key: value for key, value in os.environ.items() if not key.startswith("OMP_")}
    for how in ("go", "stay"):
        done = subprocess.run(
            [sys.executable, "-c", ASLEEP, how],
            env=clean | {VARIABLE: "active"},
            capture_output=True,
            text=True,
            check=True,
        )
        spent[how] = float(done.stdout)
    assert spent["go"] < 0.02
    if (os.cpu_count() or 1) > 1:
        assert spent["stay"] > 0.05  # what it is that is ended


def test_a_library_that_cannot_end_its_threads_is_left_alone() -> None:
    assert waiting._pause("no/such/libgomp.so") is None
