"""The page holds the run's numbers, is whole HTML, loads nothing, and escapes what users name."""

import base64
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.config import read_yaml
from gansmith.errors import UserError
from gansmith.reports.html import write_report
from gansmith.reports.run_folder import flatten
from gansmith.reports.sheets import sheet

MakeRun = Callable[..., Path]
VOID = {"meta", "link", "img", "input", "br", "hr"}
DRAWN = {"rect", "line", "path", "circle"}  # written with a closing slash
ATTACK = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


class Page(HTMLParser):
    """Tags in balance, the addresses that are named, and the text of elements by id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.problems: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.ids: list[str] = []
        self.text = ""
        self.scripts: dict[str, str] = {}
        self._id = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._id = dict(attrs).get("id") or ""
        if self._id:
            self.ids.append(self._id)
        if tag in DRAWN:
            self.problems.append(f"{tag} is not closed")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[self._id] = data
        elif not self.open or self.open[-1] != "style":
            self.text += data + " "


def parse(path: Path) -> Page:
    page = Page(path.read_text(encoding="utf-8"))
    assert page.problems == []
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    return page


def words(page: Page) -> str:
    return " ".join(page.text.split())


def known_settings(folder: Path) -> dict[str, object]:
    return flatten(read_yaml(folder / "config.yaml"))


def test_a_finished_run_is_told_whole(make_run: MakeRun) -> None:
    folder = make_run()
    path = write_report(folder)
    assert path == folder / "report.html"
    assert path.stat().st_size < 5_000_000
    text = words(parse(path))
    for expected in (
        "手写 数字 run", "Complete after 4,000 steps", "3 min 2 s", "512 k", "12.3 11.8 to 12.9",
        "0.00391 to 0.00471 (95 %)", "10,000 generated samples", "digits-cnn-v1 (0a1b2c3d4e5f)",
        "None of them is an FID", "penalty.gamma 0.3 0.05·(28/32)²", "2 of 60,002 files skipped",
            f"{len(known_settings(folder)) - 4} other settings",
        "Example CPU 9000", "15.6 GB", "torch 2.8.0", "Seed 7",
        "gansmith train digits --recipe images --budget 180s --set seed=7", "beta2_final: 0.99",
    ):  # fmt: skip
        assert expected in text, expected


def test_the_numbers_of_the_curves_are_those_of_the_log(make_run: MakeRun) -> None:
    folder = make_run(total=1000)  # 50 logged steps: a point each
    events = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    steps = [event for event in events if event["kind"] == "step"]
    page = parse(write_report(folder))
    data = json.loads(page.scripts["chart-data"])
    assert data["losses"]["x"] == pytest.approx([step["images"] / 1000 for step in steps])
    series = {one["name"]: one["y"] for key in data for one in data[key]["series"]}
    for name, key in (
        ("D, with penalties", "d_loss"), ("G", "g_loss"), ("on real", "d_real"), ("R1", "r1"),
        ("at generated", "grad_fake"), ("rate", "lr"), ("γ", "gamma"),
        ("speed", "images_per_second"),
    ):  # fmt: skip
        assert series[name] == pytest.approx([step[key] for step in steps], rel=1e-4), key
    assert f"on real {steps[-1]['d_real']:.3f}" in words(page)


def test_sheets_are_inside_the_final_one_pixel_for_pixel(make_run: MakeRun) -> None:
    folder = make_run()
    page = parse(write_report(folder))
    final = next(attrs for tag, attrs in page.tags if attrs.get("id") == "sheet")
    shown = Image.open(io.BytesIO(base64.b64decode(str(final["src"]).partition(",")[2])))
    kept = Image.open(folder / "samples" / "step-00004000.png")
    assert (np.asarray(shown) == np.asarray(kept)).all()
    frames = json.loads(page.scripts["frames"])
    assert [frame["label"] for frame in frames][:2] == [
        "step 0 · 0 images seen", "step 500 · 64 k images seen",
    ]  # fmt: skip
    assert len(frames) == 8
    slider = next(attrs for tag, attrs in page.tags if attrs.get("id") == "time")
    assert (slider["max"], slider["value"]) == ("8", "8")


def test_nothing_is_loaded_from_anywhere(make_run: MakeRun) -> None:
    path = write_report(make_run())
    page = parse(path)
    for tag, attrs in page.tags:
        for key in ("src", "href", "srcset", "action", "data", "poster", "xlink:href"):
            value = attrs.get(key)
            assert value is None or value.startswith(("data:", "#")), (tag, key)
        assert not any(key.startswith("on") for key in attrs), (tag, attrs)
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"https?:|@import|url\((?!#)|fetch\(|XMLHttp|localStorage", text)
    policy = next(attrs for tag, attrs in page.tags if attrs.get("http-equiv"))
    assert str(policy["content"]).startswith("default-src 'none';")


def test_names_and_words_of_users_are_escaped(make_run: MakeRun, tmp_path: Path) -> None:
    hostile = {
        "source": ATTACK, "kind": "images", "count": 3, "shape": [3, 8, 8],
        "classes": [ATTACK], "digest": ATTACK, "notes": [ATTACK],
    }  # fmt: skip
    reasons = [{"key": ATTACK, "value": ATTACK, "why": ATTACK}]
    machine = {"cpu": ATTACK, "cores": 1, "system": ATTACK}
    clean = make_run("clean")
    folder = make_run(
        "run <script>alert(1)<", data=hostile, reasons=reasons, machine=machine,
        command=ATTACK, versions={ATTACK: ATTACK}, device=ATTACK,
    )  # fmt: skip
    scores = {ATTACK: {"value": 1, "features": ATTACK, "resize": ATTACK, "n": 2, "note": ATTACK}}
    (folder / "scores.json").write_text(json.dumps(scores))
    (folder / "config.yaml").write_text(json.dumps({"recipe": ATTACK, ATTACK: ATTACK}))
    with (folder / "log.jsonl").open("a") as log:
        log.write(json.dumps({"kind": "advice", "step": 1, "control": ATTACK, "why": ATTACK}))
        log.write(json.dumps({"kind": "end", "step": 4000, "why": ATTACK}) + "\n")
    page, benign = parse(write_report(folder)), parse(write_report(clean))
    count = [sum(tag == "script" for tag, _ in one.tags) for one in (page, benign)]
    assert count[0] == count[1]
    assert all(attrs.get("src", "")[:5] == "data:" for tag, attrs in page.tags if tag == "img")
    assert ATTACK in page.text


@pytest.mark.parametrize(
    ("gone", "sentence"),
    [
        (["scores.json"], "This run has not been scored yet."),
        (["samples"], "No sample sheet has been made yet."),
        (["config.yaml"], "Settings Budget in time, planned at step 40"),
        (["generator"], "Complete after 4,000 steps"),
        (["log.jsonl"], "No training step has been logged yet."),
        (["log.jsonl"], "Too few steps have been logged to draw a curve."),
        (["log.jsonl"], "The log does not describe the machine."),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(
    make_run: MakeRun, gone: list[str], sentence: str
) -> None:
    folder = make_run()
    if gone == ["scores.json"]:  # its scores are in the log too
        lines = (folder / "log.jsonl").read_text().splitlines(keepends=True)
        kept = [line for line in lines if '"kind": "scores"' not in line]
        (folder / "log.jsonl").write_text("".join(kept))
    for name in gone:
        path = folder / name
        if path.is_dir():
            for child in path.iterdir():
                child.unlink()
            path.rmdir()
        else:
            path.unlink()
    page = parse(write_report(folder))
    assert sentence in words(page)
    assert "None" not in page.text.replace("None of them", "")
    assert "nan" not in page.text


def test_a_run_killed_in_the_first_second(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"kind": "start", "seed": 3}\n{"kind": "st')
    text = words(parse(write_report(tmp_path)))
    assert "Nothing to judge yet." in text
    assert "1 line of log.jsonl could not be read and was left out." in text
    assert "Seed 3" in text
    assert "data that its folder does not describe" in text
    assert "Run it again gansmith train --set seed=3" in text


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.9, 0.999])
def test_a_log_cut_anywhere_still_makes_a_page(make_run: MakeRun, cut: float) -> None:
    folder = make_run(sheets=2)
    text = (folder / "log.jsonl").read_bytes()
    (folder / "log.jsonl").write_bytes(text[: int(len(text) * cut)])
    assert "No end is logged after" in words(parse(write_report(folder)))


def test_heavy_samples_stay_below_five_megabytes(tmp_path: Path) -> None:
    (tmp_path / "samples").mkdir()
    (tmp_path / "log.jsonl").write_text('{"kind": "start"}\n')
    rng = np.random.default_rng(0)
    for step in range(26):
        picture = sheet(rng.integers(0, 256, (16, 96, 96, 3), dtype=np.uint8), scale=1)
        picture.save(tmp_path / "samples" / f"step-{step:08d}.png", compress_level=0)
    path = write_report(tmp_path)
    assert 500_000 < path.stat().st_size < 5_000_000
    assert len(json.loads(parse(path).scripts["frames"])) == 23


def test_the_same_folder_gives_the_same_bytes(make_run: MakeRun) -> None:
    folder = make_run(sheets=3)
    first = write_report(folder).read_bytes()
    assert write_report(folder).read_bytes() == first


def test_a_folder_that_cannot_take_the_page(make_run: MakeRun) -> None:
    folder = make_run(sheets=0)
    (folder / "report.html").mkdir()
    with pytest.raises(UserError, match=r"report\.html: cannot be written"):
        write_report(folder)


def test_reports_import_neither_torch_nor_matplotlib() -> None:
    code = (
        "import sys; import gansmith.reports.html, gansmith.reports.card, gansmith.reports.sheets; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'matplotlib')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_galleries_stand_with_the_scores_they_were_drawn_with(make_run: MakeRun) -> None:
    folder = make_run()
    (folder / "gallery").mkdir()
    for name in ("nearest", "worst"):
        Image.new("L", (40, 30), 128).save(folder / "gallery" / f"{name}.png")
    page = write_report(folder).read_text("utf-8")
    assert "training images nearest to them" in page
    assert "farthest from any real one" in page
    assert "deepest among the real ones" not in page
    (folder / "scores.json").write_text(json.dumps({"step": 1, "scores": {"fd": {"value": 1}}}))
    assert "nearest to them" not in write_report(folder).read_text("utf-8")
