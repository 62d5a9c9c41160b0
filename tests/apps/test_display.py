import io
from pathlib import Path

import pytest
from rich.console import Console

from gansmith.apps import display
from gansmith.apps.showing_findings import one_liners
from gansmith.apps.train import TrainResult, Watching, train
from gansmith.doctor import Finding
from gansmith.recipes import Reason

SCORE = {
    "value": 0.8733125,
    "low": 0.8612,
    "high": 0.8845,
    "n": 10_000,
    "features": "digits-cnn-v1 (abc)",
    "resize": "none",
    "note": "",
}


def test_decisions_are_one_aligned_block() -> None:
    reasons = [
        Reason("batch", 32, "because"),
        Reason("optim.lr", 0.004, "[brackets] stay"),
        Reason("augment.flip", False, "letters"),
        Reason("resolution", "28x28", "from the data"),
        Reason("data.channels", 1, "from the data"),
    ]
    notes = [
        "resolution 28x28: the images' own",
        "channels 1: every image looked at is grey",
        "2 broken files were skipped",
    ]
    lines = display._decisions(reasons, notes)
    console = Console(file=io.StringIO(), width=200)
    for line in lines:
        console.print(line)
    shown = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert [line.rstrip() for line in shown] == [
        "  batch          32     because",
        "  optim.lr       0.004  [brackets] stay",
        "  augment.flip   false  letters",
        "  resolution     28x28  the images' own",
        "  data.channels  1      every image looked at is grey",
        "  2 broken files were skipped",
    ]


def test_scores_have_sensible_digits_and_say_once_what_holds_for_all(
    capsys: pytest.CaptureFixture[str],
) -> None:
    scores = {
        "fd": SCORE | {"value": 39.23456, "low": 38.9, "high": 39.7, "note": "biased; real itself"},
        "precision": SCORE | {"note": "real itself"},
        "modes": SCORE | {"value": 25.0, "low": None, "high": None, "note": "real itself"},
    }
    display.show_scores(scores)
    out = capsys.readouterr().out
    assert "0.873" in out
    assert "0.8733125" not in out
    assert "39.23" in out
    assert "10,000" in out
    assert out.count("digits-cnn-v1 (abc)") == 1
    assert out.count("real itself") == 1
    assert "fd: biased" in out


def test_the_end_of_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    display.show_result(
        TrainResult(
            Path("runs/[x] 猫"),
            10,
            12_345,
            185.0,
            66.7,
            verdict="healthy",
            ended="trained",
        )
    )
    out = capsys.readouterr().out
    assert out.splitlines()[0] == "trained: 12,345 images in 3 min 5 s (67 images/s)"
    assert "doctor   healthy" in out
    assert "runs/[x] 猫/report.html" in out


def piped() -> tuple[display.Terminal, io.StringIO]:
    screen = display.Terminal()
    text = io.StringIO()
    screen.console = Console(file=text, width=80, soft_wrap=True, highlight=False)
    return screen, text


def on_a_terminal() -> tuple[display.Terminal, io.StringIO]:
    screen = display.Terminal()
    text = io.StringIO()
    screen.console = Console(file=text, width=80, force_terminal=True, highlight=False)
    return screen, text


def test_in_a_pipe_there_are_plain_lines_now_and_then() -> None:
    screen, text = piped()
    with screen:
        for done in (10, 500, 1_000):
            screen.data("decoding", done, 1_000)
        screen.say("[bold]as it is[/]")
        screen.record({"kind": "plan", "total_images": 800})
        step = {"kind": "step", "images_per_second": 80.0, "d_loss": 0.61234, "g_loss": 0.7}
        for number in (1, 2, 3):
            screen.record(step | {"step": number, "images": 8 * number})
    lines = text.getvalue().splitlines()
    assert lines[0] == "decoding: 10 of 1,000"
    assert lines[1] == "decoding: 1,000 of 1,000"
    assert lines[2] == "[bold]as it is[/]"
    assert "\x1b" not in text.getvalue()
    assert len([line for line in lines if line.startswith("step")]) <= 1


def test_a_step_in_a_pipe_says_speed_losses_and_time_left() -> None:
    screen, text = piped()
    screen.record({"kind": "plan", "total_images": 8_000})
    screen.record(
        {
            "kind": "step",
            "step": 100,
            "images": 800,
            "images_per_second": 80.0,
            "d_loss": 0.61234,
            "g_loss": 0.7,
        }
    )
    assert text.getvalue() == "step 100  10%  80 images/s  D 0.612  G 0.700  1 min 30 s left\n"


