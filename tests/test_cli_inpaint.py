"""``gansmith inpaint`` as a person types it."""

import json
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def inpaint(gansmith: Run) -> Run:
    """Runs ``gansmith inpaint ...``."""
    return partial(gansmith, "inpaint")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """``照 片/`` with two pictures, ``masks/`` with a mask for each."""
    for index in range(2):
        for name in ("照 片", "masks"):
            (tmp_path / name).mkdir(exist_ok=True)
        pixels = np.random.default_rng(index).integers(0, 256, (12, 10, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "照 片" / f"{index}.png")
        levels = np.zeros((12, 10), np.uint8)
        levels[4:8, 3:7] = 255
        Image.fromarray(levels).save(tmp_path / "masks" / f"{index}.png")
    return tmp_path


def test_a_folder_to_json(inpaint: Run, tiny_run: Path, here: Path) -> None:
    code, out, err = inpaint(tiny_run, "照 片", "--mask", "masks", "-o", "出 去", "-n", 2, "--json")
    assert code == 0, err
    told = json.loads(out)
    assert told["out"] == "出 去"
    assert (told["way"], told["blend"], told["already"]) == ("latent", "poisson", 0)
    names = [f"出 去/{index}-{k}.png" for index in range(2) for k in (1, 2)]
    assert sorted(told["written"]) == names
    assert all(Path(name).is_file() for name in names)
    assert "filling: 2 of 2" in err
    again = inpaint(tiny_run, "照 片", "--mask", "masks", "-o", "出 去", "-n", 2)
    assert again[:2] == (0, "出 去\n")
    assert "left alone 4 files that were there" in again[2]


def test_one_picture(inpaint: Run, tiny_run: Path, here: Path) -> None:
    code, out, _ = inpaint(tiny_run, "照 片/0.png", "--mask", "masks/0.png", "--blend", "none")
    assert (code, out) == (0, "0-filled.png\n")
    assert Path("0-filled.png").is_file()


def test_pictures_left_out_are_named_and_the_code_is_1(
    inpaint: Run, tiny_run: Path, here: Path
) -> None:
    (here / "照 片" / "0.png").write_bytes(b"no picture")
    code, out, err = inpaint(tiny_run, "照 片", "--mask", "masks", "-o", "out")
    assert (code, out) == (1, "out\n")
    assert "left out 0.png: 照 片/0.png: cannot be read as an image (broken)" in err
    assert [path.name for path in Path("out").iterdir()] == ["1.png"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("{run} p", "missing option '--mask'"),
        ("{run} none --mask masks", "none: no such file or folder"),
        ("{run} masks --mask mask", "mask: no such file or folder; did you mean 'masks'?"),
        ("nothing masks --mask masks", "nothing: there is no such folder"),
        ("{run} masks/0.png --mask masks/0.png -o a.jpg", ".jpg changes known pixels: use one"),
        ("{run} masks --mask masks -o masks", "is read, so it cannot be written"),
        ("{run} masks --mask masks --blend blur", "blend 'blur' is not known: use one of none"),
        ("{run} masks --mask masks --size tile", "--size tile needs a run of a completion net"),
        ("{run} masks --mask masks -n 0", "cannot make 0 fillings"),
        ("{run} masks/0.png --mask small.png", "small.png is 3x3 pixels"),
        ("{run} masks/0.png --mask black.png", "black.png: marks no hole"),
        ("{run} masks/0.png --mask black.png --invert", "black.png: all of it is the hole"),
    ],
)
def test_refusals_are_one_line_and_code_2(
    inpaint: Run, tiny_run: Path, here: Path, words: str, said: str
) -> None:
    Image.fromarray(np.eye(3, dtype=np.uint8) * 255).save(here / "small.png")
    Image.new("L", (10, 12)).save(here / "black.png")
    before = sorted(here.rglob("*"))
    code, out, err = inpaint(*words.format(run=tiny_run).split(" "))
    assert (code, out) == (2, ""), err
    lines = err.splitlines()
    assert len(lines) == 1, err
    assert said in lines[0]
    assert sorted(here.rglob("*")) == before


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("number", "expected"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)],
)
def test_stopped_it_leaves_whole_files_alone(
    tiny_run: Path, here: Path, stopped: Run, number: signal.Signals, expected: int
) -> None:
    words = ["inpaint", str(tiny_run), "照 片", "--mask", "masks", "-o", "out", "-n", "5000"]
    code, out, err = stopped(words, here, number)
    assert (code, out) == (expected, "")
    assert "Traceback" not in err
    assert ("the same command goes on" in err) == (number == signal.SIGINT)
