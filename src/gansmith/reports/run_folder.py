"""What a run folder holds, read once, for the page and the card alike."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gansmith.config import read_yaml
from gansmith.errors import UserError
from gansmith.reports.log_reader import Log, number, read_log

GALLERIES = {
    "nearest": "Generated images (first column) and the training images nearest to them by their "
    "features, the nearest pair first. Pairs that look like one picture would be copies.",
    "typical": "The generated images that lie deepest among the real ones.",
    "worst": "The generated images that lie farthest from any real one.",
}


@dataclass(frozen=True)
class Sheet:
    """One sample sheet: its file, its step, and the images seen by then (NaN when unknown)."""

    path: Path
    step: int
    images: float


@dataclass(frozen=True)
class Run:
    """A run folder, read. Whatever is missing or unreadable in it is empty here."""

    folder: Path
    name: str
    config_text: str
    settings: dict[str, Any]  # dotted key -> value, as config.yaml has them
    log: Log
    sheets: tuple[Sheet, ...]
    scores: dict[str, dict[str, Any]]
    generator: dict[str, Any]  # generator/config.json

    @property
    def data(self) -> Mapping[str, Any]:
        """The `DataInfo` of the start event; empty when the run has not started."""
        return mapping(self.log.start.get("data"))

    @property
    def noun(self) -> str:
        """What one sample is: an ``image`` or a ``point``."""
        return "point" if self.data.get("kind") == "points" else "image"


def mapping(value: Any) -> dict[str, Any]:
    """``value`` if it is a mapping with text keys, else an empty one."""
    return {str(key): one for key, one in value.items()} if isinstance(value, Mapping) else {}


def read_run(folder: Path) -> Run:
    """Read a run folder, complete or not.

    Raises:
        UserError: if it is no folder, or holds neither ``log.jsonl`` nor ``config.yaml``.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such run folder")
    if not (folder / "log.jsonl").is_file() and not (folder / "config.yaml").is_file():
        raise UserError(f"{folder}: not a run folder (it has no log.jsonl and no config.yaml)")
    log = read_log(folder / "log.jsonl")
    return Run(
        folder=folder,
        name=folder.resolve().name,
        config_text=_text(folder / "config.yaml"),
        settings=_settings(folder / "config.yaml"),
        log=log,
        sheets=_sheets(folder / "samples", log),
        scores=_scores(folder / "scores.json", log),
        generator=_json(folder / "generator" / "config.json"),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _json(path: Path) -> dict[str, Any]:
    try:
        return mapping(json.loads(_text(path) or "{}"))
    except (ValueError, RecursionError):
        return {}


def _settings(path: Path) -> dict[str, Any]:
    try:
        return flatten(read_yaml(path))
    except UserError:
        return {}


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """``{"optim": {"lr": 1}}`` becomes ``{"optim.lr": 1}``."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _sheets(folder: Path, log: Log) -> tuple[Sheet, ...]:
    # After a resume, sheets beyond what is logged are those of the attempt that was taken back.
    furthest = log.reached("step") if log.resumes else float("inf")
    found = []
    for path in sorted(folder.glob("step-*.png")):
        match = re.fullmatch(r"step-(\d+)\.png", path.name)
        if match and path.is_file() and not int(match[1]) > furthest:
            step = int(match[1])
            found.append(Sheet(path, step, log.images_at(step)))
    return tuple(sorted(found, key=lambda one: one.step))


def _scores(path: Path, log: Log) -> dict[str, dict[str, Any]]:
    """``scores.json``, bare or under a ``scores`` key; else the log's last ``scores`` event.

    Scores of an earlier step are none of the generator that is in the folder now.
    """
    written = _json(path)
    told = written or (log.scores[-1] if log.scores else {})
    if log.reached("step") > number(told.get("step")):
        return {}
    tree = mapping(told.get("scores")) or told
    return {
        name: mapping(score)
        for name, score in tree.items()
        if number(mapping(score).get("value")) == number(mapping(score).get("value"))
    }
