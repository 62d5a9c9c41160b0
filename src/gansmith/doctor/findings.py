"""A finding: a disorder, the numbers that show it, and the words for both."""

import functools
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import yaml

from gansmith.doctor.catalogue import CATALOGUE, ROOMS, SEVERITIES, Severity
from gansmith.errors import UserError

LANGUAGES = ("en", "zh")
JOINTS = {"en": " ", "zh": ""}  # between sentences
HEALTHY, EARLY = "healthy", "too early to tell"  # verdicts where nothing is found
Value = float | int | str
Values = dict[str, Value]
_SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Finding:
    """One disorder, seen.

    Attributes:
        code: an entry of `CATALOGUE`.
        values: the evidence by name, as measured or as set: all that the text may quote.
        step: of the game; None before the first one.
        where: the setting, layer, data source or line that it is about, as a user would find it.
        certainty: 0 to 1, by which findings of one severity are ordered.
    """

    code: str
    values: Mapping[str, Value] = field(default_factory=dict)
    step: int | None = None
    where: str = ""
    certainty: float = 1.0

    @property
    def name(self) -> str:
        return CATALOGUE[self.code].name

    @property
    def severity(self) -> Severity:
        return CATALOGUE[self.code].severity


def own_yaml(path: Traversable) -> Any:
    """A table of the package's own, by libyaml where there is one: seconds less at each start.

    Not for a user's file: libyaml does not survive a hundred thousand brackets.
    """
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_SafeLoader)


@functools.cache
def texts(language: str) -> dict[str, dict[str, str]]:
    """``evidence`` (a format string of a finding's values), ``cause`` and ``mend`` by code.

    Evidence in several lines is told as far as it was seen: line by line, without those of which a
    value was not measured.

    Raises:
        UserError: for a language that there is no text in.
    """
    if language not in LANGUAGES:
        raise UserError(f"language {language!r} is not known: use one of {', '.join(LANGUAGES)}")
    folder = resources.files("gansmith") / "assets" / "doctor" / language
    found: dict[str, dict[str, str]] = {}
    for room in ROOMS:
        found |= own_yaml(folder / f"{room}.yaml")
    return found


def told(finding: Finding, language: str = "en") -> dict[str, Any]:
    """What ``--json`` prints of a finding, and what a page or a terminal shows.

    Returns:
        ``code``, ``name``, ``severity``, ``where``, ``evidence``, ``cause``, ``mend``, ``step``,
        ``page`` (relative to the docs) and ``values``. The texts quote nothing but the values.
    """
    text, values = texts(language)[finding.code], dict(finding.values)
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity,
        "where": finding.where,
        "evidence": _seen(text["evidence"], values, language),
        "cause": text["cause"].format(**values),
        "mend": text["mend"].format(**values),
        "step": finding.step,
        "page": page(finding.code, language),
        "values": values,
    }


def _seen(template: str, values: Values, language: str) -> str:
    """The evidence, without the lines whose values are absent; one line must have all of them.

    Raises:
        KeyError: if there is nothing left to tell.
    """
    lines = template.splitlines()
    told_lines = [line for line in lines if _quoted(line) <= values.keys()] or lines[:1]
    return JOINTS[language].join(line.format(**values) for line in told_lines)


def _quoted(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def as_record(finding: Finding) -> dict[str, Any]:
    """The fields of a finding in ``log.jsonl``; its texts too, for those who only read the log."""
    words = {language: told(finding, language) for language in LANGUAGES}
    return {
        "step": finding.step,
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity,
        "values": dict(finding.values),
        "where": finding.where,
        "certainty": round(finding.certainty, 3),
        "told": {
            language: {key: said[key] for key in ("evidence", "cause", "mend")}
            for language, said in words.items()
        },
    }


def verdict_of(finding: Finding | None) -> str:
    """``healthy``, or the code and the name of the gravest finding."""
    return HEALTHY if finding is None else f"{finding.code} {finding.name}"


def page(code: str, language: str = "en") -> str:
    """The page of a code, relative to ``docs``."""
    return f"doctor/{code}.md" if language == "en" else f"doctor/{language}/{code}.md"


@functools.cache
def examples() -> dict[str, dict[str, str]]:
    """By code what is ``wrong`` and what is ``right``, as a page shows them.

    ``language`` is that of both: ``yaml`` of settings and data, ``python`` else, unless it says so.
    A code may have none.
    """
    folder = resources.files("gansmith") / "assets" / "doctor" / "examples"
    found: dict[str, dict[str, str]] = {}
    for room in ROOMS:
        language = "yaml" if room in ("settings", "data") else "python"
        tree = own_yaml(folder / f"{room}.yaml") or {}
        found |= {code: {"language": language} | each for code, each in tree.items()}
    return found


def gravest(findings: Iterable[Finding]) -> list[Finding]:
    """The findings with the gravest and surest first; of equals the lower code."""
    return sorted(
        findings, key=lambda each: (SEVERITIES.index(each.severity), -each.certainty, each.code)
    )
