"""What is wrong with a setting, in one line and plain words."""

import reprlib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from gansmith.config.section import Section, kinds
from gansmith.config.settings import Config, known_keys
from gansmith.errors import UserError, nearest_setting

_PLAIN = {
    "int": "expected a whole number",
    "float": "expected a number",
    "bool": "expected true or false",
    "string": "expected text",
    "tuple": "expected HEIGHTxWIDTH",
    "model": "expected a group of settings",
    "dict": "expected a group of settings",
    "missing": "expected HEIGHTxWIDTH",
    "too": "expected HEIGHTxWIDTH",
    "finite": "must be a finite number",
}


def _plainly(error: Mapping[str, Any], key: str) -> str:
    """A validation error in words that do not ask for knowledge of Python's types."""
    kind, message = str(error["type"]), str(error["msg"]).removeprefix("Value error, ")
    limits = error.get("ctx", {})
    if kind == "literal_error":
        text = f"expected {limits['expected']}"
    elif kind == "string_too_short":
        text = "must not be empty"
    elif kind.startswith(("greater_than", "less_than")):
        text = message.replace("Input should be", "must be")
        text = text.replace("greater than or equal to", "at least")
        text = text.replace("less than or equal to", "at most")
    else:
        text = _PLAIN.get(kind.partition("_")[0], message[:1].lower() + message[1:])
    also_auto = text.startswith("expected") and "auto" in _values(key) and "auto" not in text
    return f"{text} or 'auto'" if also_auto else text


def _values(key: str) -> list[Any]:
    """The types and values that the setting of a dotted key may take."""
    section: Any = Config
    for part in key.split(".") if key else []:
        field = section.model_fields.get(part) if issubclass(section, Section) else None
        if field is None:
            return []
        section = field.annotation if isinstance(field.annotation, type) else Section
        found = kinds(field.annotation)
    return found if key else []


def one_line(error: ValidationError, where: str) -> UserError:
    """The first error of a validation; ``where`` begins the line."""
    first = error.errors()[0]
    known = known_keys()
    where = f"{where}: " if where else ""
    parts = [str(part) for part in first["loc"]]
    if first["type"] in ("extra_forbidden", "invalid_key"):
        key = ".".join(part for part in parts if part != "[key]")
        hint = nearest_setting(key, known) or f"; known: {', '.join(known[:6])}, ..."
        return UserError(f"{where}unknown setting {key!r}{hint}")
    while parts and ".".join(parts) not in known:
        parts.pop()  # the branch of a union that pydantic tried, not a setting
    key = ".".join(parts)
    text, given = _plainly(first, key), first.get("input")
    shown = reprlib.repr(given) if isinstance(given, str | int | float | bool | None) else ""
    got = f" (got {shown})" if shown and shown not in text else ""
    subject = f"{key}: " if key and not text.startswith(key) else ""
    return UserError(f"{where}{subject}{text}{got}")
