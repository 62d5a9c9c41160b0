import contextlib
import shutil
from pathlib import Path

import pytest

from gansmith.apps import runs
from gansmith.config import Config, build, to_tree
from gansmith.errors import UserError


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("digits", "digits-images"),
        ("photos/cats/", "cats-images"),
        ("my photos.zip", "my-photos-images"),
        ("hub:owner/name", "name-images"),
        ("图片/猫", "猫-images"),
        ("/", "data-images"),
        ("..", "data-images"),
        ("a;b$(c)", "a-b-c-images"),
    ],
)
def test_a_run_is_named_after_its_data(source: str, name: str, tmp_path: Path) -> None:
    assert runs.default_folder(source, "images", tmp_path) == tmp_path / name


def test_a_taken_name_is_counted_up(tmp_path: Path) -> None:
    for expected in ("x-toy", "x-toy-2", "x-toy-3"):
        folder = runs.default_folder("x", "toy", tmp_path)
        assert folder.name == expected
        folder.mkdir()


def test_checking_a_place_leaves_no_trace(tmp_path: Path) -> None:
    assert runs.check(tmp_path / "a" / "b", resume=True, overwrite=True) is False
    assert list(tmp_path.iterdir()) == []


def test_making_writes_the_settings_whole(tmp_path: Path) -> None:
    cfg = build({"seed": 3, "data": {"source": "猫"}})
    runs.make(tmp_path / "run", cfg)
    assert runs.read_settings(tmp_path / "run") == cfg
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["config.yaml"]
    assert runs.check(tmp_path / "run", resume=True, overwrite=False) is True


class Killed(BaseException):
    """What a process that is killed never gets to handle."""


def test_a_process_killed_while_it_makes_a_run_leaves_one_that_is_taken(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new, calls = runs.read_settings(tiny_run), build({"seed": 9}), 0

    def watch(real):
        def call(*arguments, **options):
            nonlocal calls
            calls += 1
            if calls == at:
                raise Killed
            return real(*arguments, **options)

        return call

    for name in ("unlink", "replace", "mkdir"):
        monkeypatch.setattr(Path, name, watch(getattr(Path, name)))
    for name in ("rmtree",):
        monkeypatch.setattr(shutil, name, watch(getattr(shutil, name)))
    seen = []
    for beginning in ("nothing", "an older run"):
        for at in range(1, 99):
            folder = tmp_path / f"{beginning}-{at}"
            calls = -(10**6)
            if beginning != "nothing":
                shutil.copytree(tiny_run, folder)
            calls = 0
            with contextlib.suppress(Killed):
                runs.make(folder, new)
            done, calls = calls < at, -(10**6)
            for resume, overwrite in ((False, True), (True, False)):
                if runs.check(folder, resume, overwrite):
                    assert runs.read_settings(folder) in (old, new)
                    seen.append((beginning, runs.read_settings(folder).seed))
            if done:
                break
    assert set(seen) == {("nothing", 9), ("an older run", 0), ("an older run", 9)}


def test_another_programs_folder_is_never_emptied(tmp_path: Path) -> None:
    for name in ("checkpoints", "samples"):
        (tmp_path / name).mkdir()
    (tmp_path / "log.jsonl").write_text('{"kind": "start", "versions": {"other": "1"}}\n')
    for settings in (None, "model: {backbone: r50}\n"):
        if settings:
            (tmp_path / "config.yaml").write_text(settings)
        with pytest.raises(UserError, match="not a run folder, so --overwrite leaves it alone"):
            runs.check(tmp_path, resume=False, overwrite=True)


def test_a_run_whose_settings_are_damaged_can_be_begun_afresh(tiny_run: Path, tmp_path: Path):
    folder = Path(shutil.copytree(tiny_run, tmp_path / "run"))
    (folder / "config.yaml").write_text("batch: [")
    assert runs.check(folder, resume=False, overwrite=True) is False


def test_a_link_to_samples_is_removed_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine.png").touch()
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "samples").symlink_to(elsewhere)
    runs.make(folder, Config())
    assert (elsewhere / "mine.png").is_file()
    assert not (folder / "samples").is_symlink()


def test_what_may_change_between_a_runs_lives() -> None:
    old = build({"batch": 8, "data": {"source": "photos"}})
    new = runs.changed_settings(
        old, {"budget": "9-steps", "keep": 5, "data": {"source": "photos/"}}
    )
    assert (str(new.budget), new.keep) == ("9-steps", 5)
    assert new.data.source == "photos"
    assert runs.changed_settings(old, to_tree(old)) == old


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch": 16}, "batch cannot change from 8 to 16"),
        ({"optim": {"lr": 0.5}}, "optim.lr cannot change from auto to 0.5"),
        ({"data": {"source": "other"}}, "data.source cannot change from photos to other"),
        ({"keep": 3, "seed": 1}, "only budget, save_every, sample_every, log_every, keep"),
        ({"batch": 0}, "batch: must be at least 1"),
    ],
)
def test_what_would_make_it_another_run_is_refused(changes: dict, said: str) -> None:
    old = build({"batch": 8, "data": {"source": "photos"}})
    with pytest.raises(UserError) as caught:
        runs.changed_settings(old, changes)
    assert said in str(caught.value)


def test_data_are_compared_with_those_the_run_began_with(tmp_path: Path) -> None:
    runs.check_data(tmp_path, "abc")  # no log: nothing to compare with
    log = tmp_path / "log.jsonl"
    log.write_text('{"kind": "start", "data": {"digest": "abc"}}\n{"kind": "st')
    runs.check_data(tmp_path, "abc")
    with pytest.raises(UserError, match="the data have changed"):
        runs.check_data(tmp_path, "xyz")
    log.write_text('{"kind": "start", "data": 3}\n{"kind": "start"}\n')
    runs.check_data(tmp_path, "xyz")


def test_a_folder_that_holds_no_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such folder"):
        runs.read_settings(tmp_path / "none")
    with pytest.raises(UserError, match="no run was begun here"):
        runs.read_settings(tmp_path)


def test_a_misspelt_run_names_its_neighbour_and_never_asks_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("runs/demo").mkdir(parents=True)
    with pytest.raises(UserError, match=r"runs/dem: .*; did you mean 'demo'\?"):
        runs.load("runs/dem")


def test_the_generator_of_a_run_or_of_a_folder(tiny_run: Path) -> None:
    assert runs.generator_folder(tiny_run) == tiny_run / "generator"
    assert runs.generator_folder(tiny_run / "generator") == tiny_run / "generator"
    by_run, by_folder = runs.load(tiny_run), runs.load(str(tiny_run / "generator"))
    assert (by_run.sample(3, seed=4) == by_folder.sample(3, seed=4)).all()
