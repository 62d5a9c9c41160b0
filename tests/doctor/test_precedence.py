"""Causes are told first, and what they explain is not told beside them."""

import itertools
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansmith.doctor import CATALOGUE, Finding
from gansmith.doctor.course import Look
from gansmith.doctor.diagnosis import Diagnosis
from gansmith.doctor.history import Facts
from gansmith.doctor.precedence import BRINGS, BRINGS_BY_SIDE, EXPLAINS, ordered

PAGE = Path(__file__).resolve().parents[2] / "docs" / "doctor" / "signs.md"


def table() -> str:
    rows = ["| finding | told after it | not told beside it |", "| --- | --- | --- |"]
    for code in sorted(BRINGS.keys() | EXPLAINS.keys()):
        after, hidden = (", ".join(sorted(each.get(code, ()))) for each in (BRINGS, EXPLAINS))
        rows.append(f"| {code} {CATALOGUE[code].name} | {after} | {hidden} |")
    return "\n".join(rows)


def table_of_sides() -> str:
    rows = ["| setting | too small, told before | too large, told before |", "| --- | --- | --- |"]
    for code, sides in BRINGS_BY_SIDE.items():
        small, large = (", ".join(sorted(each)) for each in sides)
        rows.append(f"| {code} {CATALOGUE[code].name} | {small} | {large} |")
    return "\n".join(rows)


def codes(*findings: Finding) -> list[str]:
    return [each.code for each in ordered(findings)]


def test_the_tables_name_known_codes_and_lead_in_no_circle() -> None:
    both = {code: BRINGS.get(code, frozenset()) | EXPLAINS.get(code, frozenset())
            for code in BRINGS.keys() | EXPLAINS.keys()}  # fmt: skip
    both |= {code: low | high for code, (low, high) in BRINGS_BY_SIDE.items()}
    assert not BRINGS_BY_SIDE.keys() & BRINGS.keys()
    assert set(both) | set().union(*both.values()) <= set(CATALOGUE)
    assert list(TopologicalSorter(both).static_order())
    for code in BRINGS.keys() & EXPLAINS.keys():
        assert not BRINGS[code] & EXPLAINS[code], code


def test_the_page_shows_the_tables() -> None:
    assert table() in PAGE.read_text(encoding="utf-8")
    assert table_of_sides() in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("code", "values", "consequence", "first"),
    [
        ("GS224", {"ratio": 100.0}, "GS308", True),
        ("GS224", {"ratio": 1e-4}, "GS308", False),
        ("GS224", {"ratio": 1e-4}, "GS313", True),
        ("GS223", {"ratio": 1e4}, "GS301", True),
        ("GS223", {"ratio": 1e4}, "GS308", False),
        ("GS223", {"ratio": 1e-4}, "GS308", True),
        ("GS241", {"ratio": 0.002}, "GS306", True),
        ("GS241", {"ratio": 0.002}, "GS304", False),
        ("GS241", {"ratio": 50.0}, "GS304", True),
        ("GS240", {"d_steps": 9, "g_steps": 1}, "GS304", True),
        ("GS240", {"d_steps": 1, "g_steps": 9}, "GS304", False),
        ("GS240", {"d_steps": 1, "g_steps": 9}, "GS306", True),
        ("GS238", {}, "GS308", True),
        ("GS401", {}, "GS301", True),
        ("GS129", {}, "GS301", True),
    ],
)
def test_a_setting_comes_before_what_its_side_brings_about(
    code: str, values: dict[str, float], consequence: str, first: bool
) -> None:
    """And an error that it cannot have caused comes before the warning."""
    told = codes(Finding(consequence), Finding(code, values))
    assert told == ([code, consequence] if first else [consequence, code])


