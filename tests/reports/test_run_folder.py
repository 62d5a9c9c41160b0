"""A run folder is read whatever state it was left in."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from gansmith.errors import UserError
from gansmith.reports.run_folder import flatten, read_run

MakeRun = Callable[..., Path]


def test_what_is_no_run_folder_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such run folder"):
        read_run(tmp_path / "none")
    with pytest.raises(UserError, match=r"not a run folder \(it has no log\.jsonl"):
        read_run(tmp_path)


def test_a_finished_run(make_run: MakeRun) -> None:
    run = read_run(make_run())
    assert run.name == "手写 数字 run"
    assert [one.step for one in run.sheets] == list(range(0, 4001, 500))
    assert [one.images for one in run.sheets] == [step * 128 for step in range(0, 4001, 500)]
    assert run.scores["fd"]["value"] == 12.3456
    assert run.settings["model.width"] == 32
    assert run.noun == "image"


def test_scores_come_from_the_file_else_from_the_log(make_run: MakeRun) -> None:
    folder = make_run()
    wrapped = {"step": 4000, "scores": {"fd": {"value": 5.5}, "bad": {"value": None}, "odd": 3}}
    (folder / "scores.json").write_text(json.dumps(wrapped))
    assert list(read_run(folder).scores) == ["fd"]
    assert read_run(folder).scores["fd"]["value"] == 5.5
    (folder / "scores.json").write_text('{"fd": {"val')
    assert read_run(folder).scores["fd"]["value"] == 12.3456
    (folder / "scores.json").unlink()
    assert read_run(folder).scores["fd"]["value"] == 12.3456


def test_sheets_of_an_attempt_that_was_taken_back_are_left_out(make_run: MakeRun) -> None:
    folder = make_run()
    with (folder / "log.jsonl").open("a") as log:
        log.write('{"kind": "resume", "step": 2000}\n')
        log.write('{"kind": "step", "step": 2020, "images": 258560}\n')
    assert [one.step for one in read_run(folder).sheets] == [0, 500, 1000, 1500, 2000]


def test_damage_leaves_the_rest(make_run: MakeRun) -> None:
    folder = make_run()
    (folder / "config.yaml").write_bytes(b"a: [1\n\xff")
    (folder / "generator" / "config.json").write_text("[1]")
    (folder / "samples" / "step-x.png").touch()
    (folder / "samples" / "step-00009999.png").mkdir()
    run = read_run(folder)
    assert run.settings == {}
    assert run.generator == {}
    assert len(run.sheets) == 9
    (folder / "log.jsonl").write_bytes(b"\x00\xff\n{}")
    run = read_run(folder)
    assert run.log.steps == []
    assert math.isnan(run.sheets[-1].images)


def test_flatten() -> None:
    assert flatten({"a": {"b": {"c": 1}, "d": [2]}, "e": None}) == {
        "a.b.c": 1,
        "a.d": [2],
        "e": None,
    }
