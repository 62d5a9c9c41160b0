"""What the page says in words follows from the run's numbers."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gansmith.reports import story
from gansmith.reports.run_folder import Run, read_run

MakeRun = Callable[..., Path]


def append(folder: Path, *events: dict[str, object]) -> Run:
    with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
        log.writelines(json.dumps(event) + "\n" for event in events)
    return read_run(folder)


def test_the_summary_names_model_data_time_machine_and_speed(make_run: MakeRun) -> None:
    run = read_run(make_run())
    assert story.summary(run) == (
        "A residual generator of 412 k weights learned from 60,000 grey images of 28×28 px "
        "(“digits”, 10 classes) for 3 min 2 s on 2 cores of Example CPU 9000. "
        "It was shown 512,000 real images, 2,838 per second."
    )
    assert story.status(run) == ("good", "Complete after 4,000 steps: its budget is used up.")
    assert story.when(run) == "2025-06-01 12:30 UTC"


def test_a_run_on_a_gpu_names_the_gpu(make_run: MakeRun) -> None:
    machine = {"cpu": "Example CPU", "cores": 16, "accelerator": "Example GPU 80GB"}
    run = read_run(make_run(machine=machine, device="cuda"))
    assert story.device_phrase(run) == "Example GPU 80GB"
    assert "on Example GPU 80GB." in story.summary(run)


def test_points_are_called_points(make_run: MakeRun) -> None:
    data = {"source": "ring", "kind": "points", "count": 1000, "modes": [[0, 1]] * 8}
    run = read_run(make_run(data=data))
    assert story.data_phrase(run) == "1,000 points in the plane around 8 modes (“ring”)"
    assert "512,000 real points" in story.summary(run)


def test_a_run_that_was_killed_and_resumed_says_so(make_run: MakeRun) -> None:
    folder = make_run()
    step = {"kind": "step", "step": 2020, "images": 2020 * 128, "d_loss": 1.0, "g_loss": 1.0}
    run = append(folder, {"kind": "resume", "step": 2000}, step)
    assert story.status(run) == (
        "open",
        "No end is logged after 2,020 steps: the run was stopped from outside, or goes on. "
        "It was resumed once, at step 2,000.",
    )
    run = append(folder, {"kind": "end", "step": 2020, "why": "interrupted"})
    assert story.status(run)[1].startswith("Stopped after 2,020 steps: interrupted.")


def test_losses_that_stop_being_numbers_are_bad(make_run: MakeRun) -> None:
    folder = make_run()
    nan = {"kind": "step", "step": 4020, "images": 4020 * 128, "d_loss": "nan", "g_loss": 1.0}
    kind, text = story.status(append(folder, nan))
    assert kind == "bad"
    assert "at step 4,020" in text


def test_every_setting_has_a_value_and_an_origin(make_run: MakeRun) -> None:
    rows = {row.key: row for row in story.setting_rows(read_run(make_run()))}
    assert rows["penalty.gamma"].origin == "decided"
    assert rows["penalty.gamma"].value == "0.3"
    assert "digits are aligned" in rows["penalty.gamma"].why
    assert (rows["seed"].origin, rows["seed"].value) == ("chosen", "7")
    assert (rows["optim.beta1"].origin, rows["optim.beta1"].value) == ("default", "0")
    assert "budget" in rows


def test_scores_in_words_with_what_they_rest_on(make_run: MakeRun) -> None:
    run = read_run(make_run())
    views = story.score_views(run)
    assert [(v.key, v.value, v.interval) for v in views] == [
        ("fd", "12.3", "11.8 to 12.9"),
        ("kid", "0.00431", "0.00391 to 0.00471"),
        ("precision", "0.813", "0.801 to 0.824"),
        ("recall", "0.732", "0.718 to 0.745"),
    ]
    ((titles, basis),) = story.score_bases(views)
    assert titles == "Fréchet distance, Kernel distance, Precision and Recall"
    assert basis == (
        "10,000 generated samples; features: digits-cnn-v1 (0a1b2c3d4e5f); resizing: none"
    )


def test_toy_scores_count_modes_and_give_shares_in_percent(make_run: MakeRun) -> None:
    data = {"source": "grid", "kind": "points", "count": 9, "modes": [[0, 0]] * 25}
    folder = make_run(data=data)
    note = "2,000 points; published numbers use 2500"
    scores = {
        "modes": {"value": 24.0, "low": None, "high": None},
        "high_quality": {"value": 0.971, "low": 0.96, "high": 0.98, "note": note},
        "new_score": {"value": 1.5},
    }
    (folder / "scores.json").write_text(json.dumps(scores))
    views = story.score_views(read_run(folder))
    assert [(v.title, v.value, v.interval) for v in views] == [
        ("Modes found", "24 of 25", ""),
        ("High quality", "97.1 %", "96.0 to 98.0 %"),
        ("new_score", "1.50", ""),
    ]
    assert ("High quality", note) in story.score_bases(views)


@pytest.mark.parametrize(
    ("logged", "shown"),
    [
        ("gansmith train 'my photos' --budget 5m", "gansmith train 'my photos' --budget 5m"),
        (["gansmith", "train", "my photos"], "gansmith train 'my photos'"),
        (None, "gansmith train digits --recipe images --budget 180s --set seed=7"),
    ],
)
def test_the_command_to_repeat_the_run(make_run: MakeRun, logged: object, shown: str) -> None:
    changes = {} if logged is None else {"command": logged}
    assert story.command(read_run(make_run(**changes))) == shown


def test_the_plan_says_how_time_became_images(make_run: MakeRun) -> None:
    assert story.plan(read_run(make_run())) == (
        "Budget 180s, planned at step 40: 178 s left at 2844 images/s, "
        "which makes 512,000 images in all."
    )
