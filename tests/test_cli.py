"""What a person types, and what comes back: help, results, JSON, and the odd name."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from gansmith.cli import lists, output
from gansmith.recipes import RECIPES

Run = Callable[..., tuple[int, str, str]]
COMMANDS = [
    "train",
    "sample",
    "inpaint",
    "translate",
    "demo",
    "bench",
    "evaluate",
    "doctor",
    "recipes",
    "data",
    "data get",
    "data inspect",
]
TINY = ["--budget", "2-steps", "--set", "model.width=4", "--set", "batch=8", "--set", "threads=1"]


def one_object(text: str) -> dict:
    """The only thing printed is one JSON object, on one line, without NaN."""
    assert text.count("\n") == 1, text
    value = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert isinstance(value, dict)
    return value


# --- help


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_has_an_example_and_fits_80_columns(
    gansmith: Run, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = gansmith(*command.split(), "--help")
    assert (code, err) == (0, "")
    assert f"Example: gansmith {command}".rstrip() in out
    assert max(map(len, out.splitlines())) <= 80
    assert f"Usage: gansmith {command}".rstrip() in out


def test_every_example_in_the_help_is_a_line_that_is_understood(
    gansmith: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for command in COMMANDS:
        _, out, _ = gansmith(*command.split(), "--help")
        example = next(line for line in out.splitlines() if "Example: gansmith" in line)
        words = example.split()[2:]
        code, _, err = gansmith(*words[: len(command.split())], "--help", *words[1:])
        assert (code, err) == (0, ""), example


def test_a_command_line_without_a_command_is_a_question() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gansmith"], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Commands:" in done.stdout
    assert "python" not in done.stdout


def test_help_loads_nothing_heavy() -> None:
    code = f"""
import sys
from gansmith import cli
for command in {["", *COMMANDS]!r}:
    sys.argv = ["gansmith", *command.split(), "--help"]
    try:
        cli.main()
    except SystemExit as end:
        assert not end.code, command
heavy = {{"torch", "torchvision", "lightning_fabric", "numpy", "PIL", "matplotlib", "jinja2"}}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_version(gansmith: Run) -> None:
    code, out, err = gansmith("--version")
    assert (code, err) == (0, "")
    assert out.startswith("gansmith ")
    assert out.count("\n") == 1


# --- results


def test_recipes(gansmith: Run) -> None:
    code, out, _ = gansmith("recipes")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(RECIPES)
    assert set(one_object(gansmith("recipes", "--json")[1])) == set(RECIPES)
    shown = gansmith("recipes", "toy")[1]
    assert "recipe: toy" in shown
    assert one_object(gansmith("recipes", "toy", "--json")[1])["model"]["name"] == "mlp"


def test_a_shown_recipe_is_a_settings_file(gansmith: Run, pictures: Path) -> None:
    Path("mine.yaml").write_text(gansmith("recipes", "images")[1], encoding="utf-8")
    words = ("train", pictures, "--config", "mine.yaml", "--dry-run", "--json")
    by_file = one_object(gansmith(*words)[1])
    by_name = one_object(gansmith("train", pictures, "--dry-run", "--json")[1])
    assert by_file["config"] == by_name["config"]


def test_data_lists_what_is_built_in(gansmith: Run) -> None:
    code, out, _ = gansmith("data")
    assert code == 0
    sources = one_object(gansmith("data", "--json")[1])["sources"]
    assert {"digits", "ring", "grid"} <= {source["name"] for source in sources}
    for source in sources:
        assert source["name"] in out


def test_data_inspect(gansmith: Run, pictures: Path) -> None:
    code, out, _ = gansmith("data", "inspect", pictures)
    assert code == 0
    assert "48 images of 3 x 8 x 8" in out
    info = one_object(gansmith("data", "inspect", pictures, "--json")[1])
    assert (info["count"], info["shape"], info["kind"]) == (48, [3, 8, 8], "images")
    held_out = one_object(gansmith("data", "inspect", "digits", "--split", "test", "--json")[1])
    assert held_out["count"] == 10_000


