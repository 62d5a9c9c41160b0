import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gansmith.apps.sample import class_number, sample
from gansmith.apps.train import train
from gansmith.errors import UserError
from gansmith.models import Generator, Spec

TINY = {"batch": 8, "model.width": 4, "model.z_dim": 8, "threads": 1}


def pixels(folder: Path) -> np.ndarray:
    return np.stack([np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))])


def classed(names: tuple[str, ...] = ("cat", "dog", "7")) -> Generator:
    torch.manual_seed(0)
    spec = Spec("mlp", (1, 8, 8), z_dim=4, width=4, depth=1, classes=names)
    return Generator(spec.nets()[0], spec)


def test_one_file_each_in_order(tiny_run: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    folder = sample(
        tiny_run,
        5,
        seed=3,
        out=tmp_path / "out",
        batch=2,
        progress=lambda label, done, total: seen.append((done, total)),
    )
    names = [path.name for path in sorted(folder.iterdir())]
    assert names == [f"{index:06d}.png" for index in range(5)]
    assert seen == [(2, 5), (4, 5), (5, 5)]
    whole = Generator.from_pretrained(tiny_run / "generator").sample(5, seed=3)
    difference = pixels(folder).astype(int) - whole.permute(0, 2, 3, 1).numpy()
    assert np.abs(difference).max() <= 1  # other batch sizes may round otherwise


def test_the_seed_and_the_index_make_the_sample(tiny_run: Path, tmp_path: Path) -> None:
    few = pixels(sample(tiny_run, 2, seed=1, out=tmp_path / "few"))
    many = pixels(sample(tiny_run, 6, seed=1, out=tmp_path / "many"))
    other = pixels(sample(tiny_run, 2, seed=2, out=tmp_path / "other"))
    assert np.abs(few.astype(int) - many[:2]).max() <= 1
    assert (few != other).any()


def test_samples_of_an_earlier_call_never_stay_among_the_new(tiny_run: Path, tmp_path: Path):
    run = Path(shutil.copytree(tiny_run, tmp_path / "run"))
    assert sample(run, 4) == sample(run, 2)  # the default folder is ours to tidy
    assert len(pixels(run / "samples-seed-0")) == 2
    out = sample(run, 4, out=tmp_path / "out")
    (out / "mine.png").touch()
    with pytest.raises(UserError, match="2 other samples are here, which would stay among"):
        sample(run, 2, seed=7, out=out)
    assert len(list(out.iterdir())) == 5
    assert sample(run, 5, seed=7, out=out) == out


def test_a_grid_is_one_picture(tiny_run: Path, tmp_path: Path) -> None:
    folder = sample(tiny_run, 9, grid=True, out=tmp_path / "out")
    assert [path.name for path in folder.iterdir()] == ["grid.png"]
    with Image.open(folder / "grid.png") as sheet:
        assert min(sheet.size) >= 3 * 8


def test_points_are_numbers_or_a_plot(tmp_path: Path) -> None:
    spec = Spec("mlp", (2,), z_dim=4, width=4, depth=1, kind="points")
    saved = Generator(spec.nets()[0], spec).save_pretrained(tmp_path / "saved")
    folder = sample(saved, 7, seed=2)
    assert folder == saved / "samples-seed-2"
    points = np.load(folder / "points.npy", allow_pickle=False)
    assert (points.shape, points.dtype) == ((7, 2), np.float32)
    plotted = sample(saved, 7, grid=True, out=tmp_path / "plot")
    with Image.open(plotted / "grid.png") as plot:
        assert plot.size[0] > 50


def test_a_class_by_name_or_number() -> None:
    generator = classed()
    assert class_number(generator, None) is None
    assert class_number(generator, "dog") == 1
    assert class_number(generator, "0") == 0
    assert class_number(generator, "7") == 2  # a name, before it is a number


@pytest.mark.parametrize("wanted", ["3", "-1", "99999999999999999999", "", "²"])
def test_a_class_that_is_not_there(wanted: str) -> None:
    with pytest.raises(UserError, match=r"is not known: this generator knows cat, dog, 7$"):
        class_number(classed(), wanted)


def test_a_misspelt_class_names_the_nearest() -> None:
    with pytest.raises(UserError, match=re.escape("class 'dgo' is not known; did you mean 'dog'?")):
        class_number(classed(), "dgo")
    many = classed(tuple(f"c{index}" for index in range(20)))
    with pytest.raises(UserError, match=r"knows c0, .*, c11, \.\.\.$"):
        class_number(many, "zebra")


def test_a_conditional_run_draws_the_class_that_is_asked_for(
    pictures: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    train(
        str(pictures),
        budget="1-steps",
        out=run,
        changes=TINY | {"model.conditional": True},
        score=False,
    )
    generator = Generator.from_pretrained(run / "generator")
    assert generator.spec.classes == ("bright", "dark")
    folder = sample(run, 4, class_name="dark")
    assert folder == run / "samples-seed-0-class-1"
    expected = generator.sample(4, seed=0, class_index=1).permute(0, 2, 3, 1).numpy()
    assert (pixels(folder) == expected).all()


def test_a_generator_from_the_hub_is_sampled_here(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    generator = Generator.from_pretrained(tiny_run / "generator")
    monkeypatch.setattr("gansmith.apps.runs.load", lambda source: generator)
    folder = sample("someone/faces", 2)
    assert folder == Path("faces-samples-seed-0")
    assert len(list(folder.iterdir())) == 2
