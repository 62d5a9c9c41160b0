"""List, inspect and fetch data."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from gansmith.data import DataInfo, describe, list_sources
from gansmith.data import get as fetch
from gansmith.errors import UserError

Progress = Callable[[str, int, int], None]


def listing() -> list[dict[str, Any]]:
    """The named sources as plain values."""
    return [asdict(source) for source in list_sources()]


def listing_text() -> str:
    """The named sources, one line each, and how to get the ones that are not here."""
    lines, sources = [], list_sources()
    width = max(len(source.name) for source in sources)
    for source in sources:
        state = "ready" if source.ready else source.how
        shape = "x".join(map(str, source.shape))
        lines.append(f"{source.name:{width}} {source.count:>7,} {source.kind} {shape:8} {state}")
        lines.append(f"{'':{width}} {source.about} ({source.licence})")
    lines.append(
        "or a folder of images, .zip, .npz, IDX file, packed folder, shards, hub name (owner/name)"
    )
    return "\n".join(lines)


def get(name: str, source: Path | None, progress: Progress | None) -> Path:
    """Fetch a named data set into the cache; see `gansmith.data.get` for the errors."""
    return fetch(name, source, progress)


def inspect(source: str, split: str) -> dict[str, Any]:
    """What a source holds: its `DataInfo` as plain values."""
    info: DataInfo = describe(source, split=split)
    with suppress(UserError):  # unlabelled
        info = replace(info, classes=describe(source, split=split, labels=True).classes)
    return asdict(info)


def inspect_text(info: dict[str, Any]) -> str:
    """`inspect` for people."""
    shape = " x ".join(map(str, info["shape"]))
    lines = [f"{info['source']}: {info['count']:,} {info['kind']} of {shape}"]
    if info["classes"]:
        names = ", ".join(info["classes"][:12])
        more = ", ..." if len(info["classes"]) > 12 else ""
        lines.append(f"{len(info['classes'])} classes for --conditional: {names}{more}")
    return "\n".join([*lines, *(f"- {note}" for note in info["notes"])])
