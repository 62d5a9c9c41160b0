"""A run of ours under repair: its own finding, its own way back, and exactly so after a stop."""

import json
from pathlib import Path

import pytest
import torch

from gansmith.apps.train import Watching, train
from gansmith.doctor import ground, repair
from gansmith.errors import UserError
from gansmith.training import checkpoint

DOOMED = {
    "loss": "ns",
    "optim.lr": 1.0,
    "penalty.gamma": 0.0,
    "batch": 16,
    "model.width": 16,
    "model.depth": 2,
    "threads": 1,
    "device": "cpu",
    "save_every": 10,
    "sample_every": 1000,
    "log_every": 7,
    "doctor.every": 5,
}
STEPS = 130


class Killed(Exception):
    """Stands for SIGKILL: nothing is saved."""


def ring(out: Path, repair: str, resume: bool = False, die: int = 0, stop: int = 0, **more) -> None:
    steps = 0

    def asked() -> str | None:
        nonlocal steps
        steps += 1
        if die and steps > die:
            raise Killed
        return "interrupt" if stop and steps > stop else None

    train(
        "ring",
        recipe="toy",
        budget=f"{STEPS}-steps",
        out=out,
        changes={} if resume else DOOMED | {"doctor.repair": repair} | more,
        resume=resume,
        score=False,
        watching=Watching(stop=asked),
    )


def records(out: Path, kind: str) -> list[dict]:
    lines = (out / "log.jsonl").read_text("utf-8").splitlines()
    return [record for record in map(json.loads, lines) if record["kind"] == kind]


def everything(out: Path) -> dict:
    saved, problems = checkpoint.read_latest(out / "checkpoints")
    assert problems == []
    meta = {key: saved.meta[key] for key in ("step", "images", "controls", "remedies", "outputs")}
    return {"tensors": saved.tensors, "meta": meta, "turned": saved.meta["turned"]}


def assert_same(one: dict, other: dict) -> None:
    assert one["meta"] == other["meta"]
    assert one["turned"] == other["turned"]
    assert one["tensors"].keys() == other["tensors"].keys()
    for group, tensors in one["tensors"].items():
        assert tensors.keys() == other["tensors"][group].keys()
        for key, value in tensors.items():
            torch.testing.assert_close(
                value, other["tensors"][group][key], rtol=0, atol=0, equal_nan=True
            )


@pytest.fixture
def _short(monkeypatch):
    """Windows as short as the runs; nothing is known to be usual."""
    monkeypatch.setattr(ground, "MOST_SHARE", 0.23)
    monkeypatch.setattr(ground, "departures", lambda *_: {})


@pytest.fixture
def _late(monkeypatch):
    """What is usual is known, but nobody has looked at the settings before the first step."""
    monkeypatch.setattr(ground, "MOST_SHARE", 0.23)
    monkeypatch.setattr(repair, "prescribed", lambda *_: ({}, []))


def killed_often(out: Path) -> None:
    with pytest.raises(Killed):
        ring(out, "auto", die=3)
    for steps in (23, 31, 17, 44, 9):  # of each life, from its last checkpoint on
        try:
            ring(out, "auto", resume=True, die=steps)
        except Killed:
            continue
    ring(out, "auto", resume=True, stop=13)
    ring(out, "auto", resume=True)


@pytest.mark.usefixtures("_late")
def test_far_settings_are_brought_back_to_what_is_usual_from_the_start_of_the_schedules(tmp_path):
    ring(tmp_path / "whole", "auto")
    told = records(tmp_path / "whole", "repair")
    assert [record["state"] for record in told[:2]] == ["rolled-back", "tried"]
    assert told[1]["changes"] == {
        "lr": [1.0, pytest.approx(3e-3)],
        "gamma_least": [0.0, pytest.approx(1.0)],
    }
    assert "what is usual" in told[1]["act"]
    wanted = everything(tmp_path / "whole")
    at, there = wanted["turned"]
    assert at > 0
    assert there == 0, "from the first checkpoint, so from the start of rate and penalty"
    killed_often(tmp_path / "killed")
    assert_same(everything(tmp_path / "killed"), wanted)


