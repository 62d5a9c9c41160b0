"""`make bench` writes its table between its marks, and nothing else of the page."""

import json
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
PERFORMANCE = BENCHMARKS.parent / "docs" / "performance.md"


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import page

    return page


def test_the_page_has_the_marks_and_keeps_the_rest(page) -> None:
    text = PERFORMANCE.read_text(encoding="utf-8")
    once = page.written(text, "FIGURES")
    assert page.written(once, "OTHERS") == once.replace("FIGURES", "OTHERS")
    assert once.partition(page.BEGIN)[0] == text.partition(page.BEGIN)[0]
    assert once.partition(page.END)[2] == text.partition(page.END)[2]


def test_a_page_without_marks_is_refused(page) -> None:
    with pytest.raises(ValueError, match="no lines"):
        page.written("nothing here", "FIGURES")


def test_a_row_has_its_command_and_the_table_its_machine(page) -> None:
    from gansmith.apps.bench.clocks import Spread

    text = page.table([("a over b", "2 [1, 3]", "≥ 1.3", "`python x.py`")], Spread(1.0, 0.5, 2.0))
    assert "| a over b | 2 [1, 3] | ≥ 1.3 | `python x.py` |" in text
    assert "load average 1.0" in text
    assert "torch" in text


def test_a_benchmark_that_misses_its_target_is_still_read(page, tmp_path: Path) -> None:
    script = tmp_path / "some.py"
    script.write_text(
        f"import sys; print('x'); print({json.dumps(json.dumps({'r': 1}))}); sys.exit(1)"
    )
    assert page._json(str(script)) == {"r": 1}
    assert page._spread([1.23456, 1.0, 2.0]) == "1.23 [1, 2]"
    assert page._spread({"median": 0.5, "low": 0.25, "high": 0.75}) == "0.5 [0.25, 0.75]"


def test_a_benchmark_that_fails_does_not_lose_the_others(page, monkeypatch) -> None:
    monkeypatch.setitem(page.BENCHES, "scores", lambda seconds: [][-1])
    row = ("scores", "failed (IndexError)", "", "`benchmarks/page.py --only scores`")
    assert page._rows("scores", 1.0) == [row]
