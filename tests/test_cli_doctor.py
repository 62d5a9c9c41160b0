"""``gansmith doctor``: targets of every kind, exit codes, both languages, and bad ones."""

import json
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from gansmith import cli

Run = Callable[..., tuple[int, str, str]]
UNSOUND = "loss: lsgan\nmodel: {name: mlp, z_dim: 1, d: {output: sigmoid}}\n"


@pytest.fixture
def doctor(gansmith: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs ``gansmith doctor ...`` in lines of 100 characters."""
    monkeypatch.setenv("COLUMNS", "100")
    return partial(gansmith, "doctor")


def settings(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# --- what is healthy, and what is not


def test_a_sound_recipe_is_healthy(doctor: Run) -> None:
    assert doctor("images")[:2] == (0, "images: healthy (nothing found)\n")


def test_findings_come_with_all_that_is_known_of_them(doctor: Run, tmp_path: Path) -> None:
    code, out, _ = doctor(settings(tmp_path, UNSOUND))
    assert code == 1
    said = " ".join(out.split())
    assert said.startswith("GS203 bounded-values error model.d.output Loss lsgan reads numbers")
    assert "cause: The bounded output" in said
    assert "mend: Set `model.d.output=linear`" in said
    assert "page: docs/doctor/GS203.md GS231 noise-of-one-dimension warning" in said
    assert said.endswith("not healthy (error: 1, warning: 1)")
    assert max(map(len, out.splitlines()[:-1])) <= 100


def test_advice_alone_is_healthy(doctor: Run, tmp_path: Path) -> None:
    code, out, _ = doctor(settings(tmp_path, "loss: minimax\n"))
    assert code == 0
    assert "GS242 saturating-loss  advice  loss" in out
    assert out.endswith("healthy (advice: 1)\n")


def test_json_is_one_object(doctor: Run, tmp_path: Path) -> None:
    path = settings(tmp_path, UNSOUND)
    code, out, _ = doctor(path, "--json")
    assert (code, out.count("\n")) == (1, 1)
    told = json.loads(out)
    assert set(told) == {"healthy", "findings"}
    assert told["healthy"] is False
    assert [each["code"] for each in told["findings"]] == ["GS203", "GS231"]
    keys = {"code", "name", "severity", "where", "evidence", "cause", "mend", "step", "page"}
    assert set(told["findings"][0]) == keys | {"values"}
    assert doctor("images", "--json")[:2] == (0, '{"healthy": true, "findings": []}\n')


def test_in_chinese(doctor: Run, tmp_path: Path) -> None:
    path = settings(tmp_path, UNSOUND)
    code, out, _ = doctor(path, "--language", "zh")
    assert code == 1
    assert "GS203 bounded-values  错误  model.d.output" in out
    assert "docs/doctor/zh/GS203.md" in out
    told = json.loads(doctor(path, "--language", "zh", "--json")[1])
    assert told["findings"][0]["evidence"].startswith("损失 lsgan 读取无界的数值")


def test_other_data_may_be_named(doctor: Run, pictures: Path) -> None:
    told = json.loads(doctor("images", "--data", pictures, "--json")[1])
    assert [each["code"] for each in told["findings"]] == ["GS401"]
    assert told["findings"][0]["values"]["count"] == 48


def test_classes_that_are_not_there_are_a_finding(
    doctor: Run, pictures: Path, tmp_path: Path
) -> None:
    """Where `train` stops at the first refusal, the doctor tells all there is."""
    flat = tmp_path / "flat"
    shutil.copytree(pictures / "bright", flat)
    path = settings(tmp_path, f"data: {{source: '{flat}'}}\nmodel: {{conditional: true}}\n")
    told = json.loads(doctor(path, "--json")[1])
    assert [each["code"] for each in told["findings"]] == ["GS406", "GS401"]


def test_a_path_with_spaces_and_chinese_characters(
    doctor: Run, pictures: Path, tmp_path: Path
) -> None:
    shutil.copytree(pictures, tmp_path / "我的 图片")
    path = settings(tmp_path, "data: {source: 我的 图片}\nbatch: 2\n", "我的 设置/第 一.yaml")
    code, out, _ = doctor(path)
    assert code == 1
    assert out.endswith("第 一.yaml: not healthy (warning: 2)\n")
    assert "warning  我的 图片" in out


# --- runs


def test_a_run_is_linted_and_what_was_logged_is_told(
    doctor: Run, tiny_run: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    dead = {"code": "GS101", "values": {"steps": 12, "grad_G": 0.0}, "where": "G", "certainty": 0.9}
    records = [
        {"kind": "finding", "step": 2, **dead},
        {"kind": "finding", "step": 4, **dead, "values": {"steps": 40, "grad_G": 0.0}},
        {"kind": "finding", "step": 4, "code": "GS999", "values": {}, "where": ""},
        {"kind": "finding", "step": 4, "code": "GS101", "values": {}, "where": "no values"},
        {"kind": "finding", "step": 4, "code": "GS101", "values": 3},
        {"kind": "finding", "step": 4, "code": ["GS101"], "values": {}},
        {"kind": "finding", "step": 4, **dead, "values": {"steps": "many", "grad_G": "few"}},
        {"kind": "resume", "step": "four"},
    ]
    with (run / "log.jsonl").open("a", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps(record) + "\n")
    told = json.loads(doctor(run, "--json")[1])["findings"]
    assert [(each["code"], each["step"]) for each in told] == [
        ("GS101", 4),  # the last word, and the first in gravity
        ("GS401", None),
        ("GS245", None),
    ]
    assert told[0]["values"]["steps"] == 40
    code, out, _ = doctor(run)
    assert code == 1
    assert "GS101 generator-gets-no-gradient  error  G, step 4" in out


def test_a_run_is_as_long_as_its_clock_allowed(doctor: Run, tiny_run: Path, tmp_path: Path) -> None:
    """A budget in seconds says nothing of steps; what it came to stands in the log."""
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    config = (run / "config.yaml").read_text(encoding="utf-8")
    settings(run, config.replace("budget: 4-steps", "budget: 2s"), "config.yaml")
    assert "GS245" in doctor(run)[1]
    (run / "log.jsonl").unlink()
    assert "GS245" not in doctor(run)[1]


def test_what_a_resume_took_back_is_not_told(doctor: Run, tiny_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    dead = {"code": "GS101", "values": {"steps": 12, "grad_G": 0.0}, "where": "G", "certainty": 0.9}
    with (run / "log.jsonl").open("a", encoding="utf-8") as file:
        for record in ({"kind": "finding", "step": 4} | dead, {"kind": "resume", "step": 2}):
            file.write(json.dumps(record) + "\n")
    told = json.loads(doctor(run, "--json")[1])["findings"]
    assert "GS101" not in {each["code"] for each in told}


def test_a_run_logs_what_the_lint_found(tiny_run: Path) -> None:
    found = [each for each in lines(tiny_run / "log.jsonl") if each["kind"] == "finding"]
    assert [each["code"] for each in found] == ["GS401", "GS245"]
    assert found[0]["values"] == {"count": 48, "least": 100, "policy": "all"}
    assert {"step", "code", "name", "severity", "values", "where", "certainty", "told"} <= set(
        found[0]
    )


def test_a_run_says_five_lines_and_how_to_see_the_rest(pictures: Path, tmp_path: Path) -> None:
    from gansmith.apps.train import Watching, train

    said: list[str] = []
    changes = {
        "batch": 2,
        "model.width": 4,
        "model.z_dim": 1,
        "optim.beta1": 0.9,
        "optim.d_ratio": 50.0,
        "threads": 1,
        "loss": "minimax",
    }
    train(
        str(pictures),
        budget="1-steps",
        out=tmp_path / "run",
        changes=changes,
        score=False,
        watching=Watching(say=said.append),
    )
    told = [line for line in said if " GS" in line]
    assert len(told) == 5
    assert told[0].startswith("warning GS229 tiny-batch: Set `batch=32`.")
    assert f"and 2 more: gansmith doctor {tmp_path / 'run'}" in said


def test_a_dry_run_shows_findings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pictures: Path
) -> None:
    for more in ((), ("--json",)):
        words = ["gansmith", "train", str(pictures), "--dry-run", "--set", "loss=minimax", *more]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as end:
            cli.main()
        out = capsys.readouterr().out
        assert end.value.code == 0
        assert "GS401" in out
        assert "GS242" in out
    assert [each["code"] for each in json.loads(out)["findings"]] == ["GS401", "GS242"]


# --- what cannot be looked at


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "missing argument 'TARGET'; see gansmith doctor --help"),
        (("imagse",), "did you mean 'images'?"),
        (("none.yaml",), "none.yaml: no such file or directory"),
        (("runs/none",), "neither settings (.yaml), a recipe, a run nor a script (.py)"),
        (("loop.py",), "loop.py: no such file"),
        (("images", "--", "--epochs"), "images: arguments after -- are of a script (.py)"),
        (("images", "--language", "fr"), "language 'fr' is not known: use one of en, zh"),
        (("images", "--data", "nowhere"), "nowhere: no such file or folder"),
        (("images", "--jsn"), "no such option --jsn; did you mean '--json'?"),
        (("broken.yaml",), "broken.yaml, line 1: not valid YAML"),
        (("list.yaml",), "list.yaml: expected settings (key: value), found a list"),
        (("unknown.yaml",), "unknown.yaml: unknown setting 'optim.lrr'; did you mean 'optim.lr'?"),
        (("loss.yaml",), "loss 'hinges' is not known; did you mean 'hinge'?"),
        (("metric.yaml",), "evaluate.by 'fdd' is no score of images; did you mean 'fd'?"),
        (("folder",), "no run was begun here (config.yaml is missing)"),
        (("notes.txt",), "neither settings (.yaml), a recipe, a run nor a script (.py)"),
    ],
)
def test_a_bad_target_is_one_line(
    doctor: Run, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    (tmp_path / "folder").mkdir()
    settings(tmp_path, "a", "notes.txt")
    settings(tmp_path, "model: {width: [", "broken.yaml")
    settings(tmp_path, "- a\n- b\n", "list.yaml")
    settings(tmp_path, "optim: {lrr: 1}\n", "unknown.yaml")
    settings(tmp_path, "loss: hinges\n", "loss.yaml")
    settings(tmp_path, "evaluate: {by: fdd}\n", "metric.yaml")
    code, out, err = doctor(*words)
    assert (code, out) == (2, "")
    assert err.startswith("gansmith: ")
    assert err.count("\n") == 1
    assert said in err


def test_a_folder_does_not_hide_a_recipe(doctor: Run, tmp_path: Path, tiny_run: Path) -> None:
    """A folder of pictures may be called images; a run of that name is the run."""
    (tmp_path / "images").mkdir()
    assert doctor("images")[0] == 0
    (tmp_path / "images").rmdir()
    shutil.copytree(tiny_run, tmp_path / "images")
    assert doctor("images")[0] == 1


def test_settings_of_another_machine_can_be_looked_at(doctor: Run, tmp_path: Path) -> None:
    code, out, _ = doctor(settings(tmp_path, "device: cuda\nprecision: bf16\n"))
    assert code == 0, out


def test_help_shows_an_example(doctor: Run) -> None:
    code, out, _ = doctor("--help")
    assert code == 0
    assert "Example: gansmith doctor runs/demo" in out
