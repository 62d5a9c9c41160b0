"""What the visits come to: right or wrong, when, false alarms, recovery, as Markdown."""

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from failures.cases import Case
from failures.visits import Record

WITHIN = 500  # steps of the fault's showing
CLOSE = 1.1  # times the healthy run's score is as good as it
Z = 1.959964


def wilson(hits: int, count: int) -> str:
    """A share with its 95 % interval. Wilson 1927."""
    if not count:
        return "–"
    p, z2 = hits / count, Z * Z
    centre = (p + z2 / (2 * count)) / (1 + z2 / count)
    half = Z * ((p * (1 - p) + z2 / (4 * count)) / count) ** 0.5 / (1 + z2 / count)
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return f"{hits} of {count} ({p:.0%}; {low:.0%} to {high:.0%})"


def _in_time(case: Case, record: Record) -> bool:
    at = record.get("seen_at")
    return at is not None and at - case.onset <= WITHIN


def right(case: Case, record: Record) -> bool:
    """The known diagnosis was said first, and in time."""
    return record["first"] in case.codes and _in_time(case, record)


def _true_too(case: Case, record: Record) -> bool:
    return record["first"] in (*case.codes, *case.also)


Pairs = Sequence[tuple[Case, Record]]


def shares(pairs: Pairs) -> list[str]:
    """Right diagnoses by half, by whether the fault is new or known, and by kind."""
    lines = [
        "| half | faults | how it was seen | right finding first, in time | or another true one |",
        "| --- | --- | --- | --- | --- |",
    ]
    faulty = [(case, record) for case, record in pairs if case.fault != "none"]
    groups = (("unseen", "new"), ("unseen", "known"), ("unseen", "all"), ("tuning", "all"))
    for half, planted in groups:
        of_group = [
            (case, record)
            for case, record in faulty
            if case.half == half and planted in (case.planted, "all")
        ]
        for kind in ("settings", "runs", "translators", "loops", "programs", "all"):
            chosen = [pair for pair in of_group if kind in (pair[0].kind, "all")]
            if chosen:
                hits = sum(right(*pair) for pair in chosen)
                true = sum(_true_too(*pair) for pair in chosen)
                lines.append(
                    f"| {half} | {planted} | {kind} | {wilson(hits, len(chosen))} | "
                    f"{true} of {len(chosen)} |"
                )
    return lines


def confusion(pairs: Pairs, half: str) -> list[str]:
    """For every fault: what it should be called, and what it was called, how often."""
    lines = [
        "| fault | seen in | should be | was called | steps until then |",
        "| --- | --- | --- | --- | --- |",
    ]
    by_fault: dict[tuple[str, str], list[tuple[Case, Record]]] = {}
    for case, record in pairs:
        if case.fault != "none" and case.half == half:
            by_fault.setdefault((case.kind, case.fault), []).append((case, record))
    for (kind, fault), group in sorted(by_fault.items()):
        case = group[0][0]
        called = Counter(record["first"] for _, record in group)
        said = ", ".join(
            f"**{code}** ×{n}" if code in case.codes else f"{code} ×{n}"
            for code, n in called.most_common()
        )
        seen = [
            (c, r)
            for c, r in group
            if r.get("seen_at") is not None and set(c.codes) & set(r["said"])
        ]
        at = [max(r["seen_at"] - c.onset, 0) for c, r in seen]
        when = f"{statistics.median(at):.0f}" if at else "–"
        lines.append(f"| {fault} | {kind} | {', '.join(case.codes)} | {said} | {when} |")
    return lines


def false_alarms(pairs: Pairs) -> list[str]:
    """Of healthy runs and loops: in how many an alarm was ever raised, and which."""
    lines = [
        "| half | healthy | ever an error | ever a warning | which |",
        "| --- | --- | --- | --- | --- |",
    ]
    for half in ("unseen", "tuning"):
        healthy = [r for c, r in pairs if c.fault == "none" and c.half == half]
        if not healthy:
            continue
        raised = {
            grade: [r for r in healthy if any(a[2] == grade for a in r["alarms"])]
            for grade in ("error", "warning")
        }
        which = Counter(
            f"{alarm[1]} ({r['kind']}, {r['size']})"
            for r in healthy
            for alarm in r["alarms"]
            if alarm[2] != "advice"
        )
        named = "; ".join(f"{name} ×{n}" for name, n in which.most_common()) or "–"
        errors, warnings = (wilson(len(raised[g]), len(healthy)) for g in ("error", "warning"))
        lines.append(f"| {half} | {len(healthy)} | {errors} | {warnings} | {named} |")
    return lines


def recovery(pairs: Pairs, healthy: Callable[[Case], float | None]) -> list[str]:
    """Of what can be mended: the score with repairs off, with them, and of the healthy run."""
    lines = [
        "| fault | size | seed | healthy | left alone | `--repair auto` | within 10 % |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    by_name = {(c.name, r["repair"]): r for c, r in pairs}
    tried = mended = 0
    for case, record in pairs:
        if not case.repairable or record["repair"] != "auto":
            continue
        alone = by_name.get((case.name, "advise"), {}).get("score")
        good, auto = healthy(case), record.get("score")
        near = good is not None and auto is not None and auto <= CLOSE * good
        tried, mended = tried + 1, mended + near
        cells = (_shown(each) for each in (good, alone, auto))
        lines.append(
            f"| {case.fault} | {case.size} | {case.seed} | {' | '.join(cells)} | "
            f"{'yes' if near else 'no'} |"
        )
    return [*lines, "", f"Brought within 10 %: {wilson(mended, tried)}."]


def _shown(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.3g}"


def failed(pairs: Iterable[tuple[Case, Record]]) -> list[str]:
    """Visits that ended in an error of ours."""
    return [f"- {r['name']}: {r['failed']}" for _, r in pairs if r.get("failed")]
