"""What a repair does and why is told in every language, from one table each."""

import re
import string

import pytest

from gansmith.doctor import LANGUAGES
from gansmith.doctor.course import Course, Ground, advised
from gansmith.doctor.ladder import LADDERS, READINGS, Gauge, Rung, calmer, gamma
from gansmith.doctor.remarks import Remark, asked, cited, done, remarked, words
from gansmith.training.state import CONTROLS

from .test_repair import Patient, look

CHINESE = re.compile(r"[一-鿿]")


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_the_languages_have_the_same_entries_and_quote_the_same() -> None:
    first, second = (words(language) for language in LANGUAGES)
    assert first.keys() == second.keys()
    for table in ("states", "acts", "controls", "changes", "readings", "reasons"):
        assert first[table].keys() == second[table].keys(), table
        for key, text in first[table].items():
            assert fields(text) == fields(second[table][key]), (table, key)
    for key, text in (second["reasons"] | second["states"] | second["readings"]).items():
        assert CHINESE.search(text), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_that_the_ladders_name_has_words(language: str) -> None:
    known = words(language)
    assert known["controls"].keys() == CONTROLS.keys()
    assert known["readings"].keys() == READINGS.keys()
    for ladder in LADDERS.values():
        assert asked(ladder.gauge, language)
        for rung in ladder.rungs + ladder.last:
            assert "{" not in done(rung, language)


def test_a_rung_in_words() -> None:
    rung = Rung(calmer(2.0, 10.0), back=True)
    assert done(rung) == "back to the last healthy checkpoint, γ at least ×2, rate at most /10"
    assert done(rung, "zh") == "回到最近的健康检查点，γ 值至少 ×2，学习率至多 /10"
    assert done(Rung(told="model.d.pac=2"), "zh") == "另开一次训练，设 model.d.pac=2"
    assert done(None) == done(None, "zh") == ""


def test_a_remark_quotes_remarks_gauges_and_sources() -> None:
    gauge = Gauge("larger loss", "down", 4.0, times=True)
    went = Remark("too-little", {"sign": "larger loss", "before": None, "after": 3.14159}, gauge)
    back = Remark("taken-back", why=went)
    assert back.told() == (
        "taken back: larger loss went from unknown to 3.14, which is less than larger loss /4"
    )
    assert back.told("zh") == (
        "已撤销：两个损失中较大者 从 未知 变为 3.14，没有达到 两个损失中较大者 /4"
    )
    source = "Smith 2017, section 3.3: below a range of rates nothing is learned"
    assert cited(source, "en") == source
    assert cited(source, "zh") == "Smith 2017, section 3.3"


def test_what_the_log_keeps_of_a_repair_is_whole_in_both_languages() -> None:
    """The record's own words are the English ones."""
    patient = Patient()
    for step in range(10, 3_000, 100):
        patient.see(look(step, "GS302", coverage=0.1, broken=step == 410))
    assert {"tried", "undone", "rolled-back", "advised", "given-up"} <= set(patient.states())
    for note in patient.notes:
        english, chinese = note["told"]["en"], note["told"]["zh"]
        assert (english["act"], english["why"]) == (note["act"], note["why"])
        assert CHINESE.search(chinese["why"])
        assert CHINESE.search(chinese["state"])
        assert not re.search(r"\b(the|was|went|tried|steps)\b", chinese["why"] + chinese["act"])


def test_advice_names_the_command_in_both_languages() -> None:
    ground = Ground(window=100, steps=100_000)
    _, (note,) = advised(Course(), look(10, "GS305"), ground, lambda *_: "--set penalty.gamma=1")
    for language in LANGUAGES:
        assert "--set penalty.gamma=1" in note["told"][language]["why"]


def test_a_state_has_a_word() -> None:
    told = remarked("rolled-back", Rung((gamma(2.0),)), Remark("gone", {"code": "GS1"}), "moved")
    assert told["zh"] == {"state": "回退", "act": "γ 值 ×2", "why": "GS1 已消失", "sign": "moved"}