def test_on_a_terminal_there_is_a_bar_that_ends() -> None:
    screen, text = on_a_terminal()
    with screen:
        screen.data("decoding", 5, 10)
        screen.record({"kind": "plan", "total_images": 80})
        step = {"kind": "step", "images_per_second": 0.0, "d_loss": 0.6, "g_loss": 0.7}
        screen.record(step | {"step": 1, "images": 40})
        screen.record(
            {"kind": "advice", "control": "gamma", "old": 1.0, "new": 2.0, "why": "it spiked"}
        )
        screen.record({"kind": "end"})
    shown = text.getvalue()
    assert "decoding" in shown
    assert "training" in shown
    assert "50%" in shown
    assert "gamma 1 → 2: it spiked" in shown
    assert shown.rstrip().endswith("\x1b[?25h") or "\x1b[?25h" in shown  # the cursor is back


def test_a_run_is_told_from_its_beginning_to_its_end(pictures: Path, tmp_path: Path) -> None:
    screen, text = piped()
    watching = screen.watching()
    assert isinstance(watching, Watching)
    changes = {"batch": 8, "model.width": 4, "threads": 1}
    out = tmp_path / "run"
    train(str(pictures), budget="1-steps", out=out, changes=changes, score=False, watching=watching)
    told = text.getvalue()
    assert f"{pictures}: 48 images of 3x8x8; run in {out}" in told
    assert "the images' own" in told
    assert told.count("resolution") == 1
    assert "ready in" in told
    train(budget="2-steps", out=out, resume=True, score=False, watching=watching)
    again = text.getvalue()[len(told) :]
    assert "resuming at step 1 (8 images)" in again
    assert "resolution" not in again


def test_the_doctors_verdict_stands_in_the_line_and_a_finding_is_said() -> None:
    screen, text = piped()
    screen.record({"kind": "plan", "total_images": 800})
    screen.record({"kind": "signs", "step": 5, "verdict": "healthy"})
    step = {"kind": "step", "images_per_second": 80.0, "d_loss": 0.6, "g_loss": 0.7}
    screen.record(step | {"step": 10, "images": 80})
    said = {"evidence": "D's loss is 0.", "cause": "It has won.", "mend": "Double gamma."}
    screen.record(
        {
            "kind": "finding",
            "step": 20,
            "code": "GS305",
            "name": "discriminator-saturated",
            "told": {"en": said, "zh": said},
            "verdict": "GS305 discriminator-saturated",
        }
    )
    screen._spoke = -1e9
    screen.record(step | {"step": 30, "images": 240})
    screen.record({"kind": "healed", "step": 40, "code": "GS305", "verdict": "healthy"})
    lines = text.getvalue().splitlines()
    assert lines[0].endswith("healthy")
    assert lines[1] == "step 20: GS305 discriminator-saturated: D's loss is 0."
    assert lines[2] == "  Double gamma."
    assert lines[3].endswith("GS305 discriminator-saturated")
    assert lines[4] == "step 40: GS305 is gone"


TRIED = {
    "kind": "repair", "step": 1_200, "code": "GS305", "act": "γ ×2", "state": "tried",
    "why": "against GS305", "changes": {}, "sign": "acc_pairs", "before": 1.0, "after": None,
    "told": {
        "en": {"state": "tried", "act": "γ ×2", "why": "against GS305", "sign": "acc_pairs"},
        "zh": {"state": "尝试", "act": "γ 值 ×2", "why": "针对 GS305", "sign": "acc_pairs"},
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("language", "tried", "trying", "gone"),
    [
        ("en", "step 1,200: GS305: tried γ ×2: against GS305", "trying γ ×2", "GS305 is gone"),
        ("zh", "第 1,200 步: GS305: 尝试 γ 值 ×2: 针对 GS305", "正在尝试：γ 值 ×2", "GS305 已消失"),
    ],
)
def test_a_repair_is_told_in_the_runs_language(
    language: str, tried: str, trying: str, gone: str
) -> None:
    screen, text = piped()
    screen._language = language
    screen.record(TRIED)
    assert tried in text.getvalue()
    assert screen._trying == trying
    screen.record({"kind": "healed", "step": 1_400, "code": "GS305", "verdict": "healthy"})
    assert gone in text.getvalue()


def test_the_lints_lines_are_told_in_the_runs_language() -> None:
    found = [Finding("GS401", {"count": 20, "least": 1_000, "policy": "none"})] * 7
    english, chinese = (one_liners(found, "runs/x", language) for language in ("en", "zh"))
    assert len(english) == len(chinese) == 6
    assert english[0].startswith("warning GS401 too-few-samples: ")
    assert chinese[0].startswith("警告 GS401 too-few-samples: ")
    assert english[0].split(": ", 1)[1] != chinese[0].split(": ", 1)[1]
    assert english[-1] == "and 2 more: gansmith doctor runs/x"
    assert chinese[-1] == "另有 2 条：gansmith doctor runs/x --language zh"