@pytest.mark.parametrize(
    ("together", "told"),
    [
        # Dead units: the cause of a collapse, the consequence of a divergence.
        ({"GS301": 0.9, "GS310": 0.98}, ["GS310", "GS301"]),
        ({"GS301": 0.9, "GS310": 0.7}, ["GS301", "GS310"]),
        ({"GS301": 0.9, "GS310": 0.98, "GS308": 0.97}, ["GS308", "GS310", "GS301"]),
        # A larger rate is no mend for a game that is lost.
        ({"GS313": 0.8, "GS301": 0.8}, ["GS301"]),
        ({"GS313": 0.8, "GS304": 0.85, "GS305": 0.85}, ["GS304", "GS305"]),
        ({"GS313": 0.8, "GS308": 0.97, "GS316": 0.85}, ["GS308"]),
        ({"GS313": 0.8, "GS302": 0.9, "GS316": 0.85}, ["GS313", "GS302", "GS316"]),
        # D wins: G draws one sample, its gradient is gone, or D knows its few samples by heart.
        ({"GS305": 0.85, "GS301": 0.8}, ["GS301", "GS305"]),
        ({"GS304": 0.85, "GS305": 0.85, "GS301": 0.9}, ["GS304", "GS301", "GS305"]),
        ({"GS309": 0.75, "GS305": 0.85}, ["GS309", "GS305"]),
        ({"GS306": 0.7, "GS301": 0.9}, ["GS306", "GS301"]),
        # Wrong code comes before what it leads to, though it is a warning.
        ({"GS116": 1.0, "GS301": 0.9}, ["GS116", "GS301"]),
        ({"GS111": 1.0, "GS301": 0.9}, ["GS301", "GS111"]),
        # Of a translator: an input that is ignored or handed back comes before what follows of it.
        ({"GS318": 0.9, "GS301": 0.9, "GS320": 0.7}, ["GS318", "GS320"]),
        ({"GS319": 0.9, "GS302": 0.7, "GS313": 0.8, "GS320": 0.7}, ["GS319"]),
        ({"GS319": 0.9, "GS306": 0.7}, ["GS306", "GS319"]),
        ({"GS320": 0.85, "GS316": 0.7}, ["GS316", "GS320"]),
        ({"GS251": 1.0, "GS318": 0.9}, ["GS251", "GS318"]),
        # What has nothing to do with each other: the gravest and surest first.
        ({"GS302": 0.7, "GS315": 0.95, "GS309": 0.75}, ["GS315", "GS309", "GS302"]),
    ],
)
def test_causes_come_first(together: dict[str, float], told: list[str]) -> None:
    found = [Finding(code, certainty=sure) for code, sure in together.items()]
    for each in itertools.permutations(found):
        assert codes(*each) == told


@given(st.lists(st.sampled_from(sorted(CATALOGUE)), unique=True, max_size=12))
def test_any_findings_are_ordered_and_none_is_lost_without_another_that_explains_it(
    drawn: list[str],
) -> None:
    told = codes(*map(Finding, drawn))
    assert len(told) == len(set(told))
    assert set(told) <= set(drawn)
    assert bool(told) == bool(drawn)
    for gone in set(drawn) - set(told):
        assert any(gone in EXPLAINS.get(code, ()) for code in drawn)
    for number, code in enumerate(told):
        assert not any(earlier in BRINGS.get(code, ()) for earlier in told[:number])


STILL = {"moved": 1e-4, "coverage": 0.02, "update_G": 1e-5}
ONE_SAMPLE = STILL | {"diversity": 0.01, "noise_share": 1e-4}


def test_what_is_explained_is_told_when_its_cause_has_gone() -> None:
    diagnosis, told = Diagnosis(Facts()), []
    diagnosis.see(10, {"moved": 0.5})  # it has come from somewhere
    for step in range(50, 3_001, 50):
        signs = ONE_SAMPLE if step <= 1_000 else STILL | {"diversity": 0.5, "noise_share": 0.5}
        told += [(each.code, step) for each in diagnosis.see(step, signs)]
    assert [code for code, _ in told] == ["GS301", "GS313"], "and not first what is seen sooner"
    assert told[0][1] <= 400
    assert 1_000 < told[1][1] <= 1_300
    assert [each.code for each in diagnosis.standing] == ["GS313"]


def test_a_repair_is_not_taken_for_a_success_where_its_finding_is_explained_by_a_worse_one() -> (
    None
):
    """A rate ×4 against stagnation that ends in a collapse."""
    assert Look(10, [Finding("GS301")], {}).stands("GS313")
    assert not Look(10, [Finding("GS302")], {}).stands("GS313")