def test_train_sample_and_evaluate_print_one_object_each(gansmith: Run, pictures: Path) -> None:
    code, out, err = gansmith("train", pictures, "--out", "run", *TINY, "--json")
    trained = one_object(out)
    assert code == 0
    assert "Traceback" not in err
    assert {
        "run",
        "steps",
        "images",
        "seconds",
        "images_per_second",
        "scores",
        "verdict",
        "findings",
        "ended",
    } <= set(trained)
    assert (trained["run"], trained["steps"], trained["images"]) == ("run", 2, 16)
    assert {"kid", "mind", "precision", "recall"} <= set(trained["scores"])

    code, out, _ = gansmith("sample", "run", "-n", "3", "--seed", "5", "--json")
    drawn = one_object(out)
    assert code == 0
    assert drawn == {"out": "run/samples-seed-5", "count": 3, "seed": 5}
    assert sorted(path.name for path in Path(drawn["out"]).iterdir()) == [
        "000000.png",
        "000001.png",
        "000002.png",
    ]

    code, out, _ = gansmith("evaluate", "run", "-n", "32", "--json")
    scores = one_object(out)["scores"]
    assert code == 0
    assert {"kid", "mind", "precision", "recall", "diversity", "spectrum"} <= set(scores)
    assert "fd" in one_object(out)["left_out"]
    for score in scores.values():
        assert {"value", "low", "high", "n", "features", "resize"} <= set(score)
        assert score["n"] == 32
        assert score["features"].startswith("digits-cnn")
        if score["low"] is not None:
            assert score["low"] <= score["value"] <= score["high"]


def test_without_json_the_result_stands_on_standard_output(gansmith: Run, tiny_run: Path) -> None:
    code, out, _ = gansmith("sample", tiny_run, "-n", "2", "--out", "drawn")
    assert (code, out) == (0, "drawn\n")
    code, out, err = gansmith("evaluate", tiny_run, "-n", "16")
    assert code == 0
    assert all(line.startswith("features of ") for line in err.splitlines())
    for word in ("no fd: 16 samples are too few", "kid", "recall", "digits-cnn", "95 % interval"):
        assert word in out


def test_a_dry_run_decides_and_writes_nothing(
    gansmith: Run, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path / "cache"))
    code, out, err = gansmith("train", pictures, "--dry-run", "--set", "batch=8")
    assert (code, err) == (0, "")
    assert "nothing was trained or written" in out
    for key in ("model.width", "optim.lr", "penalty.gamma", "resolution", "data.channels"):
        assert key in out
    code, out, _ = gansmith("train", pictures, "--dry-run", "--json", "--budget", "30k-steps")
    plan = one_object(out)
    assert plan["config"]["budget"] == "30000-steps"
    assert plan["config"]["resolution"] == "8x8"
    assert plan["run"] == "runs/pictures-images"
    assert all({"key", "value", "why"} == set(reason) for reason in plan["reasons"])
    assert list(tmp_path.iterdir()) == []


def test_names_with_spaces_quotes_and_chinese_characters(gansmith: Run, pictures: Path) -> None:
    folder = Path("我的 图片 [dim]'s")
    folder.mkdir()
    for path in pictures.rglob("*.png"):
        name = f"照片 {path.parent.name} {path.name}"
        Image.open(path).save(folder / name)
    out = Path("运行 one")
    code, text, _ = gansmith("train", folder, "--out", out, *TINY, "--no-score")
    assert code == 0
    assert "我的 图片 [dim]'s" in text
    assert (out / "report.html").is_file()
    code, text, _ = gansmith("sample", out, "-n", "2", "--grid", "--out", "样本 二")
    assert (code, text) == (0, f"{Path('样本 二') / 'grid.png'}\n")
    assert (Path("样本 二") / "grid.png").is_file()
    code, text, _ = gansmith("data", "inspect", folder, "--json")
    assert one_object(text)["source"] == str(folder)


