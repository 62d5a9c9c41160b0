"""A study's answer in plain words, which claims no more than was shown."""

from collections.abc import Mapping, Sequence
from typing import Any

from gansmith.metrics.comparing import Standing
from gansmith.reports.words import MISSING, alike, joined, significant, some

THIRDS_FROM = 6  # arms: of fewer a third says nothing


def score_text(row: Mapping[str, Any]) -> str:
    """``0.112 [0.094, 0.138]``; the bare score where one seed has no interval."""
    if row["score"] is None:
        return MISSING
    if row["low"] is None:
        return significant(row["score"])
    value, low, high = alike(row["score"], row["low"], row["high"])
    return f"{value} [{low}, {high}]"


def success_text(row: Mapping[str, Any]) -> str:
    """``3 of 3 (44 to 100 %)``."""
    told = row["success"]
    if not told["of"]:
        return MISSING
    return f"{told['count']} of {told['of']} ({told['low']:.0%} to {told['high']:.0%})"


def _caveats(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Arms whose mean is over fewer seeds than it might look."""
    found = []
    for row in rows:
        parts = [f"{row[key]} {key}" for key in ("stopped", "failed") if row[key]]
        if parts:
            of = len(row["trials"])
            found.append(f"{row['label']}: {' and '.join(parts)} of {some(of, 'seed')}")
    if not found:
        return []
    return [f"Not every seed has a score ({'; '.join(found)}): a mean is of the others alone."]


def answer(standing: Standing, rows: Sequence[Mapping[str, Any]], metric: str, seeds: int) -> str:
    """The answer.

    Args:
        standing: what may be claimed.
        rows: the table, the best mean first.
        metric: the score's name.
        seeds: how many each arm was to have.
    """
    by_label = {row["label"]: row for row in rows}
    left = sum(row["open"] for row in rows)
    parts = [f"Not finished: {some(left, 'trial')} still to be trained."] if left else []
    if not standing.ranking:
        return " ".join([*parts, "No trial has a score yet, so there is nothing to say."])
    first = by_label[standing.ranking[0]]
    if standing.best is None:
        parts.append(
            f"{first['label']} has the best {metric} ({score_text(first)}), but nothing can be "
            f"claimed: chance alone orders the arms of {'one seed' if seeds == 1 else 'so few'}. "
            "Take three seeds or more."
        )
        return " ".join([*parts, *_caveats(rows)])
    parts += _claims(standing, by_label, metric)
    if first["label"] in standing.untested:
        lost = first["stopped"] + first["failed"]
        why = f"with {some(lost, 'seed')} stopped or failed" if lost else "of one seed"
        parts.append(f"{first['label']} has a better mean, but {why}: no claim.")
    if len(standing.ranking) >= THIRDS_FROM:
        third = len(standing.ranking) // 3
        top, bottom = standing.ranking[:third], standing.ranking[-third:]
        parts.append(
            f"By their means alone, which is no claim: top third {joined(list(top))}; bottom "
            f"third {joined(list(bottom))}."
        )
    return " ".join([*parts, *_caveats(rows)])


def _claims(
    standing: Standing, by_label: Mapping[str, Mapping[str, Any]], metric: str
) -> list[str]:
    """Who comes first, who may be as good, who is worse."""
    best, tied, worse = standing.best, list(standing.tied), list(standing.worse)
    assert best is not None
    counts = {by_label[label]["n"] for label in (best, *tied, *worse)}
    text = f"{best} has the best mean {metric}: {score_text(by_label[best])}"
    with_seeds = f"with {some(min(counts), 'seed')}" + (" or more" if len(counts) > 1 else "")
    parts = []
    if not tied:
        others = "the other" if len(worse) == 1 else f"all {len(worse)} others"
        parts.append(f"{text}. It is better than {others}.")
    elif not worse:
        parts.append(f"{text}; {with_seeds} each, no arm is shown to differ from it.")
    else:
        parts.append(f"{text}; {with_seeds} it cannot be told from {joined(tied)}.")
        parts.append(f"Worse than it: {joined(worse)}.")
    clear = [label for label in worse if all(standing.differ(label, each) for each in tied)]
    if clear and tied:
        than = joined(tied) if len(tied) == 1 else f"each of {joined(tied)}"
        parts.append(f"Of these also worse than {than}: {joined(clear)}.")
    return parts
