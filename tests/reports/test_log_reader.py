"""A log is read as it is found: torn, resumed, holding values that are no numbers."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansmith.reports.log_reader import number, read_log


def write(path: Path, *events: dict[str, object], tail: str = "") -> Path:
    path.write_text("".join(json.dumps(event) + "\n" for event in events) + tail, encoding="utf-8")
    return path


def step(at: int, **signals: object) -> dict[str, object]:
    return {"kind": "step", "step": at, "images": at * 10, "seconds": at / 2.0, **signals}


def test_half_a_last_line_is_skipped_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", step(1), step(2), tail='{"kind": "step", "st')
    log = read_log(path)
    assert [event["step"] for event in log.steps] == [1, 2]
    assert log.skipped == 1


@given(cut=st.integers(0, 400))
def test_a_log_cut_anywhere_gives_the_steps_before_the_cut(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "log.jsonl"
    write(path, *(step(at) for at in range(1, 6)))
    text = path.read_bytes()[:cut]
    path.write_bytes(text)
    whole = text.count(b"\n") + (not text.endswith(b"\n") and text.endswith(b"}"))
    assert [event["step"] for event in read_log(path).steps] == list(range(1, whole + 1))


def test_the_last_word_on_a_step_counts(tmp_path: Path) -> None:
    log = read_log(write(tmp_path / "log.jsonl", step(1, d_loss=5.0), step(1, d_loss=2.0)))
    assert log.column("d_loss").tolist() == [2.0]


def test_a_resume_takes_back_what_lay_beyond_it(tmp_path: Path) -> None:
    path = write(
        tmp_path / "log.jsonl",
        {"kind": "start", "seed": 1},
        *(step(at, d_loss=1.0) for at in (20, 40, 60, 80)),
        {"kind": "advice", "step": 70, "control": "gamma"},
        {"kind": "scores", "step": 80, "scores": {"fd": {"value": 9}}},
        {"kind": "end", "step": 80, "images": 800, "seconds": 40, "why": "interrupted"},
        {"kind": "start", "seed": 1},
        {"kind": "resume", "step": 40},
        step(60, d_loss=3.0),
    )
    log = read_log(path)
    assert log.column("step").tolist() == [20, 40, 60]
    assert log.column("d_loss").tolist() == [1, 1, 3]
    assert log.end is None
    assert not log.advice
    assert not log.scores
    assert len(log.starts) == 2
    assert log.reached("images") == 600


def test_values_that_are_no_numbers_become_nan(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(
        '{"kind":"step","step":1,"a":"nan"}\n{"kind":"step","step":2,"a":NaN}\n'
        '{"kind":"step","step":3,"a":true}\n{"kind":"step","step":4}\n'
        '{"kind":"step","step":5,"a":7}\n[1]\n{"no":"kind"}\n{"kind":"step","step":"x"}\n',
        encoding="utf-8",
    )
    column = read_log(path).column("a")
    assert [math.isnan(value) for value in column] == [True] * 4 + [False]
    assert column[4] == 7
    assert read_log(path).skipped == 2
    assert math.isnan(number(None))


def test_images_between_logged_steps_are_interpolated(tmp_path: Path) -> None:
    log = read_log(write(tmp_path / "log.jsonl", step(20), step(40)))
    assert log.images_at(0) == 0
    assert log.images_at(30) == 300
    assert math.isnan(log.images_at(41))


def test_a_missing_log_is_empty(tmp_path: Path) -> None:
    log = read_log(tmp_path / "none.jsonl")
    assert log.steps == []
    assert log.start == {}
    assert math.isnan(log.reached("step"))
