"""The failure suite in `benchmarks/failures`: its cases are sound, and its tables count rightly."""

import sys
from collections import Counter
from pathlib import Path

import pytest

from gansmith.apps.settling import settings
from gansmith.doctor import CATALOGUE

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from failures import accuracy, cases, visits  # noqa: E402

CASES = cases.all_cases()
FAULTY = [case for case in CASES if case.fault != "none"]


def test_it_is_as_large_as_was_promised() -> None:
    assert len({case.fault for case in FAULTY}) >= 30
    assert len([case for case in CASES if case.fault == "none"]) >= 50
    assert {case.size for case in FAULTY} == {"toy", "digits-mlp", "digits-conv"}
    assert len({case.name for case in CASES}) == len(CASES)


def test_every_code_is_one_of_the_doctors() -> None:
    for case in FAULTY:
        assert case.codes, case.name
        assert set(case.codes) | set(case.also) <= CATALOGUE.keys(), case.name


def test_no_fault_and_no_seed_is_in_both_halves() -> None:
    halves: dict[tuple[str, str], set[str]] = {}
    seeds: dict[str, set[int]] = {"tuning": set(), "unseen": set()}
    for case in CASES:
        if case.fault != "none":
            halves.setdefault((case.kind, case.fault), set()).add(case.half)
        seeds[case.half].add(case.seed)
    assert all(len(each) == 1 for each in halves.values())
    assert not seeds["tuning"] & seeds["unseen"]
    for kind in ("settings", "runs", "loops"):
        count = Counter(next(iter(of)) for (of_kind, _), of in halves.items() if of_kind == kind)
        assert abs(count["tuning"] - count["unseen"]) <= 1, kind


@pytest.mark.parametrize("case", [c for c in CASES if c.kind != "loops"], ids=lambda c: c.name)
def test_settings_are_read(case: cases.Case, tmp_path: Path) -> None:
    changes = {"seed": case.seed, **case.job.get("set", {})}
    settings(case.job["data"], case.job["recipe"], changes)


def record(case: cases.Case, first: str, seen_at: int | None = 0) -> visits.Record:
    return {
        "name": f"{case.name}-advise",
        "kind": case.kind,
        "size": case.size,
        "repair": "advise",
        "first": first,
        "said": [first],
        "seen_at": seen_at,
        "alarms": [],
    }


def test_right_is_the_known_code_first_and_in_time() -> None:
    case = next(case for case in FAULTY if case.also)
    assert accuracy.right(case, record(case, case.codes[0], case.onset + 500))
    assert not accuracy.right(case, record(case, case.codes[0], case.onset + 501))
    assert not accuracy.right(case, record(case, case.codes[0], None))
    assert not accuracy.right(case, record(case, case.also[0]))
    assert not accuracy.right(case, record(case, "healthy"))


def test_tables_count_what_was_wrong() -> None:
    pairs = [(case, record(case, case.codes[0])) for case in FAULTY]
    unseen = sum(case.half == "unseen" for case in FAULTY)
    assert f"{unseen} of {unseen} (100%" in accuracy.shares(pairs)[-5]
    wrong = next(case for case in FAULTY if case.half == "unseen")
    pairs = [(c, record(c, "healthy") if c is wrong else r) for c, r in pairs]
    assert f"{unseen - 1} of {unseen}" in "\n".join(accuracy.shares(pairs))
    start = f"| {wrong.fault} | {wrong.kind} |"
    row = next(x for x in accuracy.confusion(pairs, "unseen") if x.startswith(start))
    assert "healthy ×1" in row


def test_an_alarm_that_healed_is_a_false_alarm_all_the_same() -> None:
    healthy = next(case for case in CASES if case.fault == "none" and case.half == "unseen")
    calm, alarmed = record(healthy, "healthy"), record(healthy, "healthy")
    alarmed["alarms"] = [(100, "GS301", "error")]
    assert "0 of 1" in accuracy.false_alarms([(healthy, calm)])[2]
    lines = accuracy.false_alarms([(healthy, alarmed)])
    assert "1 of 1" in lines[2]
    assert "GS301" in lines[2]


def test_a_journal_cut_short_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    journal.write_text('{"name": "one", "first": "GS101"}\n{"name": "two", "fi', encoding="utf-8")
    assert list(visits.records(journal)) == ["one"]


def test_wilsons_interval() -> None:
    assert accuracy.wilson(9, 10) == "9 of 10 (90%; 60% to 98%)"  # 0.596, 0.982
