"""The model card opens with metadata that parses, and its words cannot turn into markup."""

import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from gansmith.errors import UserError
from gansmith.reports.card import plain, write_model_card

MakeRun = Callable[..., Path]


def front_matter(text: str) -> dict[str, object]:
    match = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    assert match
    tree = yaml.safe_load(match[1])
    assert isinstance(tree, dict)
    return tree


def test_a_card_of_a_finished_run(make_run: MakeRun) -> None:
    folder = make_run()
    path = write_model_card(folder)
    assert path == folder / "MODEL_CARD.md"
    text = path.read_text(encoding="utf-8")
    assert front_matter(text) == {
        "library_name": "gansmith",
        "license": "unknown",
        "pipeline_tag": "unconditional-image-generation",
        "tags": ["image-generation", "gan", "generative-adversarial-network", "gansmith", "resnet"],
    }
    for expected in (
        "# 手写 数字 run\n",
        "| Fréchet distance | 12.3 | 11.8 to 12.9 | lower is better |",
        "4,000 steps, 512,000 real images shown, 3 min 2 s, on 2 cores of Example CPU 9000; seed",
        "| `penalty.gamma` | 0.3 |",
        "Weights: G: 412,345, D: 398,210.",
        "gansmith.load('手写 数字 run/generator')",
        "gansmith sample '手写 数字 run' -n 64 --grid",
        "](samples/step-00004000.png)",
        "gansmith train digits --recipe images",
        "## Limits",
    ):
        assert expected in text, expected
    assert "\n\n\n" not in text
    assert "not finished" not in text


def test_lists_and_tables_stand_apart_from_the_text_above(make_run: MakeRun) -> None:
    lines = (
        write_model_card(make_run()).read_text(encoding="utf-8").split("---\n", 2)[2].split("\n")
    )
    for before, line in itertools.pairwise(lines):
        for mark in ("- ", "| "):
            if line.startswith(mark):
                assert before == "" or before.startswith(mark), (before, line)


def test_a_card_of_an_unfinished_unscored_run(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"kind": "start"}\n')
    text = write_model_card(tmp_path).read_text(encoding="utf-8")
    assert "It has not been scored." in text
    assert "No training step has been logged." in text
    assert "may not be finished" in text
    assert "nan" not in text
    with pytest.raises(UserError, match="no such run folder"):
        write_model_card(tmp_path / "none")


def test_points_are_no_image_generation(make_run: MakeRun) -> None:
    data = {"source": "ring", "kind": "points", "count": 100, "modes": [[0, 0]]}
    text = write_model_card(make_run(data=data)).read_text(encoding="utf-8")
    assert "pipeline_tag" not in front_matter(text)
    assert "real points shown" in text


def test_words_of_users_stay_words(make_run: MakeRun) -> None:
    attack = "<script>x</script>\n# heading | [a](b) `c` *d*\n---"
    data = {"source": attack, "kind": "images", "count": 1, "shape": [1, 8, 8], "notes": [attack]}
    folder = make_run(data=data, command="gansmith train ```", reasons=[])
    (folder / "scores.json").write_text(json.dumps({attack: {"value": 1, "features": attack}}))
    text = write_model_card(folder).read_text(encoding="utf-8")
    front_matter(text)
    assert "<script>" not in text
    assert "\n# heading" not in text
    assert "````sh\ngansmith train ```\n````" in text
    assert plain("a|b\n*c*") == "a\\|b \\*c\\*"
