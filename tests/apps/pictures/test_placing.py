import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.apps.pictures.placing import (
    listed,
    named,
    place_of,
    refuse_overwriting,
    targets,
    there,
)
from gansmith.apps.pictures.tally import Tally
from gansmith.data.pictures import Picture
from gansmith.errors import UserError


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``图/`` with ``a.jpg``, ``a.png`` and ``sub/b.png``."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "a.png", "sub/b.png"):
        path = Path("图") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(path)
    return Path("图")


def test_a_folder_is_listed_with_its_sub_folders_and_a_file_alone(place: Path) -> None:
    (place / "notes.txt").touch()
    root, names, notes = listed(place)
    assert (root, names) == (place, ("a.jpg", "a.png", "sub/b.png"))
    assert notes == ("ignored 1 other file: notes.txt",)
    assert listed(place / "a.jpg") == (place, ("a.jpg",), ())


def test_results_are_named_by_what_is_done(place: Path) -> None:
    found, files = targets(place, ("sub/b.png",), None, 1, "translated")
    assert (found, files) == (
        Path("图-translated"),
        {"sub/b.png": (Path("图-translated/sub/b.png"),)},
    )
    assert targets(place / "a.jpg", ("a.jpg",), None, 1, "made")[0] == Path("a-made.png")
    _, files = targets(place, listed(place)[1], "out", 2, "made")
    assert files["a.jpg"] == (Path("out/a.jpg-1.png"), Path("out/a.jpg-2.png"))


def test_what_is_not_there_is_told_with_the_nearest(place: Path) -> None:
    assert there("图") == place
    with pytest.raises(UserError, match=r"a\.pgn: no such file or folder; did you mean 'a\.png'"):
        there(place / "a.pgn")


def test_what_is_read_is_not_written_whatever_it_is_called(place: Path) -> None:
    with pytest.raises(UserError, match="is read, so it cannot be written"):
        refuse_overwriting([place / "a.png"], [Path("图/../图/a.png")])
    refuse_overwriting([place / "a.png"], [Path("a.png")])


def test_what_is_written_inside_the_folder_that_is_read_is_not_read(place: Path) -> None:
    _, names, notes = listed(place, place / "sub", Path("elsewhere"))
    assert names == ("a.jpg", "a.png")
    assert notes == ("1 images of 图/sub are not among those worked on",)
    assert listed(place, place / "a.jpg")[1] == ("a.png", "sub/b.png")
    (place / "a.jpg").unlink()
    (place / "a.png").unlink()
    with pytest.raises(UserError, match="no images in this folder but those of 图/sub"):
        listed(place, place / "sub")


def test_what_is_written_above_the_folder_that_is_read_hides_nothing(place: Path) -> None:
    for out in (".", "..", "图/.."):
        assert listed(place, Path(out))[1:] == (("a.jpg", "a.png", "sub/b.png"), ())


def test_the_folder_that_is_read_is_not_written(place: Path) -> None:
    """Its ``a.jpg`` would become ``a.png``, and both be read by the next call."""
    with pytest.raises(UserError, match="is read, so it cannot be written; name another --out"):
        place_of(place, "图/../图", 1, "made")
    assert place_of(place, None, 1, "made") == Path("图-made")
    assert place_of(place / "a.jpg", place, 1, "made") == place  # a file is no folder


def test_several_pictures_are_not_written_into_a_folder_called_like_one(place: Path) -> None:
    for source, count in ((place, 1), (place / "a.jpg", 4)):
        with pytest.raises(UserError, match=r"out\.png: several pictures are written"):
            targets(source, listed(source)[1], "out.png", count, "made")
    assert targets(place, listed(place)[1], "out.v2", 1, "made")[0] == Path("out.v2")


@pytest.mark.parametrize("letter", ["x", "猫", "\udce4"], ids=["one", "three", "no-utf8"])
def test_a_name_as_long_as_there_is_gets_a_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, letter: str
) -> None:
    """Of 255 bytes, to which a number is added; two that begin alike stay two."""
    monkeypatch.chdir(tmp_path)
    most = 250 // len(os.fsencode(letter))
    names = tuple(f"sub/{letter * most}{last}.png" for last in "ab")
    _, files = targets(Path("."), names, "out", 2, "made")
    written = [path for name in names for path in files[name]]
    tally = Tally("made", overwrite=False, many=True)
    for path in written:
        assert len(os.fsencode(path.name)) <= 255
        assert path.parent == Path("out/sub")
        tally.write(Picture(np.zeros((2, 2, 1), np.uint8)), path)
    assert len({path.name for path in written}) == 4
    assert tally.missing(tuple(written)) == [], "the same call goes on"
    assert files == targets(Path("."), names, "out", 2, "made")[1]
    alone = place_of(Path(names[0]), None, 1, "completed")
    assert len(os.fsencode(alone.name)) <= 255
    assert alone.name.endswith("-completed.png")


def test_a_name_that_fits_is_left_as_it_is() -> None:
    assert named("sub/" + 251 * "x", ".png") == "sub/" + 251 * "x" + ".png"
    assert named("a", "-1.png") == "a-1.png"
