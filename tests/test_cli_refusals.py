"""Bad input of every kind: one plain line, exit code 2, nothing written and nothing lost."""

import hashlib
import io
import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gansmith import cli
from gansmith.errors import LocalError, UserError

Refuse = Callable[..., str]
PROGRESS = re.compile(r"[a-z]+(?: of .+)?: [\d,]+ of [\d,]+")


def contents(root: Path) -> dict[str, str]:
    """Every path below a folder, with the digest of each file."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else "folder"
        for path in sorted(root.rglob("*"))
    }


@pytest.fixture
def refuse(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    pictures: Path,
    tiny_run: Path,
) -> Refuse:
    """Runs a command line that must be refused, and gives the line that says why."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gansmith.apps.train.play", lambda *all: pytest.fail("it was not refused"))

    def run(*words: object) -> str:
        monkeypatch.setattr(sys, "argv", ["gansmith", *map(str, words)])
        before = [contents(each) for each in (tmp_path, pictures, tiny_run)]
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        err = capsys.readouterr().err
        assert end.value.code == 2, err
        lines = [line for line in err.splitlines() if not PROGRESS.fullmatch(line)]
        assert len(lines) == 1, err
        assert lines[0].startswith("gansmith: ")
        assert len(lines[0]) < 500
        assert [contents(each) for each in (tmp_path, pictures, tiny_run)] == before
        return lines[0]

    return run


