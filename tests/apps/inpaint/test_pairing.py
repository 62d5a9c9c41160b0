from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.apps.inpaint.pairing import pair
from gansmith.errors import UserError


def made(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(path)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path()


def test_one_picture_one_mask(place: Path) -> None:
    made(Path("风景 1.jpg"), Path("m.png"))
    work = pair("风景 1.jpg", "m.png", None, 1)
    (job,) = work.jobs
    assert (job.name, job.picture, job.mask) == ("风景 1.jpg", Path("风景 1.jpg"), Path("m.png"))
    assert work.out == job.targets[0] == Path("风景 1-filled.png")
    assert pair("风景 1.jpg", "m.png", "x.tif", 1).jobs[0].targets == (Path("x.tif"),)
    assert pair("风景 1.jpg", "m.png", "x", 1).jobs[0].targets == (Path("x/风景 1.png"),)
    two = pair("风景 1.jpg", "m.png", None, 2)
    assert two.out == Path("风景 1-filled")
    assert [path.name for path in two.jobs[0].targets] == ["风景 1-1.png", "风景 1-2.png"]


def test_an_out_that_has_a_dot_may_be_a_folder(place: Path) -> None:
    made(Path("p.png"), Path("m.png"))
    Path("v1.2").mkdir()
    assert pair("p.png", "m.png", "v1.2", 1).jobs[0].targets == (Path("v1.2/p.png"),)
    assert pair("p.png", "m.png", "v1.3", 2).jobs[0].targets[0] == Path("v1.3/p-1.png")


def test_folders_are_matched_by_name(place: Path) -> None:
    made(*(Path("in") / name for name in ("a.jpg", "b.png", "sub/c.png", "lone.png")))
    made(*(Path("m") / name for name in ("a.png", "b.png", "sub/c.bmp", "x.png", "y.png")))
    work = pair("in", "m", "out", 1)
    assert {job.name: str(job.mask) for job in work.jobs} == {
        "a.jpg": "m/a.png",
        "b.png": "m/b.png",
        "sub/c.png": "m/sub/c.bmp",
    }
    assert work.jobs[2].targets == (Path("out/sub/c.png"),)
    assert work.alone == {"lone.png": "no mask of this name in m"}
    assert work.notes == ("masks 2 without a picture in m: x, y",)
    assert not work.shared


def test_one_mask_for_all(place: Path) -> None:
    made(Path("in/a.png"), Path("in/b.png"), Path("m.png"))
    work = pair("in/", "m.png", None, 1)
    assert work.shared
    assert {job.mask for job in work.jobs} == {Path("m.png")}
    assert work.out == Path("in-filled")


def test_two_masks_of_one_name_are_told_apart_or_named(place: Path) -> None:
    made(Path("in/a.png"), Path("in/b.bmp"), Path("m/a.png"), Path("m/a.bmp"))
    made(Path("m/b.png"), Path("m/b.tif"))
    work = pair("in", "m", "out", 1)
    assert [str(job.mask) for job in work.jobs] == ["m/a.png"]  # the very same name
    assert work.alone == {"b.bmp": "2 masks go with it in m: b.png, b.tif"}


def test_pictures_that_differ_in_their_endings_keep_them(place: Path) -> None:
    made(Path("in/a.png"), Path("in/a.jpg"), Path("in/b.png"), Path("m.png"))
    work = pair("in", "m.png", "out", 1)
    names = sorted(job.targets[0].name for job in work.jobs)
    assert names == ["a.jpg.png", "a.png.png", "b.png"]


def test_a_picture_of_a_folder_of_masks(place: Path) -> None:
    made(Path("a.jpg"), Path("m/a.png"), Path("m/b.png"))
    work = pair("a.jpg", "m", None, 1)
    assert work.jobs[0].mask == Path("m/a.png")
    assert work.notes == ()  # the other masks are not for this call


def test_what_is_read_is_never_written(place: Path) -> None:
    made(Path("in/a.png"), Path("m/a.png"))
    for out in ("in", "m", "./in", "in/../in"):
        with pytest.raises(UserError, match="is read, so it cannot be written"):
            pair("in", "m", out, 1)
    with pytest.raises(UserError, match="is read"):
        pair("in/a.png", "m/a.png", "in/a.png", 1)
    with pytest.raises(UserError, match="is read"):
        pair("in", "m", "in", 2)  # the next call would read a-1.png


def test_refusals(place: Path) -> None:
    made(Path("in/a.png"), Path("m.png"))
    Path("empty").mkdir()
    Path("taken").touch()
    for pictures, masks, out, said in (
        ("inn", "m.png", None, "inn: no such file or folder; did you mean 'in'?"),
        ("in", "n.png", None, "n.png: no such file or folder; did you mean 'm.png'?"),
        ("empty", "m.png", None, "empty: no images in this folder"),
        ("in", "empty", None, "empty: no images in this folder"),
        ("in", "m.png", "taken", "taken: this is a file; --out names a folder"),
        ("in/a.png", "m.png", "x.jpg", ".jpg changes known pixels: use one of .png"),
    ):
        with pytest.raises(UserError) as error:
            pair(pictures, masks, out, 1)
        assert str(error.value).startswith(said)


def test_masks_among_the_pictures_are_no_pictures(place: Path) -> None:
    made(Path("p/a.png"), Path("p/masks/a.png"), Path("p/masks/b.png"), Path("p/out/a.png"))
    work = pair("p", "p/masks", "p/out", 1)
    assert [(job.name, job.targets) for job in work.jobs] == [("a.png", (Path("p/out/a.png"),))]
    assert work.alone == {}
    one = pair("p", "p/masks/a.png", "o", 1)
    assert [job.name for job in one.jobs] == ["a.png", "masks/b.png", "out/a.png"]
