"""Findings at the terminal: in full, or one line each."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from gansmith.doctor import Finding, Severity, told

if TYPE_CHECKING:
    from gansmith.apps.diagnosing import Diagnosis

COLOURS: dict[Severity, str] = {"error": "bold red", "warning": "yellow", "advice": "cyan"}
MOST_LINES = 5
WORDS = {
    "en": {
        "error": "error",
        "warning": "warning",
        "advice": "advice",
        "step": "step {step}",
        "cause": "cause",
        "mend": "mend",
        "page": "page",
        "clean": "nothing found",
        "healthy": "healthy",
        "unhealthy": "not healthy",
        "gone": "{code} is gone",
        "trying": "trying {act}",
        "more": "and {count} more: {command}",
    },
    "zh": {
        "error": "错误",
        "warning": "警告",
        "advice": "建议",
        "step": "第 {step} 步",
        "cause": "原因",
        "mend": "对策",
        "page": "详见",
        "clean": "没有发现问题",
        "healthy": "健康",
        "unhealthy": "不健康",
        "gone": "{code} 已消失",
        "trying": "正在尝试：{act}",
        "more": "另有 {count} 条：{command}",
    },
}


def show_diagnosis(diagnosis: "Diagnosis", language: str = "en") -> None:
    """Each finding with its evidence, cause, mend and page; then the verdict."""
    console, words = Console(highlight=False), WORDS[language]
    for finding in diagnosis.findings:
        _show(console, finding, language)
    verdict = words["healthy"] if diagnosis.healthy else words["unhealthy"]
    counts = Counter(finding.severity for finding in diagnosis.findings)
    rest = ", ".join(f"{words[each]}: {counts[each]}" for each in COLOURS if counts[each])
    rest = rest or words["clean"]
    console.print(f"{escape(diagnosis.target)}: {verdict} ({rest})", soft_wrap=True)


def _show(console: Console, finding: Finding, language: str) -> None:
    text, words = told(finding, language), WORDS[language]
    colour = COLOURS[finding.severity]
    parts = [escape(finding.where)] if finding.where else []
    if finding.step is not None:
        parts.append(words["step"].format(step=f"{finding.step:,}"))
    place = f"  [dim]{', '.join(parts)}[/]" if parts else ""
    head = f"[{colour}]{finding.code} {finding.name}[/]  {words[finding.severity]}{place}"
    console.print(head, soft_wrap=True)
    for key in ("evidence", "cause", "mend", "page"):
        label = f"[dim]{words[key]}:[/] " if key in words else ""
        folder = "docs/" if key == "page" else ""
        console.print(Padding(f"{label}{folder}{escape(text[key])}", (0, 0, 0, 2), expand=False))
    console.print()


def one_liners(findings: Sequence[Finding], target: str, language: str = "en") -> list[str]:
    """Code, name and mend of the first findings, plain text, and how to see the others.

    Args:
        target: what ``gansmith doctor`` is to be given.
        language: of the texts.
    """
    words = WORDS[language]
    lines = []
    for finding in findings[:MOST_LINES]:
        mend = told(finding, language)["mend"]
        lines.append(f"{words[finding.severity]} {finding.code} {finding.name}: {mend}")
    if len(findings) > MOST_LINES:
        command = f"gansmith doctor {target}" + (
            "" if language == "en" else f" --language {language}"
        )
        lines.append(words["more"].format(count=len(findings) - MOST_LINES, command=command))
    return lines