@pytest.fixture
def props(tmp_path: Path, pictures: Path, tiny_run: Path) -> dict[str, Path]:
    """Things to name on a command line, good and bad, in the folder it runs in."""
    here = {
        name: tmp_path / name
        for name in ("empty", "broken", "flat", "text", "file.txt", "torn.zip", "x.npz", "small")
    }
    here["empty"].mkdir()
    for name in ("broken", "text", "small", "flat"):
        here[name].mkdir()
    (here["broken"] / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    (here["broken"] / "b.jpg").touch()
    (here["text"] / "notes.txt").write_text("no picture")
    here["file.txt"].write_text("no data")
    here["torn.zip"].write_bytes(b"PK\x03\x04 torn")
    here["x.npz"].write_bytes(b"not an archive")
    for index, path in enumerate(sorted(pictures.rglob("*.png"))[::3]):
        shutil.copy(path, here["flat"] / f"{index}.png")
    for path in sorted(here["flat"].iterdir())[:2]:
        shutil.copy(path, here["small"] / path.name)
    yaml = {
        "list.yaml": "- batch\n- 32\n",
        "syntax.yaml": "batch: [1\n",
        "unknown.yaml": "optim:\n  learning_rate: 1\n",
        "type.yaml": "optim:\n  lr: fast\n",
        "pickle.yaml": "seed: !!python/object/apply:os.mkdir ['gotcha']\n",
        "recipe.yaml": "recipe: [images]\n",
    }
    for name, text in yaml.items():
        here[name] = tmp_path / name
        here[name].write_text(text)
    (tmp_path / "binary.yaml").write_bytes(bytes(range(256)))
    return here | {"pictures": pictures, "run": tiny_run, "tmp": tmp_path}


def filled(words: str, props: dict[str, Path]) -> list[str]:
    return [re.sub(r"{(.+?)}", lambda name: str(props[name[1]]), word) for word in words.split()]


TRAIN = [
    # names
    ("{pictures} --recipe image", "recipe 'image' is not known; did you mean 'images'?"),
    ("{pictures} --set recipe=imagse", "recipe 'imagse' is not known; did you mean 'images'?"),
    ("{pictures} --set loss=rpgam", "loss 'rpgam' is not known; did you mean 'rpgan'?"),
    ("{pictures} --set task=generatoin", "task 'generatoin' is not known; did you mean"),
    ("{pictures} --set model.name=resnte", "model.name 'resnte' is not known; did you mean"),
    ("{pictures} --set model.naem=resnet", "unknown setting 'model.naem'; did you mean"),
    ("{pictures} --device cudaa", "device 'cudaa' is not known; did you mean 'cuda'?"),
    ("{pictures} --set precision=fp16", "precision: expected 'auto', 'fp32' or 'bf16'"),
    ("digist", "did you mean 'digits'?"),
    ("hub:nobody", "hub:nobody: "),
    # values
    ("{pictures} --set optim.lr=nan", "optim.lr: must be a finite number"),
    ("{pictures} --set optim.lr=.inf", "optim.lr: must be a finite number"),
    ("{pictures} --set optim.lr=-1e-3", "optim.lr: must be greater than 0 (got -0.001)"),
    ("{pictures} --set optim.lr=0", "optim.lr: must be greater than 0"),
    ("{pictures} --set optim.lr=fast", "optim.lr: expected a number or 'auto'"),
    ("{pictures} --set penalty.gamma=-1", "penalty.gamma: must be at least 0"),
    ("{pictures} --resolution 7", "resolution 7 is not supported"),
    ("{pictures} --resolution 8x", "resolution: expected a number of pixels"),
    ("{pictures} --resolution 1024", "resolution 1024 is not supported"),
    ("{pictures} --budget 0s", "budget '0s' is zero"),
    ("{pictures} --budget -5m", "budget '-5m' is not understood: write 90s"),
    ("{pictures} --budget soon", "budget 'soon' is not understood: write 90s"),
    ("{pictures} --budget=", "budget '' is not understood"),
    ("{pictures} --set batch=0", "batch: must be at least 1"),
    ("{pictures} --set batch=64", "batch 64 is larger than the data (48 samples)"),
    ("{pictures} --set batch=8 --set accumulate=3", "batch 8 cannot be split into accumulate=3"),
    ("{pictures} --set accumulate=auto", "accumulate: expected a whole number"),
    ("{pictures} --set model.width=0", "model.width: must be at least 1"),
    ("{pictures} --set model.width=1000000000", "model.width: must be at most 65536"),
    ("{pictures} --set model.z_dim=-1", "model.z_dim: must be at least 1"),
    ("{pictures} --set threads=0", "threads: must be at least 1"),
    ("{pictures} --channels 2", "data.channels: expected 'auto', 1 or 3 (got 2)"),
    ("{pictures} --seed -1", "seed: must be at least 0"),
    ("{pictures} --crop zoom", "data.crop: expected 'center', 'stretch' or 'pad'"),
    ("{pictures} --set data.limit=0", "data.limit: must be at least 1"),
    ("{pictures} --set optim", "--set 'optim' is not understood"),
    ("{pictures} --set optim=3", "optim: expected a group of settings"),
    ("{pictures} --set optim.lr=[", "the value is not valid YAML"),
    # data
    ("{tmp}/none", "none: no such file or folder"),
    ("{tmp}/pictures.zip", "no such file or folder"),
    ("{empty}", "empty"),
    ("{broken}", "broken"),
    ("{text}", "text"),
    ("{file.txt}", "file.txt"),
    ("{torn.zip}", "torn.zip"),
    ("{x.npz}", "x.npz"),
    ("{flat} --conditional", "labels need sub-folders, one per class; there are none"),
    ("/dev/null", "/dev/null"),
    # data and model that do not go together
    ("ring --recipe images", "model.name 'resnet' makes images; for points use model.name=mlp"),
    ("ring --set model.name=dcgan", "model.name 'dcgan' makes images"),
    # settings files
    ("{pictures} --config {tmp}/none.yaml", "none.yaml: no such file or directory"),
    ("{pictures} --config {tmp}", "is a directory"),
    ("{pictures} --config {list.yaml}", "list.yaml: expected settings (key: value), found a list"),
    ("{pictures} --config {syntax.yaml}", "syntax.yaml, line 2: not valid YAML"),
    ("{pictures} --config {unknown.yaml}", "unknown.yaml: unknown setting 'optim.learning_rate'"),
    ("{pictures} --config {type.yaml}", "type.yaml: optim.lr: expected a number"),
    ("{pictures} --config {pickle.yaml}", "pickle.yaml, line 1: not valid YAML"),
    ("{pictures} --config {tmp}/binary.yaml", "binary.yaml: not valid YAML"),
    ("{pictures} --config {recipe.yaml}", "recipe"),
    # where to
    ("{pictures} --out {file.txt}", "file.txt: this is a file, so no run can be made here"),
    ("{pictures} --out {file.txt}/run", "file.txt is a file, so no run can be made here"),
    ("{pictures} --out /proc/run", "/proc/run: cannot make a run here"),
    ("{pictures} --out {flat}", "something else is here already; name another --out"),
    ("{pictures} --out {flat} --overwrite", "not a run folder, so --overwrite leaves it alone"),
    ("{pictures} --out {run}", "there is a run here already; --resume goes on with it"),
    ("{pictures} --resume", "resume needs a run to go on with: name it with --out"),
]


@pytest.mark.parametrize(("words", "said"), TRAIN, ids=[words for words, _ in TRAIN])
def test_train_refuses(refuse: Refuse, props: dict[str, Path], words: str, said: str) -> None:
    line = refuse("train", *filled(words, props))
    assert said in line


@pytest.mark.parametrize(
    "words",
    [
        "{pictures} --set optim.lr=nan",
        "{pictures} --set loss=rpgam",
        "{pictures} --set model.name=resnte",
        "{pictures} --set batch=64",
        "{pictures} --device cudaa",
        "{tmp}/none",
        "{empty}",
        "{flat} --conditional",
        "ring --recipe images",
    ],
)
def test_a_dry_run_refuses_the_same(refuse: Refuse, props: dict[str, Path], words: str) -> None:
    given = filled(words, props)
    assert refuse("train", *given, "--dry-run") == refuse("train", *given)


OTHERS = [
    ("sample {tmp}/none", "none: no such file or folder"),
    ("sample {tmp}/emptty", "emptty: no such file or folder; did you mean 'empty'?"),
    ("sample {file.txt}", "file.txt: this is a file; name a run"),
    ("sample {pictures}", "no saved generator here (config.json is missing)"),
    ("sample nobody/nothing", "hub"),  # which is asked, or asked for where its client is missing
    ("sample {run} -n 0", "cannot make 0 samples: ask for at least one"),
    ("sample {run} -n -3", "cannot make -3 samples"),
    ("sample {run} --batch 0", "batch is at least one"),
    (
        "sample {run} --class 3",
        "class '3' is not known: this generator was trained without classes",
    ),
    ("sample {run} --class cat", "class 'cat' is not known"),
    ("sample {run} --out {file.txt}", "file.txt: this is a file; --out names a folder"),
    ("sample {run} --out {file.txt}/x", "file.txt/x: "),
    ("sample {run} --out /proc/x", "/proc/x: "),
    ("evaluate {flat}", "name the real data to compare with: --against DATA"),
    ("evaluate {tmp}/none", "none: no such file or folder"),
    ("evaluate {run} --against {tmp}/none", "none: no such file or folder"),
    ("evaluate {run} --against digist", "did you mean 'digits'?"),
    ("evaluate {run} --against ring", "ring holds points: images cannot be scored against them"),
    ("evaluate ring --against {flat}", "holds images: points cannot be scored against them"),
    ("evaluate {flat} --against ring", "ring holds points"),
    ("evaluate {run} -n 2", "cannot score 2 samples: ask for at least 4"),
    ("evaluate {run} -n -1", "cannot score -1 samples"),
    ("evaluate {small} --against {flat}", "are too few"),
    ("evaluate {empty} --against {flat}", "empty"),
    ("evaluate {run} --features digit-cnn", "did you mean 'digits-cnn'?"),
    ("recipes imagse", "recipe 'imagse' is not known; did you mean 'images'?"),
    ("data get fashoin", "did you mean 'fashion'?"),
    ("data get fashion --from {tmp}/none", "none"),
    ("data inspect {tmp}/none", "none: no such file or folder"),
    ("data inspect {empty}", "empty"),
    ("data inspect {pictures} --split test", "has no test split"),
]


@pytest.mark.parametrize(("words", "said"), OTHERS, ids=[words for words, _ in OTHERS])
def test_other_commands_refuse(
    refuse: Refuse, props: dict[str, Path], words: str, said: str
) -> None:
    assert said in refuse(*filled(words, props))


# --- runs that were damaged, or are not what they were

RESUMED = [
    ("--seed 5", "seed cannot change from 0 to 5 when a run is resumed"),
    ("--set model.width=8", "model.width cannot change from 4 to 8"),
    ("--set optim.lr=0.5", "optim.lr cannot change"),
    ("--recipe dcgan", "recipe cannot change from images to dcgan"),
    ("{flat}", "data.source cannot change"),
    ("--resolution 16", "resolution cannot change from 8x8 to 16x16"),
    ("--conditional", "model.conditional cannot change"),
    ("--config {other.yaml}", "batch cannot change from 8 to 16"),
    ("--budget never", "budget 'never' is not understood"),
    ("--set batsh=3", "unknown setting 'batsh'; did you mean 'batch'?"),
    ("--set target=b/", "unknown setting 'target'; did you mean 'translation.target'?"),
]


@pytest.mark.parametrize(("words", "said"), RESUMED, ids=[words for words, _ in RESUMED])
def test_a_run_goes_on_as_the_run_it_was(
    refuse: Refuse, props: dict[str, Path], words: str, said: str
) -> None:
    props["other.yaml"] = props["tmp"] / "other.yaml"
    props["other.yaml"].write_text("batch: 16\n")
    assert said in refuse("train", "--out", props["run"], "--resume", *filled(words, props))


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def drop_line(path: Path, start: str) -> None:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith(start)))


