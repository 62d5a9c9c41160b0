"""Write the pages of the doctor's codes, in every language, from its catalogue and texts.

`python scripts/doctor_pages.py` writes `docs/doctor/GS….md`, `docs/doctor/zh/GS….md` and the two
tables of all codes; `--check` says which of them are not up to date, and ends with 1 if any is.
"""

import argparse
import re
import sys
from pathlib import Path

from gansmith.doctor import CATALOGUE, LANGUAGES, examples, page, texts
from gansmith.doctor.catalogue import ROOMS
from gansmith.doctor.findings import JOINTS

DOCS = Path(__file__).resolve().parents[1] / "docs"
MADE = "<!-- made by scripts/doctor_pages.py: change the texts, not this page -->"
WORDS = {
    "en": {
        "error": "error",
        "warning": "warning",
        "advice": "advice",
        "wiring": "Wiring of the loop",
        "settings": "Settings",
        "dynamics": "What shows while training",
        "data": "Data",
        "evidence": "Evidence",
        "cause": "Cause",
        "mend": "Mend",
        "example": "Example",
        "wrong": "Wrong:",
        "right": "Right:",
        "source": "Source",
        "all": "All codes",
        "code": "code",
        "name": "name",
        "severity": "severity",
        "other": "中文",
        "title": "The doctor's codes",
        "about": (
            "A finding has a code that keeps its meaning, the evidence it rests on, a cause and a "
            "mend. `error`: it cannot learn, or not what is meant. `warning`: it learns worse or "
            "may fail. `advice`: better is to be had. Words in ‹› stand for what was measured or "
            "set."
        ),
        "usage": (
            "TARGET is a `.yaml` of settings, the name of a recipe, or the folder of a run. The "
            "exit code is 0 for healthy, 1 for errors or warnings, 2 for a target that cannot be "
            "read. `--json` prints one object, `--language zh` tells it in Chinese. `gansmith "
            "train` says the same in one line each before its first step."
        ),
    },
    "zh": {
        "error": "错误",
        "warning": "警告",
        "advice": "建议",
        "wiring": "训练循环的接线",
        "settings": "设置",
        "dynamics": "训练中显现的问题",
        "data": "数据",
        "evidence": "证据",
        "cause": "原因",
        "mend": "对策",
        "example": "示例",
        "wrong": "错误的写法：",
        "right": "正确的写法：",
        "source": "文献",
        "all": "全部代码",
        "code": "代码",
        "name": "名称",
        "severity": "级别",
        "other": "English",
        "title": "诊断代码",
        "about": (
            "每条诊断都有含义不变的代码、所依据的证据、原因和对策。错误：学不会，或学到的不是想要的；"
            "警告：学得更差，或可能失败；建议：还可以更好。‹› 中的词代表实际测得或设定的值。"
        ),
        "usage": (
            "目标可以是设置文件（`.yaml`）、配方名或训练文件夹。退出码 0 表示健康，"
            "1 表示有错误或警告，2 表示目标无法读取。`--json` 输出一个对象，"
            "`--language zh` 用中文说明。`gansmith train` 在第一步之前也会各用一行说出同样的内容。"
        ),
    },
}


def shown(template: str, language: str) -> str:
    """A text whose values are not known yet: ``{gamma:g}`` becomes ‹gamma›."""
    whole = JOINTS[language].join(template.splitlines())
    return re.sub(r"\{(\w+)(?:[^{}]*)\}", r"‹\1›", whole).strip()


def other(language: str) -> str:
    """The language that a page links to."""
    return LANGUAGES[(LANGUAGES.index(language) + 1) % len(LANGUAGES)]


def link(code: str, language: str) -> str:
    """From a page to its twin."""
    return f"{other(language)}/{code}.md" if language == "en" else f"../{code}.md"


def written(code: str, language: str) -> str:
    """The page of a code."""
    words, text, disorder = WORDS[language], texts(language)[code], CATALOGUE[code]
    parts = [
        f"# {code} {disorder.name}",
        MADE,
        f"**{words[disorder.severity]}** · [{words['all']}](index.md) · "
        f"[{words['other']}]({link(code, language)})",
    ]
    for key in ("evidence", "cause", "mend"):
        parts += [f"## {words[key]}", shown(text[key], language)]
    if code in examples():
        example = examples()[code]
        parts.append(f"## {words['example']}")
        for key in ("wrong", "right"):
            parts += [words[key], f"```{example['language']}\n{example[key].strip()}\n```"]
    parts += [f"## {words['source']}", f"{disorder.source}"]
    return "\n\n".join(parts) + "\n"


def table(language: str) -> str:
    """All codes by room."""
    words = WORDS[language]
    parts = [
        f"# {words['title']}",
        MADE,
        f"[{words['other']}]({link('index', language)})",
        words["about"],
        "```sh\ngansmith doctor runs/demo\n```",
        words["usage"],
    ]
    for room, disorders in ROOMS.items():
        if not disorders:
            continue
        head = (words["code"], words["name"], words["severity"])
        rows = [f"| {' | '.join(head)} |", "| --- | --- | --- |"]
        rows += [
            f"| [{code}]({code}.md) | {each.name} | {words[each.severity]} |"
            for code, each in disorders.items()
        ]
        parts += [f"## {words[room]}", "\n".join(rows)]
    return "\n\n".join(parts) + "\n"


def pages() -> dict[Path, str]:
    """Every page by its place."""
    found = {}
    for language in LANGUAGES:
        found[DOCS / page("index", language)] = table(language)
        found |= {DOCS / page(code, language): written(code, language) for code in CATALOGUE}
    return found


def stale(wanted: dict[Path, str]) -> list[Path]:
    """Pages that are missing, differ from what they are to be, or are of no code."""
    there = [*DOCS.glob("doctor/GS*.md"), *DOCS.glob("doctor/*/GS*.md")]
    different = [
        path
        for path, text in wanted.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    return different + [path for path in there if path not in wanted]


def main() -> None:
    """Write the pages, or say which are not up to date."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 if stale")
    wanted = pages()
    found = stale(wanted)
    if parser.parse_args().check:
        for path in found:
            print(f"{path.relative_to(DOCS.parent)} is not up to date")
        sys.exit(1 if found else 0)
    for path in found:
        if path in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], encoding="utf-8")
        else:
            path.unlink()
    print(f"{len(found)} pages written or removed, {len(wanted)} in all")


if __name__ == "__main__":
    main()
