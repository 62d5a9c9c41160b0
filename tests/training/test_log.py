"""The diary: whole lines, whatever happened to the process that wrote before."""

import json
import math
import os
from pathlib import Path

import pytest

from gansmith.errors import UserError
from gansmith.training import Log


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_records_are_appended_and_shown(tmp_path):
    path, seen = tmp_path / "log.jsonl", []
    for part in ("one", "two"):
        log = Log(path, (seen.append,))
        log.write("note", text=part, 数=1)
        log.close()
    assert (
        lines(path)
        == seen
        == [
            {"kind": "note", "text": "one", "数": 1},
            {"kind": "note", "text": "two", "数": 1},
        ]
    )


def test_a_record_is_on_disk_when_write_returns(tmp_path):
    log = Log(tmp_path / "log.jsonl")
    log.write("a", n=1)
    assert lines(tmp_path / "log.jsonl") == [{"kind": "a", "n": 1}]
    log.close()


@pytest.mark.parametrize("half", ['{"kind": "st', '{"kind": "step", "x": "é'.encode()[:-1], "x"])
def test_half_a_line_of_a_killed_run_is_kept_apart(tmp_path, half):
    path = tmp_path / "log.jsonl"
    half = half.encode() if isinstance(half, str) else half
    path.write_bytes(b'{"kind": "start"}\n' + half)
    log = Log(path)
    log.write("resume", step=3)
    log.close()
    assert path.read_bytes() == b'{"kind": "start"}\n' + half + b'\n{"kind": "resume", "step": 3}\n'


@pytest.mark.parametrize("content", [b"", b'{"kind": "start"}\n'])
def test_a_whole_log_gets_no_empty_line(tmp_path, content):
    path = tmp_path / "log.jsonl"
    path.write_bytes(content)
    Log(path).close()
    assert path.read_bytes() == content


def test_numbers_that_json_does_not_have_are_named(tmp_path):
    log = Log(tmp_path / "log.jsonl")
    log.write("step", a=math.nan, b={"c": [math.inf, 1.5]}, d=(-math.inf,))
    log.close()
    (record,) = lines(tmp_path / "log.jsonl")
    assert record == {"kind": "step", "a": "nan", "b": {"c": ["inf", 1.5]}, "d": ["-inf"]}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_a_full_disk_is_one_clear_line():
    log = Log(Path("/dev/full"))
    with pytest.raises(UserError, match=r"^could not write /dev/full: no space left on"):
        log.write("step", n=1)
    log.close()


def test_a_log_that_cannot_be_opened_is_one_clear_line(tmp_path):
    (tmp_path / "log.jsonl").mkdir()
    with pytest.raises(UserError, match=r"^could not write .*log.jsonl: is a directory; the last"):
        Log(tmp_path / "log.jsonl")
