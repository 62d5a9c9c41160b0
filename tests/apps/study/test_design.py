"""What a study is, before anything is trained: arms, shares, folders."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gansmith.apps.study.design import (
    LEAST_SECONDS,
    Design,
    Plan,
    check_folder,
    clear,
    design,
    held,
    read_plan,
    save_plan,
    shares,
    vary,
)
from gansmith.config import Budget
from gansmith.errors import UserError


def asked(**changes: Any) -> Design:
    given: dict[str, Any] = {
        "name": None, "data": None, "varied": ["loss=ns,rpgan"], "budget": "20m", "seeds": 3,
        "first_seed": 0, "recipe": None, "changes": {}, "samples": 2000,
    }  # fmt: skip
    return design(**(given | changes))


def plan_of(wanted: Design) -> Plan:
    arms = len(wanted.arms)
    return Plan(wanted, "fd", "lower", "images", (9.5,) * arms, (640,) * arms, (20,) * arms, 60, 4)


def test_a_grid_is_the_product() -> None:
    found = asked(varied=["loss=ns,rpgan", "optim.lr=1e-4,1e-3"])
    assert [arm.label for arm in found.arms] == [
        "loss ns, lr 0.0001", "loss ns, lr 0.001", "loss rpgan, lr 0.0001", "loss rpgan, lr 0.001",
    ]  # fmt: skip
    assert found.arms[1].settings == {"loss": "ns", "optim.lr": 1e-3}
    assert asked().arms[0].label == "ns"
    assert asked().words == "Which loss is best: ns, rpgan?"


def test_with_a_question_what_is_varied_multiplies() -> None:
    found = asked(name="sigmoid", varied=["optim.lr=1e-4,1e-3"])
    assert len(found.arms) == 12
    assert found.arms[0].label == "no sigmoid; 0.0001"


def test_all_arms_of_a_seed_come_before_the_next_seed() -> None:
    found = asked(first_seed=5)
    assert [found.trial(number) for number in range(found.count)] == [
        (0, 5), (1, 5), (0, 6), (1, 6), (0, 7), (1, 7),
    ]  # fmt: skip
    names = {found.trial_name(number) for number in range(found.count)}
    assert len(names) == found.count
    assert found.trial_name(3) == "02-rpgan-seed-6"


def test_an_arm_wins_over_what_all_share() -> None:
    found = asked(name="noise-dim", varied=[], changes={"batch": 16})
    changes = found.changes(1, 7)
    assert (changes["model.z_dim"], changes["batch"], changes["seed"]) == (8, 16, 7)
    assert (changes["threads"], changes["device"]) == (1, "cpu")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "activatoins"}, "did you mean 'activations'"),
        ({"varied": ["los=ns,hinge"]}, "unknown setting 'los'; did you mean 'loss'"),
        ({"varied": ["loss"]}, "write --vary loss=ns,hinge"),
        ({"varied": ["loss=ns"]}, "compares two arms or more"),
        ({"varied": []}, "compares two arms or more"),
        ({"varied": ["loss=ns,ns"]}, "'ns' is there twice"),
        ({"varied": ["seed=1,2"]}, "--first-seed give the seeds"),
        ({"varied": ["recipe=images,dcgan"]}, "a study of each"),
        ({"varied": ["resolution=16,32"]}, "cannot be compared"),
        ({"varied": ["evaluate.samples=500,4000"]}, "--samples says"),
        ({"changes": {"threads": 4}}, "--set threads: every trial has one thread"),
        ({"changes": {"data.source": "ring"}}, "DATA names the data"),
        ({"changes": {"loss": "ns"}}, "this is what the study compares"),
        ({"budget": "20k-steps"}, "planned by the clock"),
        ({"budget": "soon"}, "not understood"),
        ({"seeds": 0}, "--seeds must be at least 1"),
    ],
)
def test_what_cannot_be_studied_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        asked(**changes)


def test_values_are_read_as_settings_are() -> None:
    assert vary(["optim.lr=1e-4, 1e-3", "model.d.spectral=true,false"]) == [
        ("optim.lr", [1e-4, 1e-3]),
        ("model.d.spectral", [True, False]),
    ]


def test_shares_fill_the_budget_and_no_more() -> None:
    found = asked()  # 6 trials on 2 cores are 3 rounds
    share = shares(found, 2, elapsed=30, overhead=5)
    lasts = 30 + 3 * (share + 5)
    assert 0.93 * found.budget < lasts <= found.budget
    # A seventh trial would be a fourth round: the others cannot be cut in two.
    assert shares(found, 4, 30, 5) == pytest.approx(shares(found, 3, 30, 5))


def test_a_share_too_small_names_the_budget_that_would_do() -> None:
    small = replace(asked(), budget=20.0)
    with pytest.raises(UserError, match=r"6 trials [\d.]+ s .*--budget \S+ would do") as error:
        shares(small, 2, elapsed=3.0, overhead=2.0)
    text = str(error.value).partition("--budget ")[2].split()[0]
    enough = replace(small, budget=Budget.parse(text).amount)
    assert shares(enough, 2, elapsed=3.0, overhead=2.0) >= LEAST_SECONDS


def test_a_plan_comes_back_as_it_was(tmp_path: Path) -> None:
    wanted = plan_of(asked(name="activations", varied=[]))
    save_plan(tmp_path, wanted)
    assert read_plan(tmp_path) == wanted
    (tmp_path / "plan.json").write_text(json.dumps({"design": 3}))
    with pytest.raises(UserError, match="no readable plan"):
        read_plan(tmp_path)


def test_a_folder_holds_one_study(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    assert not check_folder(folder, asked(), False)
    folder.mkdir()
    (folder / ".lock").touch()
    assert not check_folder(folder, asked(), False)  # of a life that ended before its plan
    save_plan(folder, plan_of(asked()))
    assert check_folder(folder, asked(), False)
    with pytest.raises(UserError, match=r"another study is here \(its seeds differs\)"):
        check_folder(folder, asked(first_seed=1), False)
    assert not check_folder(folder, asked(first_seed=1), True)
    (folder / "notes.txt").write_text("mine")
    clear(folder)
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "notes.txt"]
    with pytest.raises(UserError, match="something else is here"):
        check_folder(folder, asked(), True)


def test_a_lock_is_held_once(tmp_path: Path) -> None:
    with held(tmp_path / "lock") as first, held(tmp_path / "lock") as second:
        assert (first, second) == (True, False)
    with held(tmp_path / "lock") as again:
        assert again
