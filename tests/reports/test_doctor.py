"""The report's section on the doctor, from the log alone."""

import json
from pathlib import Path

from gansmith.reports.doctor import doctor
from gansmith.reports.html import render
from gansmith.reports.run_folder import read_run

SAID = {
    "en": {"evidence": "D's loss is <0.01>.", "cause": "It has won.", "mend": "Double gamma."},
    "zh": {"evidence": "D 的损失为 0.01。", "cause": "D 已经赢了。", "mend": "把 γ 加倍。"},
}
SATURATED = "GS305 discriminator-saturated"


def run_of(folder: Path, *records: dict, language: str = "en"):
    (folder / "config.yaml").write_text(f"doctor: {{language: {language}}}\n")
    lines = [json.dumps(each, ensure_ascii=False) for each in records]
    (folder / "log.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_run(folder)


def step(number: int) -> dict:
    return {"kind": "step", "step": number, "images": 8 * number, "d_loss": 1.0, "g_loss": 1.0}


def signs(number: int, verdict: str, **values: float) -> dict:
    return {"kind": "signs", "step": number, "verdict": verdict, **values}


def finding(number: int) -> dict:
    return {
        "kind": "finding", "step": number, "code": "GS305", "name": "discriminator-saturated",
        "severity": "error", "values": {"d_loss": 0.01}, "where": "", "certainty": 0.8,
        "told": SAID, "verdict": SATURATED,
    }  # fmt: skip


HEALED = {"kind": "healed", "step": 60, "code": "GS305", "verdict": "healthy"}


def story() -> list[dict]:
    looks = [signs(at, "healthy", diversity=at / 100, acc_pairs=0.9) for at in (10, 20, 30)]
    return [
        *map(step, range(10, 100, 10)), *looks, signs(40, SATURATED, diversity=0.4), finding(40),
        signs(60, "healthy", diversity=0.6), HEALED,
    ]  # fmt: skip


def test_the_verdict_over_time_and_what_came_and_went(tmp_path: Path) -> None:
    found = doctor(run_of(tmp_path, *story()))
    assert found is not None
    assert found.changes == [("10", "healthy"), ("40", SATURATED), ("60", "healthy")]
    assert found.healthy
    assert found.looks == "5 looks"
    (one,) = found.findings
    assert (one.when, one.stands, one.evidence) == ("step 40 to 60", False, "D's loss is <0.01>.")
    assert [chart.key for chart in found.charts] == ["variety", "accuracy"]


def test_the_page_shows_it_and_escapes_what_the_log_says(tmp_path: Path) -> None:
    page = render(run_of(tmp_path, *story()))
    assert 'id="doctor"' in page
    assert "D&#39;s loss is &lt;0.01&gt;." in page
    assert "Double gamma." in page


def test_the_texts_are_of_the_language_that_was_chosen(tmp_path: Path) -> None:
    page = render(run_of(tmp_path, *story(), language="zh"))
    assert "把 γ 加倍。" in page
    assert "Double gamma." not in page


def test_a_run_that_nobody_watched_has_no_such_section(tmp_path: Path) -> None:
    run = run_of(tmp_path, step(1), step(2))
    assert doctor(run) is None
    assert 'id="doctor"' not in render(run)


def test_what_was_logged_beyond_a_resume_is_taken_back(tmp_path: Path) -> None:
    found = doctor(run_of(tmp_path, *story(), {"kind": "resume", "step": 50}))
    assert found is not None
    assert found.changes[-1] == ("40", SATURATED)
    assert found.findings[0].stands
    earlier = doctor(run_of(tmp_path, *story(), {"kind": "resume", "step": 25}))
    assert earlier is not None
    assert earlier.findings == []


def test_a_repair_is_told_in_the_language_that_was_chosen_and_old_ones_as_they_stand(
    tmp_path: Path,
) -> None:
    old = {
        "kind": "repair", "step": 40, "code": "GS305", "act": "γ ×2", "state": "kept",
        "why": "GS305 is gone", "changes": {"gamma": [1.0, 2.0]}, "sign": "acc_pairs",
        "before": 1.0, "after": 0.8,
    }  # fmt: skip
    told = {"zh": {"state": "保留", "act": "γ 值 ×2", "why": "GS305 已消失", "sign": "acc_pairs"}}
    for record, state, why in (
        (old, "kept", "GS305 is gone"),
        (old | {"told": told}, "保留", "GS305 已消失"),
    ):
        found = doctor(run_of(tmp_path, *story(), record, language="zh"))
        assert found is not None
        (row,) = found.repairs
        assert (row.state, row.why) == (state, why)
        assert row.controls == "gamma 1 → 2"
        assert row.sign == "acc_pairs 1.00 → 0.800"
