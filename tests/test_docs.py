"""What the pages tell a developer to do is done here as written."""

import re
import shlex
import shutil
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
import typer

from gansmith import cli
from gansmith.cli.refusals import plain

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TUTORIALS = ROOT / "docs" / "tutorials"


def blocks(page: str, after: str) -> list[str]:
    """The Python blocks of a page, from a heading on."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text[text.index(after) :], re.DOTALL)


def test_the_loss_of_five_minutes_works_as_it_is_written() -> None:
    sides, line = blocks("architecture.md", "**A loss.**")[:2]
    adversarial = import_module("gansmith.losses.adversarial")  # the file, not its function
    room = dict(vars(adversarial))
    exec(sides, room)
    losses = eval("{" + line + "}", room)
    (name,) = losses
    assert name not in adversarial.LOSSES  # else another example is due
    loss, real, fake = losses[name], torch.tensor([2.0, 0.0]), torch.tensor([-3.0, 0.5])
    assert float(loss.d_loss(real, fake)) == (0 + 1.5) / 2  # margins of 5 and −0.5
    assert float(loss.g_loss(real, fake)) == (6.0 + 0.5) / 2
    for side in (loss.d_loss, loss.g_loss):
        assert re.search(r"\b(19|20)\d\d\b", side.__doc__)


# --- commands


def fenced(text: str) -> list[list[str]]:
    """The words of every ``gansmith`` command in the ``sh`` blocks of a page, without comments."""
    found = []
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["gansmith"]:
                found.append(words[1:])
    return found


def commands() -> list[str]:
    """Each command once, as one line."""
    pages = (page.read_text(encoding="utf-8") for page in PAGES)
    return sorted({shlex.join(words) for text in pages for words in fenced(text)})


def parsed(words: list[str]) -> dict[str, Any]:
    """What the command line makes of the words: options and values, nothing is run.

    Raises:
        click's usage error: for an unknown command, option or value.
    """
    command, name, told = typer.main.get_command(cli.app), "gansmith", dict[str, Any]()
    while True:
        context = command.make_context(name, list(words))
        told |= context.params
        # A group keeps the name of its command apart from the rest of the words.
        rest = [*getattr(context, "_protected_args", []), *context.args]
        if not (hasattr(command, "commands") and rest):
            return told | {"command": name}
        name, command, words = command.resolve_command(context, rest)


def check(words: list[str]) -> None:
    """What can be wrong with a command other than ``train``, without its runs and data.

    Raises:
        click's usage error, UserError or AssertionError: naming what is not known.
    """
    from gansmith.config import build, nest, parse_assignment
    from gansmith.recipes import recipe

    told = parsed(words)
    named = told.get("recipe") or (told["name"] if told["command"] == "recipes" else None)
    settings = dict(recipe(named).settings) | {"recipe": named} if named else {}
    build(settings, nest(parse_assignment(text) for text in told.get("set_") or []))
    if told["command"] == "study":
        from gansmith.recipes.questions import QUESTIONS

        asked = told.get("question")
        assert asked is None or asked in {*QUESTIONS, "grid"}, f"no study asks {asked!r}"


Run = Callable[[list[str]], tuple[int, str]]


@pytest.fixture
def shown(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    pictures: Path,
) -> Run:
    """Runs a command line where some folders hold images: (exit code, output)."""
    sides = ("drawings", "colours", "sketches", "paintings", "pairs/A", "pairs/B")
    for folder in ("photos", "seen", "shards", *sides):
        shutil.copytree(pictures, tmp_path / folder)
    monkeypatch.chdir(tmp_path)

    def run(words: list[str]) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["gansmith", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out + err

    return run


@pytest.mark.parametrize("line", commands())
def test_a_command_on_a_page_is_one(line: str, shown: Run, tmp_path: Path) -> None:
    words = shlex.split(line)
    if words[:1] == ["train"]:
        code, output = shown([*words, "--dry-run"])
        to_fetch = "run: gansmith data get " in output  # a public set, which tests lack
        assert code == 0 or to_fetch, output
        assert not (tmp_path / "runs").exists()
    else:
        check(words)


def test_commands_are_found_and_comments_are_not() -> None:
    page = "```sh\nmake x\ngansmith train a \\\n  --budget 5m  # slow\n# gansmith no\n```\n"
    assert fenced(page) == [["train", "a", "--budget", "5m"]]
    assert fenced(page.replace("```sh", "```python")) == []
    assert len(commands()) > 20


@pytest.mark.parametrize(
    "line",
    [
        "trian photos/",
        "evaluate runs/a --agianst photos/",
        "sample runs/a -n many",
        "sample",
        "recipes dcgam",
        "data got fashion",
    ],
)
def test_a_command_that_is_none_is_found(line: str) -> None:
    with pytest.raises(Exception) as error:
        check(line.split())
    assert plain(error.value), f"{error.value!r} is not one that a user would be told"


@pytest.mark.parametrize("line", ["train --recipe imagse", "train photso/", "train --set los=ns"])
def test_a_training_command_that_is_none_is_found(line: str, shown: Run) -> None:
    code, output = shown([*line.split(), "--dry-run"])
    assert code == 2, output


# --- tutorials


def tutorials(suffix: str) -> list[Path]:
    pages = sorted(TUTORIALS.glob(f"*{suffix}"))
    return [page for page in pages if suffix == ".zh.md" or ".zh." not in page.name]


def test_every_tutorial_is_there_in_both_languages() -> None:
    english, chinese = tutorials(".md"), tutorials(".zh.md")
    assert [page.stem for page in english] == [page.stem.removesuffix(".zh") for page in chinese]
    assert len(english) == 6  # five, and the index
    for one, other in zip(english, chinese, strict=True):
        ours, theirs = (page.read_text(encoding="utf-8") for page in (one, other))
        for what in (
            r"^#+(?= )",  # headings
            r"^\$\$.*",  # formulas
            r"<!--.*?-->",  # places of tables
            r"`test_\w+`",
            r"^\|[ -]",  # rows of tables
        ):
            found = [re.findall(what, text, re.MULTILINE) for text in (ours, theirs)]
            found = [[item.strip() for item in items] for items in found]
            assert found[0] == found[1], f"{other.name} differs from {one.name} in {what}"
        assert fenced(ours) == fenced(theirs)


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.zh.md")), ids=lambda p: p.name)
def test_a_page_in_chinese_says_what_its_english_one_says(page: Path) -> None:
    """The same commands, headings and tables, row by row; and each leads to the other."""
    other = page.with_name(page.name.replace(".zh.md", ".md"))
    ours, theirs = (each.read_text(encoding="utf-8") for each in (page, other))
    assert fenced(ours) == fenced(theirs)
    for what in (r"^#+(?= )", r"^\|[ -]", r"!\[[^]]*\]\(([^)]+)\)", r"^- "):
        found = [re.findall(what, text, re.MULTILINE) for text in (ours, theirs)]
        assert found[0] == found[1], f"{page.name} differs from {other.name} in {what}"
    assert f"]({other.name})" in ours
    assert f"]({page.name})" in theirs


@pytest.mark.parametrize("page", sorted(TUTORIALS.glob("*.md")), ids=lambda page: page.name)
def test_a_tutorial_names_tests_that_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name, link in re.findall(r"\[`(test_\w+)`\]\(([^)]+)\)", text):
        source = (page.parent / link).read_text(encoding="utf-8")
        assert f"\ndef {name}(" in source, f"{page.name}: {link} has no {name}"
    named = set(re.findall(r"`(test_\w+)`", text))
    assert named == set(re.findall(r"\[`(test_\w+)`\]\(", text))  # none without its link


def test_every_fault_with_a_test_is_on_a_page() -> None:
    source = (ROOT / "tests" / "tutorials" / "test_common_faults.py").read_text(encoding="utf-8")
    text = "".join(page.read_text(encoding="utf-8") for page in TUTORIALS.glob("*.md"))
    for name in re.findall(r"^def (test_\w+)\(", source, re.MULTILINE):
        assert f"`{name}`" in text, f"no page names {name}"


@pytest.mark.parametrize("page", sorted(TUTORIALS.glob("*.md")), ids=lambda page: page.name)
def test_formulas_survive_the_forge(page: Path) -> None:
    """What markdown would change or hide: escapes of punctuation, tags, maths inside a word."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.M)
    text = re.sub(r"`[^`\n]*`", "code", text)
    shown_apart = re.findall(r"^\$\$(.*)\$\$$", text, re.MULTILINE)
    rest = re.sub(r"^\$\$.*\$\$$", "", text, flags=re.MULTILINE)
    inline = list(re.finditer(r"\$([^$\n]+)\$", rest))
    assert rest.count("$") == 2 * len(inline), "a dollar sign without its pair on the line"
    for formula in [*shown_apart, *(match[1] for match in inline)]:
        assert not re.search(r"\\[^a-zA-Z]|[<>*]|\]\(", formula), formula
    for match in inline:  # no letter or full-width sign may touch the dollars
        before, after = rest[match.start() - 1], rest[match.end()]
        assert re.match(r"[\s(\[]", before), match[0]
        assert re.match(r"[\s.,:;)\]-]", after), match[0]
