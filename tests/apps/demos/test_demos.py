"""The demos as they are called, in their quick form."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.apps.demos import DEMOS, demo
from gansmith.errors import UserError
from gansmith.recipes import RECIPES

Run = Callable[..., tuple[int, str, str]]


def check(out: Path, name: str, labels: list[str]) -> dict:
    told = json.loads((out / "demo.json").read_text(encoding="utf-8"))
    assert (told["demo"], told["quick"]) == (name, True)
    assert list(told["scores"]) == labels
    for scores in told["scores"].values():
        assert all(np.isfinite(score["value"]) for score in scores.values())
    with Image.open(out / "demo.png") as image:
        assert image.width > 100
    return told


def test_completion(gansmith: Run, tmp_path: Path) -> None:
    pytest.importorskip("cv2")
    code, out, err = gansmith("demo", "inpaint", "--quick", "--json")
    assert code == 0, err
    folder = tmp_path / "runs" / "demo-inpaint-quick"
    told = check(folder, "inpaint", ["telea", "navier-stokes", "no adversary", "inpaint"])
    assert told == json.loads(out)
    assert told["shown"][0] == "input"
    assert told["shown"][-1] == "target"
    # The weights of LPIPS are not here: what is claimed by them is not measured, and said so.
    assert {(claim["claim"], claim["measured"]) for claim in told["claims"]} == {
        (f"{score} of inpaint lower than that of {each}", score == "fd")
        for each in ("telea", "navier-stokes", "no adversary")
        for score in ("lpips_hole", "fd")
    }
    assert {claim["held"] for claim in told["claims"] if not claim["measured"]} == {None}
    code, out, err = gansmith("demo", "inpaint", "--quick")
    assert code == 0, err
    assert "a quick look: these numbers mean nothing" in out
    assert "not measured  lpips_hole of inpaint lower than that of telea" in out
    assert "this run is complete" in out


@pytest.mark.skipif("pix2pix" not in RECIPES, reason="no recipe for it yet")
def test_pairs(openmoji: None, gansmith: Run, tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    code, out, err = gansmith("demo", "pix2pix", "--quick", "--out", "here")
    assert code == 0, err
    told = check(tmp_path / "here", "pix2pix", ["input", "regression alone", "pix2pix"])
    assert told["shown"] == ["input", "regression alone", "pix2pix", "target"]
    assert [claim["claim"] for claim in told["claims"]] == [
        "fd of pix2pix lower than that of regression alone"
    ]
    assert "regression alone" in out


@pytest.mark.skipif("cut" not in RECIPES, reason="no recipe for it yet")
def test_sides(two_vendors: None, gansmith: Run, tmp_path: Path) -> None:
    code, _, err = gansmith("demo", "cut", "--quick", "--out", "here")
    assert code == 0, err
    told = check(tmp_path / "here", "cut", ["input", "cut"])
    assert told["claims"][0]["claim"] == "kid of cut at most 0.5 times that of input"


def test_what_there_is_to_show(gansmith: Run) -> None:
    code, out, _ = gansmith("demo")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(DEMOS)
    assert set(json.loads(gansmith("demo", "--json")[1])["demos"]) == set(DEMOS)


def test_a_demo_that_is_none(gansmith: Run) -> None:
    code, out, err = gansmith("demo", "pix2pxi")
    assert (code, out) == (2, "")
    assert "there is no demo 'pix2pxi'; did you mean 'pix2pix'?" in err
    with pytest.raises(UserError, match="no demo"):
        demo("style")
