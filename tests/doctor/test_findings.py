"""The catalogue, its texts in every language, and the pages made of both."""

import re
import string
import subprocess
import sys
from pathlib import Path

import pytest

from gansmith.doctor import CATALOGUE, LANGUAGES, Finding, examples, gravest, page, texts, told
from gansmith.doctor.catalogue import ROOMS, SEVERITIES
from gansmith.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
RANGES = {"wiring": (101, 129), "settings": (201, 299), "dynamics": (301, 339), "data": (401, 419)}


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def numbers_written_in(template: str) -> list[str]:
    """Numbers that a text states by itself: not by a value, nor in the name of a setting.

    0 and 1 are let pass: they stand in formulas and ends of ranges, as in [0, 1] and 1 − D.
    """
    plain = re.sub(r"\{[^{}]*\}|`[^`]*`", "", template)
    return [number for number in re.findall(r"\d+(?:\.\d+)?", plain) if number not in ("0", "1")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_its_texts_and_every_text_its_code(language: str) -> None:
    assert set(texts(language)) == set(CATALOGUE)
    for code, text in texts(language).items():
        assert set(text) == {"evidence", "cause", "mend"}, code
        assert all(isinstance(part, str) and part.strip() == part for part in text.values()), code


@pytest.mark.parametrize("code", CATALOGUE)
def test_the_languages_say_the_same(code: str) -> None:
    """The same values are quoted, and the same settings are named."""
    first, *others = (texts(language)[code] for language in LANGUAGES)
    for other in others:
        for part in first:
            assert fields(first[part]) == fields(other[part]), part
            settings = [set(re.findall(r"`([^`]+)`", text[part])) for text in (first, other)]
            assert settings[0] == settings[1], part
    assert re.search(r"[一-鿿]", texts("zh")[code]["cause"])


@pytest.mark.parametrize("code", CATALOGUE)
def test_a_fold_puts_no_space_into_chinese(code: str) -> None:
    for part in texts("zh")[code].values():
        assert not re.search(r"[一-鿿，。：；、] [一-鿿，。：；、]", part)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", CATALOGUE)
def test_evidence_states_no_number_but_the_values(code: str, language: str) -> None:
    assert fields(texts(language)[code]["evidence"]), "evidence without a value is none"
    assert numbers_written_in(texts(language)[code]["evidence"]) == []


def test_a_number_that_is_written_in_is_seen() -> None:
    assert numbers_written_in("D is right in 97 % of {steps} steps") == ["97"]
    assert numbers_written_in("gamma is {gamma:.3g} on [0, 1], `penalty.every=16`") == []


def test_codes_stand_in_their_rooms() -> None:
    for room, disorders in ROOMS.items():
        low, high = RANGES[room]
        for code in disorders:
            assert low <= int(code.removeprefix("GS")) <= high, code
    assert sum(map(len, ROOMS.values())) == len(CATALOGUE)


@pytest.mark.parametrize("code", CATALOGUE)
def test_a_disorder_has_a_name_and_a_source(code: str) -> None:
    disorder = CATALOGUE[code]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", disorder.name)
    assert disorder.severity in SEVERITIES
    assert re.search(r"\b(19|20)\d\d", disorder.source)


def test_no_two_disorders_have_one_name() -> None:
    assert len({each.name for each in CATALOGUE.values()}) == len(CATALOGUE)


def test_told_quotes_the_values_in_the_language_that_is_asked_for() -> None:
    finding = Finding("GS407", {"batch": 300, "count": 41}, where="batch")
    english, chinese = told(finding), told(finding, "zh")
    for text in (english, chinese):
        assert re.findall(r"\d+", text["evidence"]) == ["300", "41"]
        assert (text["code"], text["severity"], text["where"]) == ("GS407", "error", "batch")
        assert text["values"] == {"batch": 300, "count": 41}
    assert english["page"] == "doctor/GS407.md"
    assert chinese["page"] == "doctor/zh/GS407.md"
    assert english["evidence"] != chinese["evidence"]


def test_a_language_that_is_not_there_is_refused() -> None:
    with pytest.raises(UserError, match="language 'fr' is not known: use one of en, zh"):
        texts("fr")


def test_a_value_that_is_missing_is_no_evidence() -> None:
    with pytest.raises(KeyError):
        told(Finding("GS407", {"batch": 300}))


def test_a_line_whose_values_were_not_measured_is_left_out() -> None:
    some, none = Finding("GS308", {"g_loss": 31.0}), Finding("GS308", {"step": 3})
    assert told(some)["evidence"] == "G's loss is 31."
    assert told(some, "zh")["evidence"] == "G 的损失为 31。"
    both = Finding("GS308", {"g_loss": 31.0, "nonfinite": 2.0})
    assert told(both)["evidence"] == "G's loss is 31. Values that are not finite: 2."
    assert told(both, "zh")["evidence"] == "G 的损失为 31。非有限的数值有 2 处。"
    with pytest.raises(KeyError):
        told(none)


@pytest.mark.parametrize("code", CATALOGUE)
def test_each_line_of_evidence_quotes_a_value_and_is_the_same_in_all_languages(code: str) -> None:
    lines = [texts(language)[code]["evidence"].splitlines() for language in LANGUAGES]
    quoted = [[fields(line) for line in each] for each in lines]
    assert len(quoted[0]) == 1 or (all(quoted[0]) and quoted[0] == quoted[1])


def test_the_gravest_comes_first_then_the_surest() -> None:
    advice, sure = Finding("GS242"), Finding("GS237", certainty=0.9)
    vague, error = Finding("GS223", certainty=0.2), Finding("GS407", certainty=0.1)
    assert gravest([advice, vague, sure, error]) == [error, sure, vague, advice]


def test_examples_are_of_known_codes_and_differ() -> None:
    assert set(examples()) <= set(CATALOGUE)
    for code, example in examples().items():
        assert set(example) == {"wrong", "right", "language"}, code
        assert example["wrong"] != example["right"], code


def test_every_page_is_up_to_date() -> None:
    command = [sys.executable, "scripts/doctor_pages.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}run scripts/doctor_pages.py"
    for code in CATALOGUE:
        for language in LANGUAGES:
            assert (ROOT / "docs" / page(code, language)).is_file()