def test_what_the_lint_finds_is_set_before_the_first_step(tmp_path):
    """It is then the run with those settings, to the bit."""
    off = {"optim.lr": 0.3, "penalty.gamma": 1.0}
    ring(tmp_path / "advise", "advise", **off)
    (told,) = [r for r in records(tmp_path / "advise", "repair") if r["step"] == 0]
    assert told["state"] == "advised"
    assert "--set optim.lr=0.003" in told["why"]
    ring(tmp_path / "auto", "auto", **off)
    (advice,) = records(tmp_path / "auto", "advice")
    assert (advice["step"], advice["control"], advice["code"]) == (0, "lr", "GS224")
    assert advice["new"] == pytest.approx(0.01)
    assert "before the first step" in advice["why"]
    for language in ("en", "zh"):
        (record,) = records(tmp_path / "auto", "repair")
        assert "--set optim.lr=0.003" in record["told"][language]["why"]
    ring(tmp_path / "sound", "off", **off | {"optim.lr": 0.003})
    auto, sound = everything(tmp_path / "auto"), everything(tmp_path / "sound")
    for group in ("G", "D", "ema"):
        for key, value in sound["tensors"][group].items():
            torch.testing.assert_close(auto["tensors"][group][key], value, rtol=1e-3, atol=1e-5)
    killed_often_with = tmp_path / "killed"
    with pytest.raises(Killed):
        ring(killed_often_with, "auto", die=3, **off)
    ring(killed_often_with, "auto", resume=True)
    assert_same(everything(killed_often_with), auto)
    assert len(records(killed_often_with, "advice")) == 1, "set once"


@pytest.mark.usefixtures("_short")
def test_a_run_under_repair_that_is_killed_equals_the_one_that_was_not(tmp_path):
    ring(tmp_path / "whole", "auto")
    states = [record["state"] for record in records(tmp_path / "whole", "repair")]
    assert "rolled-back" in states
    assert len(states) > 2, "there is something to get wrong"
    wanted = everything(tmp_path / "whole")
    assert wanted["meta"]["remedies"]["rollbacks"] >= 1

    killed_often(tmp_path / "killed")
    assert_same(everything(tmp_path / "killed"), wanted)


@pytest.mark.usefixtures("_short")
def test_advice_changes_no_number_of_the_run(tmp_path):
    mild = {"optim.lr": 3e-2}
    for mode in ("off", "advise"):
        ring(tmp_path / mode, mode, **mild)
    one, other = everything(tmp_path / "off"), everything(tmp_path / "advise")
    one["meta"]["remedies"] = other["meta"]["remedies"]
    assert_same(one, other)
    assert records(tmp_path / "off", "repair") == []
    assert records(tmp_path / "advise", "advice") == []


@pytest.mark.usefixtures("_short")
def test_numbers_that_break_down_end_a_run_but_not_one_under_repair(tmp_path):
    broken = {"optim.lr": 1e4, "penalty.gamma": 1.0, "doctor.every": 50, "log_every": 5}
    with pytest.raises(UserError, match="training diverged by step"):
        ring(tmp_path / "advise", "advise", **broken)
    ring(tmp_path / "auto", "auto", **broken)
    told = records(tmp_path / "auto", "repair")
    assert {record["code"] for record in told} == {"GS118"}
    assert told[-1]["state"] in ("kept", "tried")


@pytest.mark.usefixtures("_short")
def test_what_cannot_be_repaired_ends_with_a_plain_sentence_and_a_report(tmp_path):
    with pytest.raises(UserError, match="training diverged by step"):
        ring(tmp_path / "auto", "auto", **{"optim.lr": 1e12})
    told = records(tmp_path / "auto", "repair")
    assert told[-1]["state"] == "given-up"
    assert "nothing that is known to help has helped" in told[-1]["why"]
    page = (tmp_path / "auto" / "report.html").read_text("utf-8")
    assert "what was tried, and what came of it" in page
    assert told[0]["why"] in page
