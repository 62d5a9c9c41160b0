"""The failure suite: is the doctor right, how soon, how often is it wrong, and does repair help?

    python benchmarks/doctor.py --half tuning     # while rules are being changed
    python benchmarks/doctor.py                   # both halves

Every visit is written into a journal as it ends; a second call goes on where the first stopped.
``--only PATTERN`` takes the cases whose name has it, ``--page FILE`` puts the tables into a page,
after its line ``<!-- figures -->``.
"""

import argparse
import os
import re
import sys
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from failures import accuracy
from failures.cases import Case, all_cases, sound
from failures.visits import Record, records, run_all

MARK = "<!-- figures -->"


def _jobs(half: str | None, only: str, repairs: bool) -> list[tuple[Case, str]]:
    """Each visit, and what the doctor may do; repairs are tried with the first seed alone."""
    chosen = [
        case for case in all_cases() if half in (None, case.half) and re.search(only, case.name)
    ]
    jobs = [(case, "advise") for case in chosen]
    if repairs:
        jobs += [(case, "auto") for case in chosen if case.repairable and case.seed % 100 == 0]
        jobs += [(_unhurt(case), "off") for case, how in jobs if how == "auto"]
    return list({f"{case.name}-{how}": (case, how) for case, how in jobs}.values())


def _unhurt(case: Case) -> Case:
    """The same run without its fault, for its score."""
    return replace(case, fault="none", codes=(), job=sound(case.size))


def _healthy_score(known: dict[str, Record], case: Case) -> float | None:
    return known.get(f"{_unhurt(case).name}-off", {}).get("score")


def report(jobs: list[tuple[Case, str]], known: dict[str, Record]) -> str:
    """All the tables, without those that have no more than a head."""
    pairs = [(c, known[f"{c.name}-{how}"]) for c, how in jobs if f"{c.name}-{how}" in known]
    seen = [(case, record) for case, record in pairs if record["repair"] == "advise"]
    parts = [
        ("Right diagnoses", accuracy.shares(seen)),
        ("False alarms", accuracy.false_alarms(seen)),
        ("The unseen half", accuracy.confusion(seen, "unseen")),
        ("The half that rules were tuned on", accuracy.confusion(seen, "tuning")),
        ("Repair", accuracy.recovery(pairs, lambda case: _healthy_score(known, case))),
        ("Visits that failed", accuracy.failed(pairs) or ["None."]),
    ]
    text = "\n\n".join(
        f"## {title}\n\n" + "\n".join(lines) for title, lines in parts if len(lines) != 2
    )
    return f"{len(seen)} visits.\n\n{text}\n"


def main() -> None:
    """Make the visits, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--half", choices=("tuning", "unseen"))
    parser.add_argument("--only", default="", help="a regular expression, sought in names")
    parser.add_argument("--no-repairs", action="store_true")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--work", type=Path, default=Path("runs/failures"))
    parser.add_argument("--page", type=Path)
    parser.add_argument("--tables", action="store_true", help="of what the journal has, and end")
    told = parser.parse_args()
    jobs = _jobs(told.half, told.only, not told.no_repairs)
    if not told.tables:
        for record in run_all(jobs, told.work, told.workers):
            print(f"{record['name']}: {record['first']} ({record['wall']} s)", file=sys.stderr)
    text = report(jobs, records(told.work / "journal.jsonl"))
    print(text)
    if told.page:
        before, mark, _ = told.page.read_text(encoding="utf-8").partition(MARK)
        if not mark:
            parser.error(f"{told.page}: no line {MARK}")
        told.page.write_text(f"{before}{mark}\n\n{text}", encoding="utf-8")


if __name__ == "__main__":
    main()
