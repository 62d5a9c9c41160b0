"""``gansmith translate`` as a person types it."""

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gansmith.models import Spec, Translator

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def translate(gansmith: Run) -> Run:
    """Runs ``gansmith translate ...``."""
    return partial(gansmith, "translate")


@pytest.fixture
def net(tmp_path: Path) -> Path:
    """A saved translator that was never trained."""
    torch.manual_seed(0)
    spec = Spec("unet", (3, 16, 16), 4, 4, 1, kind="translation", in_channels=3)
    return Translator(spec.nets()[0], spec).save_pretrained(tmp_path / "net")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """``照 片/`` with two pictures of odd sizes."""
    (tmp_path / "照 片").mkdir()
    for index in range(2):
        pixels = np.random.default_rng(index).integers(0, 256, (13, 10 + index, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "照 片" / f"{index}.png")
    return tmp_path


def test_a_folder_to_json(translate: Run, net: Path, here: Path) -> None:
    code, out, err = translate(net, "照 片", "-o", "出 去", "-n", 2, "--json")
    assert code == 0, err
    told = json.loads(out)
    assert (told["out"], told["already"], told["skipped"]) == ("出 去", 0, {})
    names = [f"出 去/{index}-{k}.png" for index in range(2) for k in (1, 2)]
    assert sorted(told["written"]) == names
    for name in names:
        with Image.open(name) as image:
            assert image.size == (10 + int(Path(name).name[0]), 13)
    assert "translating: 2 of 2" in err
    again = translate(net, "照 片", "-o", "出 去", "-n", 2)
    assert again[:2] == (0, "出 去\n")
    assert "left alone 4 files that were there" in again[2]


def test_one_picture(translate: Run, net: Path, here: Path) -> None:
    code, out, _ = translate(net, "照 片/0.png")
    assert (code, out) == (0, "0-translated.png\n")
    assert Path("0-translated.png").is_file()


def test_pictures_left_out_are_named_and_the_code_is_1(
    translate: Run, net: Path, here: Path
) -> None:
    (here / "照 片" / "0.png").write_bytes(b"no picture")
    code, out, err = translate(net, "照 片", "-o", "out")
    assert (code, out) == (1, "out\n")
    assert "left out 0.png: 照 片/0.png: cannot be read as an image (broken)" in err
    assert [path.name for path in Path("out").iterdir()] == ["1.png"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("{net}", "missing argument 'PHOTO'"),
        ("{net} none", "none: no such file or folder"),
        ("nothing 照_片", "nothing: there is no such folder"),
        ("{net} 照_片/0.png -o a.jpg", ".jpg changes known pixels: use one"),
        ("{net} 照_片 -o 照_片", "is read, so it cannot be written"),
        ("{net} 照_片 -n 0", "cannot make 0 outputs"),
        ("{run} 照_片", "translates nothing, it makes pictures of its own from noise"),
    ],
)
def test_refusals_are_one_line_and_code_2(
    translate: Run, net: Path, tiny_run: Path, here: Path, words: str, said: str
) -> None:
    before = sorted(here.rglob("*"))
    line = words.format(net=net, run=tiny_run).split(" ")
    code, out, err = translate(*(word.replace("照_片", "照 片") for word in line))
    assert (code, out) == (2, ""), err
    assert len(err.splitlines()) == 1, err
    assert said in err
    assert sorted(here.rglob("*")) == before


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_stopped_it_leaves_whole_files_alone(net: Path, here: Path, stopped: Run) -> None:
    words = ["translate", str(net), "照 片", "-o", "out", "-n", "50000"]
    code, out, err = stopped(words, here)
    assert (code, out) == (130, "")
    assert "gansmith: interrupted; what is written is whole, and the same command goes" in err
    assert "Traceback" not in err