def test_the_default_folder_is_named_after_the_data(gansmith: Run, pictures: Path) -> None:
    for name in ("pictures-images", "pictures-images-2"):
        code, _, _ = gansmith("train", pictures, *TINY, "--no-score")
        assert code == 0
        assert (Path("runs") / name / "config.yaml").is_file()


# --- usage errors


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("trian", "no such command 'trian'; did you mean 'train'?"),
        ("zebra", "no such command 'zebra'; known: train, sample"),
        (
            "train --recip toy",
            "no such option --recip; did you mean '--recipe'? See gansmith train",
        ),
        ("train --zzzz", "no such option --zzzz; see gansmith train --help"),
        ("data gte", "no such command 'gte'; did you mean 'get'?"),
        ("--jsn", "no such option --jsn"),
        ("sample", "missing argument 'RUN'; see gansmith sample --help"),
        ("evaluate", "missing argument 'TARGET'"),
        ("data get", "missing argument 'NAME'"),
        ("data inspect", "missing argument 'DATA'"),
        ("train a b", "unexpected extra argument"),
        ("train --channels two", "'--channels': expected a whole number"),
        ("train --seed 1.5", "'--seed': expected a whole number"),
        ("train --budget", "'--budget' requires an argument"),
        ("sample x -n many", "expected a whole number"),
        ("data inspect digits --split dev", "split 'dev'"),
        ("train --crop centre", "data.crop: expected 'center', 'stretch' or 'pad'"),
    ],
)
def test_a_slip_on_the_command_line_is_one_line(gansmith: Run, words: str, said: str) -> None:
    code, out, err = gansmith(*words.split())
    assert (code, out) == (2, "")
    assert err.startswith("gansmith: ")
    assert err.count("\n") == 1
    assert said in err


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_debug_shows_where_an_error_came_from(gansmith: Run, place: int) -> None:
    words = ["recipes", "imagse", "--json"]
    words.insert(place, "--debug")
    code, out, err = gansmith(*words)
    assert (code, out) == (2, "")
    assert "Traceback (most recent call last)" in err
    assert err.splitlines()[-1].startswith("gansmith: recipe 'imagse' is not known")


def test_an_error_of_the_program_is_not_dressed_up_as_the_users(
    gansmith: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "emit", lambda value: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        gansmith("recipes", "--json")


def test_numbers_that_json_has_no_name_for_become_null(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.emit({"a": float("nan"), "b": [float("inf"), 1.5], "c": {"d": "NaN"}})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.5], "c": {"d": "NaN"}}


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
        RuntimeError("CUDA out of memory. Tried to allocate 9.00 GiB."),
    ],
)
def test_too_little_memory_says_what_to_make_smaller(
    gansmith: Run, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(value: object) -> None:
        raise error

    monkeypatch.setattr(lists, "emit", fail)
    code, out, err = gansmith("recipes", "--json")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "not enough memory: make batch, model.width or resolution smaller" in err


# --- bench, and threads


def test_a_bench_prints_one_object_or_lines(gansmith: Run) -> None:
    words = ["bench", "digits", "--threads", "1", "--seconds", "0"]
    words += ["--set", "model.width=4", "--set", "batch=8", "--set", "data.limit=64"]
    code, out, _ = gansmith(*words, "--json")
    assert code == 0
    found = one_object(out)
    assert found["settings"]["threads"] == 1
    assert found["ratio"]["median"] > 1.0
    code, out, _ = gansmith(*words, "--set", "penalty.name=none")
    assert code == 0
    assert "step / bare kernels" in out
    assert "penalty" not in out


def test_threads_are_an_option_of_training(gansmith: Run, tmp_path: Path) -> None:
    out = tmp_path / "plan"
    words = ["train", "digits", "--threads", "1", "--dry-run", "--json", "--out", str(out)]
    code, said, _ = gansmith(*words)
    assert code == 0
    assert one_object(said)["config"]["threads"] == 1
    code, _, err = gansmith("train", "digits", "--threads", "0")
    assert code == 2
    assert "threads" in err
