"""The failure suite in `benchmarks/failures`: its cases are sound, and its tables count rightly."""

import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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
    assert {case.size for case in FAULTY} >= {"toy", "digits-mlp", "digits-conv"}
    new = [case for case in FAULTY if case.kind == "programs"]
    assert len({case.fault for case in new}) >= 25
    assert len(new) >= 70
    assert {case.size for case in new} == set(cases.PROGRAMS)
    assert len({case.name for case in CASES}) == len(CASES)


def test_every_code_is_one_of_the_doctors() -> None:
    for case in FAULTY:
        assert case.codes, case.name
        assert set(case.codes) | set(case.also) <= CATALOGUE.keys(), case.name


def test_halves_share_no_seed_and_what_is_new_was_never_known() -> None:
    seeds: dict[str, set[int]] = {"tuning": set(), "unseen": set()}
    for case in CASES:
        seeds[case.half].add(case.seed)
    assert not seeds["tuning"] & seeds["unseen"]
    assert min(seeds["unseen"]) >= 200
    assert all(case.half == "unseen" for case in CASES if case.planted == "new")
    new = {case.fault for case in FAULTY if case.planted == "new"}
    changed = {(case.kind, case.fault) for case in FAULTY if case.half == "tuning"}
    for kind in ("settings", "runs"):
        assert not new & {fault for of_kind, fault in changed if of_kind == kind}


@pytest.mark.parametrize("kind", ["settings", "runs", "translators", "loops"])
def test_a_second_draw_takes_half_of_the_known_faults(kind: str) -> None:
    known = [case for case in FAULTY if case.planted == "known" and case.kind == kind]
    first = {case.fault for case in known if case.half == "tuning"}
    again = {case.fault for case in known if case.half == "unseen"}
    assert again < first
    assert len(again) == len(first) // 2
    ranked = sorted(first, key=lambda name: hashlib.sha256(f"2:{name}".encode()).hexdigest())
    assert again == set(ranked[-len(again) :])


def test_every_loop_is_a_program_with_arguments() -> None:
    for case in CASES:
        if case.kind in ("loops", "programs"):
            assert (cases.HERE / case.job["program"]).is_file(), case.name
            assert case.fault in case.job["args"], case.name
            assert str(case.seed) in case.job["args"], case.name


def test_translators_fail_in_every_way_and_have_sound_twins() -> None:
    ours = [case for case in CASES if case.kind == "translators"]
    planted = {code for case in ours for code in case.codes}
    assert planted >= {"GS317", "GS318", "GS319", "GS320", "GS251"}
    sound = {case.size for case in ours if case.fault == "none"}
    assert {case.size for case in ours} == sound


def test_two_sides_are_pairs_and_those_of_strangers_are_none(tmp_path: Path) -> None:
    for name, own in (("sides", True), ("strangers", False)):
        folder = Path(cases.made_data(name, tmp_path))
        grey, red = (np.asarray(Image.open(folder / side / "007.png")) for side in "AB")
        assert grey.shape == (28, 28)
        assert np.array_equal(red[..., 1], (255 - grey) // 2) is own
        assert len(list((folder / "B").iterdir())) == cases.PAIRS
    assert cases.made_data("sides", tmp_path) == str(tmp_path / "sides")


def test_archives_are_what_they_are_called(tmp_path: Path) -> None:
    masks = np.load(cases.made_data("masks", tmp_path))
    assert set(np.unique(masks["images"])) == {0, 1}
    assert "labels" in masks
    assert list(np.load(cases.made_data("unlabelled", tmp_path))) == ["images"]
    assert set(np.load(cases.made_data("sevens", tmp_path))["labels"]) == {7}
    assert cases.made_data("digits", tmp_path) == "digits"


@pytest.mark.parametrize(
    "case",
    [c for c in CASES if c.kind in ("settings", "runs", "translators")],
    ids=lambda c: c.name,
)
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


def row_of(rows: list[str], start: str) -> str:
    (row,) = [row for row in rows if row.startswith(start)]
    return row


def test_tables_count_what_was_wrong() -> None:
    pairs = [(case, record(case, case.codes[0])) for case in FAULTY]
    unseen = sum(case.half == "unseen" for case in FAULTY)
    rows = accuracy.shares(pairs)
    assert f"{unseen} of {unseen} (100%" in row_of(rows, "| unseen | all | all |")
    for planted in ("new", "known"):
        count = sum((case.half, case.planted) == ("unseen", planted) for case in FAULTY)
        assert f"{count} of {count} (100%" in row_of(rows, f"| unseen | {planted} | all |")
    assert not [row for row in rows if row.startswith("| tuning | new |")]
    wrong = next(case for case in FAULTY if case.half == "unseen")
    pairs = [(c, record(c, "healthy") if c is wrong else r) for c, r in pairs]
    assert f"{unseen - 1} of {unseen}" in "\n".join(accuracy.shares(pairs))
    start = f"| {wrong.fault} | {wrong.kind} |"
    assert "healthy ×1" in row_of(accuracy.confusion(pairs, "unseen"), start)


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
