from dataclasses import replace
from pathlib import Path

import pytest
import torch

import gansmith
from gansmith.apps import planning
from gansmith.apps.planning import plan
from gansmith.apps.runs import read_settings
from gansmith.apps.setting_up import Prepared, set_up
from gansmith.apps.settling import dry_run, settings
from gansmith.apps.train import Watching, train
from gansmith.data import open_data
from gansmith.recipes.automatic import NARROW, NARROW_BELOW, USUAL, width_by_pace
from gansmith.training import Pace
from gansmith.waiting import VARIABLE

SMALL = {"batch": 8, "threads": 1, "device": "cpu"}


def planned(source: Path, **changes: object) -> Prepared:
    named = {key.replace("__", "."): value for key, value in changes.items()}
    return plan(set_up(settings(str(source), None, SMALL | named), None))


def why(ready: Prepared, key: str) -> list[str]:
    return [reason.why for reason in ready.reasons if reason.key == key]


def test_little_time_makes_nets_narrow_and_their_rate_higher(pictures: Path) -> None:
    short, long = planned(pictures, budget="1s"), planned(pictures, budget="9d")
    assert (short.cfg.model.width, short.cfg.optim.lr) == (NARROW, 8e-3)
    assert (long.cfg.model.width, long.cfg.optim.lr) == (USUAL, 4e-3)
    assert "narrower nets see more" in why(short, "model.width")[0]
    assert "enough" in why(long, "model.width")[0]
    for ready, width in ((short, NARROW), (long, USUAL)):
        assert ready.spec.width == width
        assert [each.key for each in ready.reasons].count("model.width") == 1


def test_narrowed_nets_are_those_that_are_asked_for(pictures: Path) -> None:
    chosen, asked = planned(pictures, budget="1s"), planned(pictures, model__width=NARROW)
    for name, player in chosen.state.players.items():
        same = asked.state.players[name].bare.state_dict()
        assert all(torch.equal(same[key], x) for key, x in player.bare.state_dict().items())


@pytest.mark.parametrize(
    "changes",
    [
        {"budget": "10-steps"},
        {"budget": "1k-images"},
        {"budget": "1s", "model__width": USUAL},
        {"budget": "1s", "model__name": "dcgan"},
        {"budget": "1s", "model__d__width": USUAL},
        {"budget": "1s", "model__g__width": USUAL},
        {"budget": "1s", "optim__name": "sgd"},
    ],
)
def test_width_is_the_usual_one_where_nothing_was_measured_or_it_is_asked_for(
    changes: dict[str, object], pictures: Path
) -> None:
    assert planned(pictures, **changes).cfg.model.width == USUAL


@pytest.mark.parametrize(
    ("recipe", "changes", "side", "by_pace"),
    [
        (None, {}, 128, True),
        (None, {}, 130, False),
        (None, {"compile": "on"}, 8, False),
        ("inpaint", {}, 8, False),
    ],
    ids=["as measured", "large", "compiled", "another task"],
)
def test_width_goes_by_pace_for_what_was_measured(
    recipe: str | None, changes: dict[str, object], side: int, by_pace: bool, pictures: Path
) -> None:
    cfg = settings(str(pictures), recipe, SMALL | {"budget": "1s"} | changes)
    info = replace(open_data(str(pictures)).info, shape=(3, side, side))
    assert width_by_pace(cfg, info, "cpu") is by_pace
    assert not width_by_pace(cfg, info, "cuda")


@pytest.mark.parametrize(
    ("one", "two", "asked"),
    [(0.4, 0.9, 1), (0.6, 0.9, 2), (0.6, 1.1, 2), (0.6, 0.5, 2), (1.1, 2.0, 1)],
)
def test_more_threads_are_looked_at_only_where_they_may_decide(
    one: float, two: float, asked: int, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``one`` and ``two``: images that the budget holds on so many threads, of what is enough."""
    ready = set_up(settings(str(pictures), None, SMALL | {"budget": "10s"}), None)
    speeds, looks = {1: one * NARROW_BELOW / 10, 2: two * NARROW_BELOW / 10}, []

    def pace(ready: Prepared, counts: tuple[int, ...], seconds: float) -> Pace:
        looks.append(counts)
        return Pace({count: speeds[count] for count in counts})

    monkeypatch.setattr(planning, "_pace", pace)
    best = max(one, two) if asked == 2 else one
    assert planning._held(ready, (1, 2)) == pytest.approx(best * NARROW_BELOW)
    assert looks == [(1,), (2,)][:asked]


def test_a_rate_that_is_asked_for_stays(pictures: Path) -> None:
    ready = planned(pictures, budget="1s", optim__lr=1e-3)
    assert (ready.cfg.model.width, ready.cfg.optim.lr) == (NARROW, 1e-3)


def test_a_narrow_run_is_kept_and_gone_on_with(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    changes = SMALL | {"doctor.monitor": False}
    for budget, resume in (("1s", False), ("2s", True)):
        train(str(pictures), out=out, budget=budget, changes=changes, resume=resume, score=False)
        cfg = read_settings(out)
        assert (cfg.model.width, cfg.optim.lr) == (NARROW, 8e-3)
    assert gansmith.load(out).spec.width == NARROW


def test_a_narrow_run_that_goes_on_for_long_says_that_it_is_narrow(
    pictures: Path, tmp_path: Path
) -> None:
    out, said = tmp_path / "run", []
    changes = SMALL | {"doctor.monitor": False}
    train(str(pictures), out=out, budget="1s", changes=changes, score=False)
    watching = Watching(say=said.append, stop=lambda: "interrupt")
    for budget, remarks in (("2s", 0), ("9d", 1)):
        train(out=out, budget=budget, resume=True, score=False, watching=watching)
        assert sum("model.width=8" in line for line in said) == remarks


def test_a_dry_run_says_that_the_width_waits_for_the_clock(pictures: Path) -> None:
    reasons = dry_run(str(pictures), changes=SMALL | {"budget": "1s"}).reasons
    said = [each.why for each in reasons if each.key == "model.width"]
    assert len(said) == 1
    assert f"{NARROW_BELOW:,} images" in said[0]


@pytest.mark.parametrize(
    ("wanted", "held", "why"),
    [
        ("auto", "active", "halve the speed"),
        ("auto", "passive", "when torch was loaded"),
        ("auto", "default", "when torch was loaded"),
        ("passive", "active", "passive comes too late"),
        ("passive", "passive", None),
    ],
)
def test_the_waiting_policy_that_holds_is_written_down(
    wanted: str,
    held: str,
    why: str | None,
    pictures: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, held)
    ready = planned(pictures, model__width=4, waiting=wanted)
    assert ready.cfg.waiting == held
    said = [reason.why for reason in ready.reasons if reason.key == "waiting"]
    assert said == [] if why is None else (why in said[0] and len(said) == 1)
