"""Settings as trees and as YAML: read, merged, validated, written."""

import re
import reprlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from gansmith.config.refusals import one_line
from gansmith.config.settings import Config, known_keys
from gansmith.errors import UserError, nearest_setting

# A date such as 2024-99-99 is a ValueError; a thousand brackets end in a RecursionError.
_BAD_YAML = (yaml.YAMLError, ValueError, RecursionError)


def parse_assignment(text: str) -> tuple[str, Any]:
    """Split one ``--set a.b=c``; the value is read as YAML (``1e-3``, ``true``, ``[1, 2]``)."""
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not key:
        raise UserError(f"--set {text!r} is not understood: write --set optim.lr=0.001")
    if re.fullmatch(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+", value.strip()):
        return key, float(value)  # YAML 1.1 reads 1e-3 as a string
    try:
        return key, yaml.safe_load(value)
    except _BAD_YAML:
        raise UserError(f"--set {reprlib.repr(text)}: the value is not valid YAML") from None


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A nested copy of ``base`` in which the leaves of ``changes`` win."""
    result = dict(base)
    for key, value in changes.items():
        old = result.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            result[key] = merge(old, value)
        else:
            result[key] = value
    return result


def nest(assignments: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """``[("optim.lr", 1)]`` becomes ``{"optim": {"lr": 1}}``."""
    known = known_keys()
    tree: dict[str, Any] = {}
    for key, value in assignments:
        if key not in known:
            raise UserError(f"--set: unknown setting {key!r}{nearest_setting(key, known)}")
        for part in reversed(key.split(".")):
            value = {part: value}
        tree = merge(tree, value)
    return tree


def build(*layers: Mapping[str, Any], where: str = "") -> Config:
    """Merge the layers, the last one winning, and validate; ``where`` begins an error's line.

    Raises:
        UserError: naming the first key that is unknown or out of range.
    """
    tree: dict[str, Any] = {}
    for layer in layers:
        tree = merge(tree, layer)
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise one_line(error, where) from None


def read_yaml(path: Path) -> dict[str, Any]:
    """The settings of a YAML file, by safe loading only.

    Raises:
        UserError: if the file is missing, unreadable or not a mapping.
    """
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None
    except _BAD_YAML as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{path}{line}: not valid YAML") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise UserError(f"{path}: expected settings (key: value), found a {type(tree).__name__}")
    return tree


def to_tree(config: Config) -> dict[str, Any]:
    """Plain values for YAML or JSON; the inverse of `build`."""
    tree = config.model_dump(mode="json")
    tree["budget"] = str(config.budget)
    if config.resolution != "auto":
        tree["resolution"] = "x".join(str(side) for side in config.resolution)
    return tree


def to_yaml(config: Config) -> str:
    """The configuration as YAML text, keys in the order of their definition."""
    return yaml.safe_dump(to_tree(config), sort_keys=False, allow_unicode=True)
