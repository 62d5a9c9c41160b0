"""The life of a run: born, stopped, resumed, begun afresh."""

import hashlib
import json
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import gansmith
from gansmith.apps import runs
from gansmith.apps.settling import dry_run, settings
from gansmith.apps.train import Watching, train
from gansmith.engine import cores
from gansmith.errors import UserError
from gansmith.models import Generator
from gansmith.training import checkpoint

TINY = {"batch": 8, "model.width": 4, "model.z_dim": 8, "threads": 1, "log_every": 1}
EVERY = {"save_every": 2, "sample_every": 3}


def log_of(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()]


def kinds(run: Path, kind: str) -> list[dict]:
    return [record for record in log_of(run) if record["kind"] == kind]


def weights(run: Path) -> dict[str, str]:
    """The digest of every tensor file of the newest checkpoint."""
    newest = checkpoint.folders(run / "checkpoints")[-1]
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(newest.glob("*.safetensors"))
    }


@pytest.fixture
def copied(tiny_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_run, tmp_path / "run"))


# --- settings


def test_the_last_word_wins(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("loss: rpgan\nbatch: 64\noptim: {lr: 0.1, beta1: 0.2}\n")
    cfg = settings("photos", "dcgan", {"batch": 16}, file)
    assert cfg.recipe == "dcgan"
    assert cfg.model.name == "dcgan"  # the recipe's
    assert (cfg.loss, cfg.optim.lr, cfg.optim.beta1) == ("rpgan", 0.1, 0.2)  # the file's
    assert cfg.batch == 16  # the single setting
    assert cfg.data.source == "photos"


@pytest.mark.parametrize("toy", ["ring", "grid"])
def test_a_toy_takes_the_toy_recipe_however_it_is_named(toy: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"data: {{source: {toy}}}\n")
    for cfg in (settings(toy), settings(file=file), settings(changes={"data.source": toy})):
        assert (cfg.recipe, cfg.model.name, cfg.data.source) == ("toy", "mlp", toy)
    assert settings(toy, "images").recipe == "images"
    assert settings("photos").recipe == "images"


def test_a_recipe_may_stand_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("recipe: dcgan\n")
    assert settings(file=file).model.name == "dcgan"
    assert settings(file=file, recipe_name="images").recipe == "images"


def test_a_mistake_is_laid_at_the_door_it_came_through(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("batch: 8\n")
    with pytest.raises(UserError, match=r"^optim\.lr: must be greater than 0"):
        settings(changes={"optim.lr": -1}, file=file)
    file.write_text("batch: 0\n")
    with pytest.raises(UserError, match=r"mine\.yaml: batch: must be at least 1"):
        settings(changes={"optim.lr": 1}, file=file)


# --- a run


def test_a_run_folder_holds_what_it_promises(tiny_run: Path) -> None:
    cfg = yaml.safe_load((tiny_run / "config.yaml").read_text("utf-8"))
    assert cfg["resolution"] == "8x8"
    assert "auto" not in json.dumps(cfg)
    names = {path.name for path in tiny_run.iterdir()}
    assert names == {
        "config.yaml",
        "log.jsonl",
        "samples",
        "checkpoints",
        "generator",
        "report.html",
        "MODEL_CARD.md",
    }  # and no scores.json: it was not scored
    assert [path.name for path in checkpoint.folders(tiny_run / "checkpoints")] == [
        "step-00000002",
        "step-00000004",
    ]
    sheets = {path.name for path in (tiny_run / "samples").iterdir()}
    assert sheets == {*(f"step-0000000{step}.png" for step in (0, 3, 4)), "strip.gif"}


def test_the_log_tells_the_run(tiny_run: Path) -> None:
    records = log_of(tiny_run)
    assert records[0]["kind"] == "start"
    assert [record["kind"] for record in records[-2:]] == ["signs", "vitals"]
    assert {"cpu", "cores", "memory_gb", "accelerator", "system"} <= set(records[0]["machine"])
    assert {"python", "torch", "numpy"} <= set(records[0]["versions"])
    assert records[0]["data"]["count"] == 48
    assert records[0]["seed"] == 0
    cfg = yaml.safe_load((tiny_run / "config.yaml").read_text("utf-8"))
    for reason in records[0]["reasons"]:
        node = cfg
        for part in reason["key"].split("."):
            node = node[part]
        assert node == reason["value"]
    steps = kinds(tiny_run, "step")
    assert [(each["step"], each["images"]) for each in steps] == [(s, 8 * s) for s in (1, 2, 3, 4)]
    for file in kinds(tiny_run, "sample"):
        assert (tiny_run / "samples" / file["file"]).is_file()


def test_an_empty_folder_is_a_place_for_a_run(pictures: Path, tmp_path: Path) -> None:
    result = train(str(pictures), budget="8-images", out=tmp_path, changes=TINY, score=False)
    assert (result.steps, result.images, result.why) == (1, 8, "budget")
    assert result.run == tmp_path


def test_the_public_functions_are_the_same_ones(tiny_run: Path) -> None:
    assert gansmith.train is train
    assert gansmith.load(tiny_run).sample(2, seed=1).shape == (2, 3, 8, 8)


def test_too_few_images_to_score_do_not_spoil_the_run(pictures: Path, tmp_path: Path) -> None:
    said: list[str] = []
    few = tmp_path / "few"
    few.mkdir()
    for path in sorted(pictures.rglob("0[0-2].png"))[:3]:
        shutil.copy(path, few)
    result = train(
        str(few),
        budget="1-steps",
        out=tmp_path / "run",
        changes=TINY | {"batch": 2},
        watching=Watching(say=said.append),
    )
    assert result.steps == 1
    assert (result.run / "report.html").is_file()
    assert result.scores == {}
    assert any(line.startswith("no scores: ") and "too few" in line for line in said)
    assert not (result.run / "scores.json").exists()


# --- resuming


def test_a_resumed_run_equals_the_one_that_never_stopped(pictures: Path, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    changes = TINY | EVERY
    train(str(pictures), budget="5-steps", out=whole, changes=changes, score=False)
    train(str(pictures), budget="5-steps", out=parts, changes=changes, score=False)
    shutil.rmtree(checkpoint.folders(parts / "checkpoints")[-1])  # as if killed after step 4
    result = train(out=parts, resume=True, score=False)
    assert result.steps == 5
    assert kinds(parts, "resume")[-1]["step"] == 4
    assert weights(parts) == weights(whole)


def test_a_damaged_checkpoint_is_passed_over_aloud_for_the_one_before(
    copied: Path, tiny_run: Path
) -> None:
    newest = checkpoint.folders(copied / "checkpoints")[-1]
    damaged = newest / "G.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\x00\x00")
    said: list[str] = []
    result = train(out=copied, resume=True, score=False, watching=Watching(say=said.append))
    assert result.steps == 4
    assert kinds(copied, "resume")[-1]["step"] == 2
    assert any(line.startswith("passed over: ") and "step-00000004" in line for line in said)
    assert weights(copied) == weights(tiny_run)


def test_a_finished_run_has_nothing_left_to_train(copied: Path, tiny_run: Path) -> None:
    before = weights(copied)
    result = train(out=copied, resume=True, score=False)
    assert (result.steps, result.why) == (4, "budget")
    assert weights(copied) == before == weights(tiny_run)


def test_a_larger_budget_moves_the_end_and_is_kept(copied: Path, pictures: Path) -> None:
    result = train(f"{pictures}/", budget="6-steps", out=copied, resume=True, score=False)
    assert result.steps == 6
    assert runs.read_settings(copied).budget.amount == 6
    assert train(out=copied, resume=True, score=False).steps == 6


def test_auto_means_as_decided_when_a_run_is_resumed(copied: Path) -> None:
    before = runs.read_settings(copied)
    changes = {"save_every": "auto", "model.width": "auto", "batch": "auto", "keep": 1}
    train(budget="5-steps", out=copied, changes=changes, resume=True, score=False)
    after = runs.read_settings(copied)
    assert (after.save_every, after.model.width, after.batch) == (2, 4, 8)
    assert (before.keep, after.keep) == (2, 1)
    assert len(checkpoint.folders(copied / "checkpoints")) == 1


def test_resume_where_nothing_was_begins(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "new"
    result = train(str(pictures), budget="1-steps", out=out, changes=TINY, resume=True, score=False)
    assert result.steps == 1
    assert kinds(out, "resume") == []


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_again(copied: Path) -> None:
    for name in ("checkpoints", "generator", "samples"):
        shutil.rmtree(copied / name)
    result = train(out=copied, resume=True, score=False)
    assert result.steps == 4


def test_a_run_whose_checkpoints_are_gone_is_not_thrown_away(copied: Path) -> None:
    shutil.rmtree(copied / "checkpoints")
    before = {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match="checkpoints are gone, so it cannot go on; --overwrite"):
        train(out=copied, resume=True, score=False)
    assert {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()} == before


def test_a_budget_in_seconds_that_is_spent_is_spent_whatever_the_clock_says(
    pictures: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    ended = train(str(pictures), budget="4s", out=out, changes=TINY, score=False)
    newest = checkpoint.folders(out / "checkpoints")[-1]
    saved = checkpoint.read(newest)
    # A run mostly ends a little before its seconds are over: here, half of them.
    shutil.rmtree(newest)
    meta = saved.meta | {"seconds": 2.0}
    checkpoint.write(newest.parent, ended.steps, saved.tensors, meta, keep=2)
    again = train(out=out, resume=True, score=False)
    assert again.steps == ended.steps
    assert weights(out) == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(newest.glob("*.safetensors"))
    }
    more = train(budget="5s", out=out, resume=True, score=False)
    assert more.steps > ended.steps
    less = train(budget="1s", out=out, resume=True, score=False)
    assert less.steps == more.steps


def test_threads_fall_back_only_where_they_are_ours_to_choose(
    pictures: Path, tmp_path: Path
) -> None:
    def best_speed(name: str, budget: str, threads: object) -> float:
        changes = TINY | {"threads": threads}
        train(str(pictures), budget=budget, out=tmp_path / name, changes=changes, score=False)
        newest = checkpoint.folders(tmp_path / name / "checkpoints")[-1]
        return checkpoint.read(newest).meta["best_speed"]

    assert best_speed("steps", "2-steps", "auto") == 0.0
    assert best_speed("fixed", "1s", 1) == 0.0
    if cores() > 1:
        assert best_speed("auto", "1s", "auto") > 0.0


def test_scores_of_an_earlier_step_are_not_shown_as_those_of_a_later_one(copied: Path) -> None:
    said = {"step": 4, "scores": {"fd": {"value": 98_765.0, "features": "f"}}}
    (copied / "scores.json").write_text(json.dumps(said))
    train(out=copied, resume=True, score=False)
    assert "98,765" in (copied / "MODEL_CARD.md").read_text("utf-8")
    train(budget="6-steps", out=copied, resume=True, score=False)
    assert "98,765" not in (copied / "MODEL_CARD.md").read_text("utf-8")
    assert "98,765" not in (copied / "report.html").read_text("utf-8")


@pytest.mark.parametrize("changes", [{"augment.flip": True}, {"augment.policy": "translation"}])
def test_points_are_not_augmented(changes: dict, tmp_path: Path) -> None:
    said = "ring holds points, which are not augmented"
    with pytest.raises(UserError, match=said):
        dry_run("ring", changes=changes)
    with pytest.raises(UserError, match=said):
        train("ring", out=tmp_path / "run", changes=changes)
    assert not (tmp_path / "run").exists()


def test_a_run_that_is_complete_says_so(copied: Path) -> None:
    said: list[str] = []
    train(out=copied, resume=True, score=False, watching=Watching(say=said.append))
    assert any("complete: a larger --budget" in line for line in said)


def test_a_dry_run_of_a_resume_tells_of_the_run_that_is_there(
    copied: Path, pictures: Path, tmp_path: Path
) -> None:
    before = sorted(copied.rglob("*"))
    plan = dry_run(out=copied, resume=True, changes={"budget": "9-steps"})
    assert (plan.step, plan.cfg.batch, plan.cfg.model.width) == (4, 8, 4)
    assert str(plan.cfg.budget) == "9-steps"
    assert sorted(copied.rglob("*")) == before
    with pytest.raises(UserError, match=r"optim\.lr cannot change"):
        dry_run(out=copied, resume=True, changes={"optim.lr": 0.5})
    with pytest.raises(UserError, match="there is a run here already"):
        dry_run(str(pictures), out=copied)
    with pytest.raises(UserError, match="not a run folder, so --overwrite leaves it alone"):
        dry_run(str(pictures), out=pictures, overwrite=True)
    assert dry_run(str(pictures), out=tmp_path / "new", resume=True).step is None


def test_resume_without_a_folder_names_the_last_one(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"name it with --out$"):
        train("digits", resume=True)
    shutil.copytree(tiny_run, "runs/digits-images-3")
    with pytest.raises(UserError, match=r"\(the last one here: --out runs/digits-images-3\)"):
        train("digits", resume=True)


def test_the_last_step_is_logged_whenever_it_comes(pictures: Path, tmp_path: Path) -> None:
    for log_every, steps in (("auto", [1, 2, 3]), (2, [1, 2, 3]), (100, [1, 3])):
        out = tmp_path / str(log_every)
        changes = TINY | {"log_every": log_every}
        train(str(pictures), budget="3-steps", out=out, changes=changes, score=False)
        assert [record["step"] for record in kinds(out, "step")] == steps


# --- beginning afresh


def test_overwriting_leaves_a_users_own_files(copied: Path, pictures: Path) -> None:
    (copied / "notes.txt").write_text("mine")
    (copied / "samples-seed-0").mkdir()
    result = train(
        str(pictures),
        budget="1-steps",
        out=copied,
        changes=TINY | {"seed": 7},
        overwrite=True,
        score=False,
    )
    assert result.steps == 1
    assert runs.read_settings(copied).seed == 7
    assert len(kinds(copied, "start")) == 1
    assert (copied / "notes.txt").read_text() == "mine"
    assert not (copied / "samples-seed-0").exists()
    assert not (copied / "samples" / "step-00000004.png").exists()


@pytest.mark.parametrize("changes", [{"loss": "rpgam"}, {"batch": 64}, {"model.name": "mpl"}])
def test_a_failed_beginning_leaves_the_older_run_whole(
    copied: Path, tiny_run: Path, pictures: Path, changes: dict
) -> None:
    with pytest.raises(UserError):
        train(str(pictures), out=copied, changes=changes, overwrite=True)
    files = [path.relative_to(tiny_run) for path in tiny_run.rglob("*") if path.is_file()]
    for path in files:
        assert (copied / path).read_bytes() == (tiny_run / path).read_bytes()


# --- interrupts


@pytest.mark.parametrize(
    ("sent", "code", "why"),
    [
        (signal.SIGINT, 130, "interrupt"),
        pytest.param(signal.SIGTERM, 143, "terminate", marks=pytest.mark.slow),
    ],
)
def test_a_signal_saves_ends_with_its_code_and_resume_goes_on(
    sent: signal.Signals, code: int, why: str, pictures: Path, tmp_path: Path, begin: Callable
) -> None:
    out = tmp_path / "run"
    command = ["train", pictures, "--out", out]
    for key, value in (TINY | {"save_every": 10**6, "sample_every": 10**6}).items():
        command += ["--set", f"{key}={value}"]
    process = begin(*command, "--budget", "1M-steps", "--json")
    deadline = time.monotonic() + 240
    while not ((out / "log.jsonl").is_file() and len(kinds(out, "step")) >= 2):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(sent)
    stdout, stderr = process.communicate()
    assert process.returncode == code, stderr
    assert "Traceback" not in stderr
    result = json.loads(stdout)
    assert result["why"] == why
    assert "--resume goes on" in result["ended"]
    reached = result["steps"]
    assert reached >= 2
    saved = checkpoint.read(checkpoint.folders(out / "checkpoints")[-1])
    assert saved.meta["step"] == reached
    assert Generator.from_pretrained(out / "generator").sample(1).shape == (1, 3, 8, 8)
    assert (out / "report.html").is_file()
    on = train(budget=f"{reached + 2}-steps", out=out, resume=True, score=False)
    assert on.steps == reached + 2
    assert kinds(out, "resume")[-1]["step"] == reached
