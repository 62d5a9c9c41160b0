"""A study's life: planned, killed at any moment, gone on with, and what it says in the end.

The plan is written by hand, so that nothing depends on how fast this machine is.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
import pytest

from gansmith.apps.study import study
from gansmith.apps.study import worker as study_worker
from gansmith.apps.study.design import Plan, design, save_plan
from gansmith.apps.study.ledger import Ledger
from gansmith.apps.study.results import whole
from gansmith.apps.study.scores import classes_found, lean_scores
from gansmith.apps.train import Watching
from gansmith.errors import UserError
from gansmith.training import checkpoint

STEPS = 40
# When the doctor looks is chosen by a clock, and what it has seen stands in the checkpoints.
SETTINGS = {
    "model.width": 8,
    "model.depth": 1,
    "batch": 16,
    "penalty.gamma": 0.5,
    "doctor.every": 15,
}
ASKED = {"vary": ["loss=ns,rpgan"], "seeds": 2, "recipe": "toy", "changes": SETTINGS}


def planned(folder: Path) -> Plan:
    """A study of four trials of 40 steps, ready to be run."""
    wanted = design(None, "ring", ASKED["vary"], "20m", 2, 0, "toy", SETTINGS, 2000)
    images = (STEPS * 16,) * 2
    plan = Plan(
        wanted, "high_quality", "higher", "points", (100.0,) * 2, images, (STEPS,) * 2, 60.0, 1.0
    )
    folder.mkdir()
    save_plan(folder, plan)
    return plan


# The workers are forked, too: nothing but their start, which takes seconds of imports, is another.
# The long version has them started as they are.
FORKED = """
import multiprocessing
from gansmith.__main__ import main
context = multiprocessing.get_context("fork")
multiprocessing.get_context = lambda method=None: context
main()
"""


def command(folder: Path) -> list[str]:
    words = ["study", "grid", "ring", "--out", str(folder), "--vary", "loss=ns,rpgan"]
    words += ["--seeds", "2", "--recipe", "toy", "--workers", "2", "--json"]
    for key, value in SETTINGS.items():
        words += ["--set", f"{key}={value}"]
    return words


def started(folder: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "gansmith", *command(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def progress(folder: Path) -> int:
    """Lines that trials have logged: it grows as long as something happens."""
    logs = folder.glob("trials/*/log.jsonl")
    return sum(path.read_bytes().count(b"\n") for path in logs)


def weights(run: Path) -> dict[str, bytes]:
    newest = checkpoint.folders(run / "checkpoints")[-1]
    return {path.name: path.read_bytes() for path in sorted(newest.glob("*.safetensors"))}


def until_gone(group: int) -> None:
    """Until of a killed group nothing runs: forked workers hold what their coordinator held."""
    deadline = time.monotonic() + 60
    while any(
        one.info["status"] != psutil.STATUS_ZOMBIE
        for one in psutil.process_iter(["status"])
        if in_group(one.pid, group)
    ):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def in_group(pid: int, group: int) -> bool:
    try:
        return os.getpgid(pid) == group
    except ProcessLookupError:
        return False


# By SIGKILL of everything; of the coordinator alone; and by SIGTERM, which saves.
@pytest.mark.parametrize(
    "ways",
    [("all",), pytest.param(("all", "coordinator", "terminate"), marks=pytest.mark.slow)],
    ids="-".join,
)
def test_killed_again_and_again_a_study_ends_as_if_it_never_was(
    ways: tuple[str, ...], tmp_path: Path, begin: Callable
) -> None:
    folder = tmp_path / "study"
    forked = partial(begin, *command(folder), code=FORKED)
    alive = forked if len(ways) == 1 else partial(started, folder)
    plan = planned(folder)
    for how in ways:
        before, process = progress(folder), alive()
        deadline = time.monotonic() + 240
        while progress(folder) < before + 12 and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        if how == "all":
            os.killpg(process.pid, signal.SIGKILL)
            until_gone(process.pid)
        else:
            process.send_signal(signal.SIGKILL if how == "coordinator" else signal.SIGTERM)
        out, errors = process.communicate(timeout=240)
        if how == "terminate":
            assert process.returncode in (143, 0), errors
            assert "Traceback" not in errors
            told = json.loads(out)
            assert told["why"] in ("terminate", "budget")
    process = alive()
    out, errors = process.communicate(timeout=400)
    assert process.returncode == 0, errors
    told = json.loads(out)
    assert told["trials"] == {"ended": 4, "of": 4}
    assert told["question"] == "Which loss is best: ns, rpgan?"
    assert [row["n"] for row in told["table"]] == [2, 2]

    book = Ledger(folder, plan)
    assert [book.trial(number).state.name for number in range(4)] == ["COMPLETE"] * 4
    for number in (0, 3):  # bit by bit what an undisturbed trial is
        arm, seed = plan.design.trial(number)
        alone = tmp_path / f"alone-{number}"
        watching = Watching(scores=lean_scores)
        study_worker._play(plan.design, arm, seed, alone, STEPS, STEPS // 4, watching)
        run = folder / "trials" / plan.design.trial_name(number)
        assert weights(run) == weights(alone)
        curve = [event["scores"] for event in study_worker.read_log(run / "log.jsonl").scores]
        assert len(curve) == 4
        assert book.trial(number).value == curve[-1]["high_quality"]["value"]
    for name in ("report.html", "table.md", "study.json"):
        assert (folder / name).is_file()

    # Once more: nothing is trained again, and the same is said.
    lines = progress(folder)
    again = study("grid", "ring", out=folder, **ASKED)
    assert again.answer == told["answer"]
    assert progress(folder) == lines


def test_two_coordinators_do_not_share_a_folder(tmp_path: Path) -> None:
    from gansmith.apps.study.design import held

    planned(tmp_path / "study")
    with (
        held(tmp_path / "study" / ".lock"),
        pytest.raises(UserError, match="this study is running already"),
    ):
        study("grid", "ring", out=tmp_path / "study", **ASKED)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"question": "activatoins"}, "did you mean 'activations'"),
        ({"data": "no/such/folder"}, "no/such/folder"),
        ({"vary": ["loss=ns,hing"]}, "arm 'hing': loss 'hing' is not known"),
        ({"vary": ["batch=8,-1"]}, "arm '-1': batch"),
        ({"budget": "5s"}, "too little to learn anything: --budget"),
        ({"workers": 0}, "--workers"),
        ({"samples": 3}, "--samples"),
    ],
)
def test_what_cannot_be_studied_is_refused_before_a_folder_is_made(
    asked: dict, said: str, tmp_path: Path
) -> None:
    out = tmp_path / "study"
    given = {"vary": ["loss=ns,rpgan"], "recipe": "toy", "data": "ring", "out": out} | asked
    with pytest.raises(UserError, match=said):
        study(given.pop("question", None), given.pop("data"), **given)
    assert not out.exists()


def test_without_a_question_the_command_lists_them(gansmith: Callable) -> None:
    code, out, _ = gansmith("study")
    assert code == 0
    lines = out.splitlines()
    assert any(line.startswith("activations ") for line in lines)
    assert lines[-1].startswith("grid ")


def test_a_class_is_found_with_a_quarter_of_its_share() -> None:
    assert classes_found([10, 10, 0], [30, 10, 5]) == 1.0  # 2 of 45 is no share of class 3
    assert classes_found([10, 10], [90, 12]) == 0.5  # 12 of 102 is below an eighth
    assert classes_found([10, 10], [84, 12]) == 1.0  # an eighth
    assert classes_found([10, 10], [0, 0]) == 0.0


def test_success_is_everything_found() -> None:
    assert whole({"modes": {"value": 8}}, 8)
    assert not whole({"modes": {"value": 7}}, 8)
    assert whole({"classes": {"value": 1.0}, "coverage": {"value": 0.1}}, 0)
    assert not whole({"classes": {"value": 0.9}, "coverage": {"value": 0.9}}, 0)
    assert whole({"coverage": {"value": 0.3}}, 0)
    assert not whole({}, 0)