def every(run: Path, pattern: str, damage: Callable[[Path], object]) -> None:
    found = sorted(run.glob(pattern))
    assert found
    for path in found:
        damage(path)


def edit_json(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "all weights cut short": (
        lambda run: every(run, "checkpoints/*/G.safetensors", shorten),
        "no checkpoint of run can be read",
    ),
    "all states garbage": (
        lambda run: every(run, "checkpoints/*/state.json", lambda p: p.write_text("{")),
        "no checkpoint of run can be read",
    ),
    "all weights gone": (
        lambda run: every(run, "checkpoints/*/D.safetensors", Path.unlink),
        "no checkpoint of run can be read",
    ),
    "settings that are no YAML": (
        lambda run: (run / "config.yaml").write_text("batch: ["),
        "config.yaml, line 1: not valid YAML",
    ),
    "settings that are a list": (
        lambda run: (run / "config.yaml").write_text("- 1"),
        "config.yaml: expected settings",
    ),
    "settings that are binary": (
        lambda run: (run / "config.yaml").write_bytes(b"\xff\x00\xfe"),
        "config.yaml: not valid YAML",
    ),
    "an unknown setting": (
        lambda run: (run / "config.yaml").write_text("widht: 3"),
        "config.yaml: unknown setting 'widht'",
    ),
    "settings of other nets": (
        lambda run: (run / "config.yaml").write_text(
            (run / "config.yaml").read_text().replace("width: 4", "width: 8")
        ),
        "does not fit this run",
    ),
    "other data": (
        lambda run: (run / "log.jsonl").write_text(
            '{"kind": "start", "data": {"digest": "0123456789abcdef"}}\n'
        ),
        "run: the data have changed since this run began (0123456789ab then,",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_run_is_not_resumed(
    refuse: Refuse, props: dict[str, Path], name: str, tmp_path: Path
) -> None:
    damage, said = DAMAGES[name]
    shutil.copytree(props["run"], tmp_path / "run")
    damage(tmp_path / "run")
    assert said in refuse("train", "--out", "run", "--resume")


GENERATORS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no generator": (shutil.rmtree, "this run has not saved a generator yet"),
    "garbage settings": (lambda g: (g / "config.json").write_text("{"), "generator is damaged"),
    "settings that are a list": (
        lambda g: (g / "config.json").write_text("[]"),
        "generator is damaged",
    ),
    "no settings in it": (lambda g: (g / "config.json").write_text("{}"), "generator is damaged"),
    "an unknown model": (
        lambda g: edit_json(g / "config.json", name="resnte"),
        "did you mean 'resnet'?",
    ),
    "another shape": (
        lambda g: edit_json(g / "config.json", width=6),
        "the saved generator is damaged",
    ),
    "a format of the future": (
        lambda g: edit_json(g / "config.json", format=99),
        "format 99 is newer than this gansmith reads",
    ),
    "weights cut short": (
        lambda g: shorten(g / "model.safetensors"),
        "the saved generator is damaged",
    ),
    "weights gone": (
        lambda g: (g / "model.safetensors").unlink(),
        "no saved generator here (model.safetensors is missing)",
    ),
    "weights garbage": (
        lambda g: (g / "model.safetensors").write_bytes(b"\x80\x04pickle"),
        "the saved generator is damaged",
    ),
}


@pytest.mark.parametrize("command", ["sample", "evaluate"])
@pytest.mark.parametrize("name", GENERATORS)
def test_a_damaged_generator_is_not_used(
    refuse: Refuse, props: dict[str, Path], name: str, command: str, tmp_path: Path
) -> None:
    damage, said = GENERATORS[name]
    shutil.copytree(props["run"], tmp_path / "run")
    damage(tmp_path / "run" / "generator")
    assert said in refuse(command, "run")


def test_tensorboard_is_asked_for_before_anything_is_done(
    refuse: Refuse, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    line = refuse("train", pictures, "--set", "tensorboard=true", "--out", "run")
    assert "pip install 'gansmith[tensorboard]'" in line


def test_bf16_is_refused_where_it_does_not_work(
    refuse: Refuse, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gansmith.engine.devices.bf16_works", lambda device: False)
    line = refuse("train", pictures, "--set", "precision=bf16", "--device", "cpu")
    assert "precision bf16 does not work on this cpu: use precision=fp32" in line


def test_a_device_that_is_not_here(
    refuse: Refuse, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    line = refuse("train", pictures, "--device", "cuda")
    assert "device 'cuda' is not available on this machine: it has" in line


def test_a_full_disk_while_samples_are_written(
    refuse: Refuse, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: object, target: Path) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "out").mkdir()
    monkeypatch.setattr("PIL.Image.Image.save", full)
    assert "out: no space left on device" in refuse("sample", tiny_run, "--out", "out", "-n", "2")


@pytest.mark.parametrize(
    ("error", "first", "another"),
    [
        (UserError("batch 7"), "gansmith: batch 7\n", ""),
        (
            LocalError("disk 7"),
            "gansmith: disk 7\n",
            "gansmith, another of its processes: disk 7\n",
        ),
    ],
)
def test_what_one_process_alone_meets_it_says_itself(error, first, another, monkeypatch, capsys):
    def fails(*arguments, **options):
        raise error

    monkeypatch.setattr(cli, "app", fails)
    for rank, said in (("0", first), ("1", another)):
        monkeypatch.setenv("GANSMITH_STARTED", "1")
        monkeypatch.setenv("LOCAL_RANK", rank)
        monkeypatch.setattr("sys.argv", ["gansmith", "recipes"])
        monkeypatch.setattr("sys.stdout", io.StringIO())
        with pytest.raises(SystemExit) as end:
            cli.main()
        sys.stdout.close()
        assert end.value.code == 2
        assert capsys.readouterr().err == said
