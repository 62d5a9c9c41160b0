"""The page as a browser shows it: wide and narrow, light and dark, with its slider."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from gansmith.reports.html import write_report

MakeRun = Callable[..., Path]
SCRIPT = Path(__file__).parents[2] / "scripts" / "screenshot.py"


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("screenshot", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


browser = load_script()
pytestmark = [
    pytest.mark.chromium,
    pytest.mark.skipif(browser.find_browser() is None, reason="no Chromium on this machine"),
]


@pytest.mark.parametrize("width", [1200, 420])
def test_the_page_fits_its_window(make_run: MakeRun, width: int) -> None:
    long_word = "very-long-name-" * 12
    reasons = [{"key": "data.source", "value": long_word, "why": long_word}]
    path = write_report(make_run("手写" + long_word, reasons=reasons, command=long_word))
    found = browser.evaluate(
        path,
        width,
        "{wide: page.documentElement.scrollWidth, out: [...page.querySelectorAll('main *')]"
        f".filter(e => e.getBoundingClientRect().right > {width} + .5 && !e.closest('svg')).length,"
        " pictures: [...page.images].filter(i => i.complete && i.naturalWidth > 50).length,"
        " all: page.images.length, open: page.querySelectorAll('.player:not([hidden])').length}",
    )
    assert found["wide"] <= width
    assert found["out"] == 0
    assert found["pictures"] == found["all"] == 9
    assert found["open"] == 1


def test_the_slider_the_pointer_and_the_button_work(make_run: MakeRun) -> None:
    path = write_report(make_run())
    found = browser.evaluate(
        path,
        1200,
        "(function () {"
        " var time = page.getElementById('time'), sheet = page.getElementById('sheet');"
        " var last = sheet.src; time.value = 0; time.dispatchEvent(new Event('input'));"
        " var first = sheet.src, label = page.getElementById('moment').textContent;"
        " page.getElementById('play').click();"
        " var svg = page.querySelector('.chart svg'), box = svg.getBoundingClientRect();"
        " svg.dispatchEvent(new PointerEvent('pointermove', {clientX: box.right - 5}));"
        " return {changed: first !== last, label: label,"
        "  playing: page.getElementById('play').classList.contains('on'),"
        "  reading: page.querySelector('.reading').textContent}})()",
    )
    assert found["changed"]
    assert found["label"] == "step 0 · 0 images seen"
    assert found["playing"]
    lines = found["reading"].split("\n")
    assert lines[0].endswith("thousand images")
    assert [line.rpartition("  ")[0] for line in lines[1:]] == [
        "D, with penalties", "G", "D, game only",
    ]  # fmt: skip


def test_words_of_users_run_nothing(make_run: MakeRun) -> None:
    attack = "</script><script>document.title='taken'</script><img src=x onerror=document.title=1>"
    data = {"source": attack, "kind": "images", "count": 1, "shape": [1, 8, 8], "notes": [attack]}
    path = write_report(make_run("plain", data=data, sheets=2))
    assert browser.evaluate(path, 800, "page.title") == "plain · gansmith report"


@pytest.mark.parametrize("dark", [False, True])
def test_the_picture_is_neither_blank_nor_in_the_wrong_theme(
    make_run: MakeRun, tmp_path: Path, dark: bool
) -> None:
    path = write_report(make_run())
    picture = browser.screenshot(path, tmp_path / "page.png", 1200, 3000, dark)
    pixels = np.asarray(picture.convert("L")).astype(int)
    with Image.open(tmp_path / "page.png") as saved:
        assert saved.size == picture.size
    assert pixels.shape[1] == 1200
    corner = pixels[:20, :20].mean()
    assert corner < 60 if dark else corner > 200
    inked = np.abs(pixels - corner) > 60
    assert inked.mean() > 0.05
    assert inked.any(axis=1).reshape(-1, pixels.shape[0]).mean() > 0.5
    coloured = np.asarray(picture.convert("HSV"))[..., 1] > 120
    assert coloured.sum() > 3000  # the curves
