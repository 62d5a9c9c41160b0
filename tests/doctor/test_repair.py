"""The ladders and the course of a treatment, with findings from a script."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansmith.config import build, nest
from gansmith.doctor.catalogue import CATALOGUE, Disorder
from gansmith.doctor.course import (
    MOST_BACK,
    Course,
    Look,
    advised,
    changed,
    next_move,
    possible,
    rung_at,
    saving,
    watched,
)
from gansmith.doctor.findings import LANGUAGES, Finding
from gansmith.doctor.ground import Ground, ground_of, window_of
from gansmith.doctor.ladder import (
    LADDERS,
    LIMITS,
    READINGS,
    Change,
    Gauge,
    adapted,
    overfitting,
    read,
)
from gansmith.doctor.remarks import done
from gansmith.doctor.repair import Repairer, command
from gansmith.doctor.signs import SIGNS
from gansmith.recipes.usual import Usual
from gansmith.training import Advice, Revive, Rollback, State
from gansmith.training.state import CONTROLS

GROUND = Ground(window=100, steps=100_000)


@pytest.fixture(autouse=True)
def _known(monkeypatch):
    for code in LADDERS:
        if code not in CATALOGUE:
            monkeypatch.setitem(CATALOGUE, code, Disorder("a-disorder", "error", "a test"))


def look(step, *codes, broken=False, where="", **signs):
    found = [Finding(code, where=where) for code in codes]
    return Look(step, found, signs, troubled=bool(codes), broken=broken)


class Patient:
    """A run as the course sees it: controls, and what was done."""

    def __init__(self, ground=GROUND, course=None) -> None:
        self.ground, self.course = ground, course or saving(Course(), 0)
        self.controls, self.acts, self.notes = dict(CONTROLS), [], []

    def see(self, seen):
        before = dict(self.controls)
        move = next_move(self.course, seen, before, self.ground)
        assert before == self.controls, "what is given is left alone"
        self.course = Course.of(json.loads(json.dumps(move.course.as_json())))
        assert self.course == move.course, "it survives a checkpoint"
        for act in move.acts:
            if isinstance(act, Advice):
                self.controls[act.control] = act.value
        assert self.controls == move.controls
        self.acts += move.acts
        self.notes += move.notes
        return move

    def states(self):
        return [note["state"] for note in self.notes]


# The table


@pytest.mark.parametrize("code", LADDERS)
def test_a_ladder_is_well_formed(code):
    ladder = LADDERS[code]
    assert ladder.rungs
    assert len(ladder.last) <= 2, "at most twice, then it gives up"
    assert ladder.gauge.reading in SIGNS or ladder.gauge.reading in READINGS
    for rung in ladder.rungs + ladder.last:
        assert rung.source, "whose advice is it?"
        assert rung.changes or rung.usual or rung.revive or rung.adaptive or rung.told
        assert done(rung)
        for change in rung.changes:
            assert change.control in CONTROLS
            assert change.of(CONTROLS[change.control]) != CONTROLS[change.control]
    assert all(rung.back for rung in ladder.last)
    assert LIMITS.keys() == CONTROLS.keys()


@pytest.mark.parametrize(
    ("change", "old", "new"),
    [
        (Change("gamma", "times", 2.0), 2.0, 4.0),
        (Change("gamma", "times", 2.0), 1024.0, 1024.0),
        (Change("lr", "times", 0.5), 1.0, 0.5),
        (Change("sigma", "least", 0.1), 0.0, 0.1),
        (Change("sigma", "least", 0.1), 0.3, 0.3),
        (Change("lr", "most", 0.25), 1.0, 0.25),
        (Change("lr", "most", 0.25), 0.125, 0.125),
        (Change("d_steps", "plus", 1.0), 1.0, 2.0),
        (Change("d_steps", "plus", 1.0), 4.0, 4.0),
    ],
)
def test_a_change(change, old, new):
    assert change.of(old) == new


@pytest.mark.parametrize(
    ("gauge", "before", "after", "better"),
    [
        (Gauge("x", "up", 0.1), 0.2, 0.3, True),
        (Gauge("x", "up", 0.1), 0.2, 0.29, False),
        (Gauge("x", "down", 0.1), 0.9, 0.8, True),
        (Gauge("x", "down", 0.1), 0.9, 1.5, False),
        (Gauge("x", "up", 2.0, times=True), 1e-6, 2e-6, True),
        (Gauge("x", "down", 2.0, times=True), 30.0, 16.0, False),
        (Gauge("x", "up", 0.1), None, 0.9, False),
        (Gauge("x", "up", 0.1), 0.2, None, False),
        (Gauge("x", "down", 0.1), math.nan, 0.9, True),
        (Gauge("x", "down", 0.1), 0.9, math.nan, False),
    ],
)
def test_a_gauge(gauge, before, after, better):
    assert gauge.improved(before, after) is better


def test_adas_heuristics():
    """Karras et al. 2020 (ADA), equation (1)."""
    signs = {"d_real": 3.0, "d_held": 1.0, "d_fake": -1.0}
    assert read("overfitting", signs) == pytest.approx(0.5)
    assert overfitting(signs) == pytest.approx(0.2)
    assert overfitting({"acc_real": 0.9}) == pytest.approx(0.2), "2·0.9 − 1 − 0.6"
    assert overfitting({}) is None
    assert adapted(0.2, signs, 50, 100) == pytest.approx(0.45)
    assert adapted(0.2, {"acc_real": 0.6}, 20, 100) == pytest.approx(0.1)
    assert adapted(0.79, signs, 50, 100) == 0.8, "a distortion seen more often leaks"
    assert adapted(0.1, {"acc_real": 0.5}, 50, 100) == 0.0


# The course


def test_a_rung_whose_sign_recovers_is_kept():
    patient = Patient()
    patient.see(look(10, "GS305", acc_pairs=1.0))
    assert patient.controls == CONTROLS | {"gamma": 2.0}
    patient.see(look(60, "GS305", acc_pairs=1.0))
    assert patient.states() == ["tried"], "not before its window is over"
    patient.see(look(110, acc_pairs=0.8))
    assert patient.states() == ["tried", "kept"]
    assert patient.controls == CONTROLS | {"gamma": 2.0}
    assert patient.notes[-1] == {
        "code": "GS305", "act": "γ ×2", "state": "kept", "why": "GS305 is gone", "changes": {},
        "sign": "acc_pairs", "before": 1.0, "after": 0.8,
        "told": {
            "en": {"state": "kept", "act": "γ ×2", "why": "GS305 is gone", "sign": "acc_pairs"},
            "zh": {"state": "保留", "act": "γ 值 ×2", "why": "GS305 已消失", "sign": "acc_pairs"},
        },
    }  # fmt: skip


def test_a_rung_that_does_not_help_is_taken_back_and_the_next_one_tried():
    patient = Patient()
    patient.see(look(10, "GS305", acc_pairs=1.0))
    patient.see(look(110, "GS305", acc_pairs=0.99))
    assert patient.states() == ["tried", "undone", "tried"]
    assert patient.notes[1]["changes"] == {"gamma": [2.0, 1.0]}
    assert patient.controls == CONTROLS | {"sigma": 0.1}


def test_a_sign_that_is_better_keeps_a_rung_though_the_finding_still_stands():
    patient = Patient()
    patient.see(look(10, "GS305", acc_pairs=1.0))
    patient.see(look(110, "GS305", acc_pairs=0.9))
    assert patient.states() == ["tried", "kept", "tried"]
    assert patient.controls == CONTROLS | {"gamma": 2.0, "sigma": 0.1}


def test_the_end_of_a_ladder_goes_back_twice_and_gives_up():
    patient = Patient()
    patient.course = replace(patient.course, healthy=400)
    for step in range(1000, 3000, 100):
        patient.see(look(step, "GS305", acc_pairs=1.0))
    ladder = LADDERS["GS305"]
    backs = [act for act in patient.acts if isinstance(act, Rollback)]
    assert [act.step for act in backs] == [400, 400]
    steps = [rung for rung in ladder.rungs + ladder.last if not rung.usual]  # nothing is far off
    assert patient.states().count("tried") == len(steps)
    assert patient.states().count("undone") == patient.states().count("tried")
    assert patient.states()[-1] == "given-up"
    assert "nothing that is known to help has helped" in patient.notes[-1]["why"]
    assert patient.controls == CONTROLS, "as it was set"
    assert patient.course.spent == ("GS305",)


def test_the_gravest_comes_first_and_one_at_a_time():
    patient = Patient()
    patient.see(look(10, "GS310", "GS305", where="D", dead_D=0.9, acc_pairs=1.0))
    assert [type(act) for act in patient.acts] == [Revive]
    assert patient.acts[0].side == "D"
    patient.see(look(110, "GS305", acc_pairs=1.0))
    assert patient.states() == ["tried", "kept", "tried"]
    assert patient.notes[-1]["code"] == "GS305"


def test_numbers_that_break_down_go_back_at_once():
    patient = Patient()
    patient.course = replace(patient.course, healthy=80)
    patient.see(look(100, "GS307", moved=1.0))
    assert patient.controls["gamma"] == 2.0
    patient.see(look(120, "GS307", broken=True, nonfinite=1.0))
    assert patient.states() == ["tried", "undone", "rolled-back", "tried"]
    assert [act.step for act in patient.acts if isinstance(act, Rollback)] == [80]
    assert patient.controls == CONTROLS | {"gamma": 2.0, "lr": 0.1}
    patient.see(look(150, broken=True, nonfinite=1.0))
    assert patient.controls == CONTROLS | {"gamma": 4.0, "lr": 0.025}
    patient.see(look(250))
    assert patient.states()[-1] == "kept"


def test_after_a_step_back_the_finding_must_not_come_again():
    patient = Patient()
    patient.see(look(300, "GS308", g_loss=1e5))
    assert (patient.course.reverted, patient.course.lost) == (300, 300)
    patient.see(look(320))
    assert patient.states() == ["rolled-back", "tried"]
    patient.see(look(340, "GS308", g_loss=1e2))
    assert patient.states() == ["rolled-back", "tried", "undone", "rolled-back", "tried"]
    assert "is back after 40 steps" in patient.notes[2]["why"]
    assert patient.controls == CONTROLS | {"gamma": 4.0, "lr": 0.025}
    patient.see(look(440))
    assert patient.states()[-1] == "kept"


def test_how_long_the_players_have_learned():
    """What they did between a checkpoint and the step back to it is no part of them."""
    patient = Patient()
    patient.see(look(300, "GS308"))  # back to 0: all 300 are lost
    patient.see(look(340))
    patient.course = saving(patient.course, 350)
    for step in (360, 400, 460):
        patient.see(look(step))
    assert patient.course.healthy == 350
    patient.see(look(700, "GS308"))
    assert [act.step for act in patient.acts if isinstance(act, Rollback)] == [0, 350]
    assert patient.course.lost == 650, "they have learned for 50 steps"


def test_a_penalty_that_is_off_is_turned_on_before_it_is_doubled():
    ground = replace(GROUND, gamma_start=0.5)
    patient = Patient(ground)
    patient.see(look(10, "GS305", acc_pairs=1.0))
    assert patient.controls == CONTROLS | {"gamma_least": 0.5}
    patient.see(look(110, acc_pairs=0.7))
    patient.see(look(300, "GS307", moved=1.0))
    assert patient.controls == CONTROLS | {"gamma_least": 0.5, "gamma": 2.0}


@pytest.mark.parametrize(
    ("ground", "code", "act"),
    [
        (replace(GROUND, penalty=False), "GS305", "instance noise at least 0.1"),
        (replace(GROUND, penalty=False), "GS307", "rate /2"),
        (replace(GROUND, distortions=False), "GS309", "γ ×2"),
        (replace(GROUND, gamma_start=1.0), "GS311", "rate /2"),
    ],
)
def test_what_a_run_does_not_allow_for_is_left_out(ground, code, act):
    patient = Patient(ground)
    patient.see(look(10, code))
    assert patient.notes[-1]["act"] == act


def test_what_no_running_game_can_change_is_told_once():
    patient = Patient()
    patient.course = replace(patient.course, healthy=None)
    for step in range(10, 2000, 100):
        patient.see(look(step, "GS302", coverage=0.1))
    told = [note for note in patient.notes if note["state"] == "advised"]
    assert [note["act"] for note in told] == ["another run with model.d.pac=2"]
    assert patient.controls == CONTROLS


def test_too_late_to_tell_is_too_late_to_try():
    patient = Patient(replace(GROUND, steps=200))
    patient.see(look(101, "GS305", acc_pairs=1.0))
    assert patient.acts == patient.notes == []
    assert patient.course.rungs == {}


def test_augmentation_follows_overfitting_while_it_is_tried_and_after():
    patient = Patient()
    overfit = {"d_real": 3.0, "d_held": -0.9, "d_fake": -1.0}
    patient.see(look(10, "GS309", **overfit))
    chances = []
    for step in range(30, 111, 20):
        patient.see(look(step, "GS309", **overfit))
        chances.append(patient.controls["augment"])
    assert chances[:4] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    patient.see(look(130, d_real=1.0, d_held=1.0, d_fake=0.0))
    assert patient.states() == ["tried", "undone", "tried"]
    assert patient.controls["augment"] == 0.0

    patient = Patient()
    patient.see(look(10, "GS309", **overfit))
    for step in (60, 110):
        patient.see(look(step, **(overfit | {"d_held": 2.0})))
    assert patient.states() == ["tried", "kept"]
    kept = patient.controls["augment"]
    patient.see(look(210, d_real=1.0, d_held=1.0, d_fake=0.0))
    assert patient.controls["augment"] == max(0.0, kept - 0.5)


FAR = replace(GROUND, steps=1000, usual={"lr": 0.01, "gamma_least": 0.4})


def test_far_settings_are_set_to_what_is_usual_and_the_players_begin_afresh():
    patient = Patient(FAR)
    patient.course = replace(patient.course, healthy=300, ages={"healthy": 300})
    patient.see(look(400, "GS301", diversity=0.0))
    assert [act.step for act in patient.acts if isinstance(act, Rollback)] == [0]
    assert (patient.course.healthy, patient.course.lost) == (0, 400)
    assert patient.controls == CONTROLS | FAR.usual
    assert patient.notes[-1]["act"] == "back to the last healthy checkpoint, what is usual"


def test_with_no_time_to_learn_as_long_again_they_go_on_from_the_last_healthy_checkpoint():
    patient = Patient(FAR)
    patient.course = replace(patient.course, healthy=500, ages={"healthy": 500})
    patient.see(look(501, "GS301", diversity=0.0))
    assert [act.step for act in patient.acts if isinstance(act, Rollback)] == [500]


def test_what_is_usual_stays_and_further_rungs_go_on_from_there():
    patient = Patient(FAR)
    patient.see(look(300, "GS308", g_loss=1e5))
    patient.see(look(340, "GS308", g_loss=1e5))
    assert patient.states() == ["rolled-back", "tried", "kept", "rolled-back", "tried"]
    assert "begins from here" in patient.notes[2]["why"]
    assert patient.controls == CONTROLS | {"gamma_least": 0.4, "gamma": 2.0, "lr": 0.001}
    patient.see(look(360, "GS308", g_loss=1e5))
    assert patient.states()[-3] == "undone"
    assert patient.controls["lr"] == pytest.approx(0.01 / 40)


def test_settings_near_to_what_is_usual_are_left_alone():
    patient = Patient()
    patient.see(look(300, "GS308", g_loss=1e5))
    assert patient.notes[-1]["act"].endswith("γ at least ×2, rate at most /10")


# Checkpoints


def test_a_checkpoint_is_healthy_when_no_trouble_followed_it():
    course = saving(Course(), 0)
    assert course.healthy == 0
    course = saving(course, 100)
    assert (course.healthy, course.pending) == (0, 100)
    course = saving(course, 150)
    assert course.pending == 100, "one at a time: there are never more than two to spare"
    course = watched(course, look(180), 100)
    assert course.healthy == 0
    course = watched(course, look(200), 100)
    assert (course.healthy, course.pending) == (100, None)
    course = saving(course, 200)
    course = watched(course, look(250, "GS301"), 100)
    assert (course.healthy, course.pending) == (100, None)
    assert saving(course, 300).pending is None, "not while it lasts"
    course = saving(watched(course, look(350), 100), 400)
    assert course.pending == 400


# Any script


codes = st.sampled_from([*LADDERS, None])
values = st.sampled_from([0.0, 0.05, 0.3, 0.9, 1.0, 40.0])
scripts = st.lists(
    st.tuples(
        st.lists(codes, max_size=3),
        st.dictionaries(st.sampled_from(sorted(SIGNS)), values, max_size=6),
        st.booleans(),  # a checkpoint is due
        st.integers(0, 9),  # 0: the numbers broke down
    ),
    max_size=60,
)


@given(
    scripts,
    st.booleans(),
    st.booleans(),
    st.sampled_from([0.0, 0.5]),
    st.integers(10, 130),
)
def test_no_script_leaves_a_change_that_was_not_kept(script, penalty, has_d, gamma, every):
    ground = Ground(100, 10**6, penalty=penalty, has_d=has_d, gamma_start=gamma)
    patient = Patient(ground)
    expected = dict(CONTROLS)  # by what was kept alone
    for number, (found, signs, due, luck) in enumerate(script, 1):
        step, begun = number * every, len(patient.notes)
        was, before = patient.course.trial, dict(patient.controls)
        patient.see(look(step, *[c for c in found if c], broken=luck == 0, **signs))
        if due:
            patient.course = saving(patient.course, step)
        for note in patient.notes[begun:]:
            if note["state"] == "kept":
                expected |= {name: before[name] for name in was.old}
        trial = patient.course.trial
        open_now = dict(patient.controls)
        if trial is not None:
            open_now |= trial.old
        for control, value in open_now.items():
            regulated = control == "augment" and patient.course.regulated is not None
            assert regulated or value == expected[control], (control, step)
            low, high = LIMITS[control]
            assert low <= patient.controls[control] <= high
        if trial is not None:
            assert trial.until == trial.begun + 100
    backs = [act for act in patient.acts if isinstance(act, Rollback)]
    assert len(backs) == patient.course.rollbacks <= MOST_BACK
    assert all(act.step >= 0 for act in backs)


@given(scripts, st.integers(0, 30))
def test_a_course_that_was_interrupted_is_the_same(script, at):
    """`Patient` goes through JSON at each look; here the run is cut in two as well."""
    one, two = Patient(), Patient()
    for number, (found, signs, due, luck) in enumerate(script, 1):
        if number == at:
            saved = json.loads(json.dumps([two.course.as_json(), two.controls]))
            two = Patient(course=Course.of(saved[0]))
            two.controls = saved[1]
        for each in (one, two):
            each.see(look(number * 40, *[c for c in found if c], broken=luck == 0, **signs))
            if due:
                each.course = saving(each.course, number * 40)
    assert one.course == two.course
    assert one.controls == two.controls


# Advice


SETTINGS = {"optim.lr": 1e-3, "penalty.gamma": 0.5, "batch": 8, "augment.policy": "none"}


KNOWN = Usual(lr=1e-3, gamma=0.7)


def config(**changes):
    return build(nest((SETTINGS | changes).items()))


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("GS305", "--set penalty.gamma=1 "),
        ("GS313", "--set optim.lr=0.004 "),
        ("GS308", "--set penalty.gamma=1 --set optim.lr=0.0001 "),
        ("GS306", "--set optim.d_ratio=4 "),
        ("GS309", "--set augment.policy=all "),
        ("GS310", "--set model.g.activation=leaky-relu "),
    ],
)
def test_advice_is_a_command(code, text):
    cfg = config()
    course, notes = advised(Course(), look(10, code), GROUND, lambda r, n, s: command(cfg, r, n, s))
    (note,) = notes
    assert note["state"] == "advised"
    assert text in note["why"]
    again, silent = advised(course, look(20, code), GROUND, lambda r, n, s: command(cfg, r, n, s))
    assert silent == []
    assert again == course


@pytest.mark.parametrize(
    ("where", "activation", "text"),
    [
        ("D", {}, "--set model.d.activation=leaky-relu "),
        ("G", {"model.g.activation": "relu"}, "--set model.g.activation=leaky-relu "),
        ("G", {"model.g.activation": "leaky-relu"}, "--set optim.lr=0.0005 "),
    ],
)
def test_dead_units_are_kept_from_dying_by_hand(where, activation, text):
    """No setting revives them; one that only repeats "--repair auto" helps nobody."""
    cfg = config(**activation)
    seen = look(10, "GS310", where=where)
    _, (note,) = advised(Course(), seen, GROUND, lambda r, n, s: command(cfg, r, n, s))
    for language in LANGUAGES:
        assert text.strip() in note["told"][language]["why"]


@pytest.mark.parametrize("code", LADDERS)
def test_a_command_can_be_given(code):
    """Every setting that a rung names exists, and takes the value."""
    ladder, cfg = LADDERS[code], config()
    for number in range(len(ladder.rungs + ladder.last)):
        rung = rung_at(ladder, number)
        ground = replace(GROUND, usual={"lr": 0.01, "gamma": 50.0}) if rung.usual else GROUND
        new = changed(rung, CONTROLS, ground)
        words = command(cfg, rung, new).split()
        assert words, "there is always something that a user can do"
        pairs = [word.split("=") for word in words if "=" in word]
        for key, value in pairs:
            number_or_word = float(value) if value[0].isdigit() else value
            whole = key in ("optim.d_steps", "model.d.pac")
            config(**{key: int(number_or_word) if whole else number_or_word})
        assert possible(replace(rung, back=False), Course(), new, ground) or rung.told


def test_the_window_of_a_short_run_and_of_a_long_one():
    assert window_of(300, 5) == 30
    assert window_of(1_000, 20) == 100
    assert window_of(2_500, 20) == window_of(12_000, 20) == 250
    assert window_of(100_000, 20) == 2_000
    assert window_of(1_000, 100) == 500


def test_the_ground_of_a_run():
    state = State({}, None, total_images=8_000)
    ground = ground_of(config(**{"doctor.every": 20}), state, "images", KNOWN)
    assert ground.steps == 1_000
    assert ground.gamma_start == 0.0, "it is set"
    assert ground.distortions
    ground = ground_of(config(**{"penalty.gamma": 0.0, "doctor.every": 20}), state, "points", KNOWN)
    assert ground.gamma_start == 0.7
    assert not ground.distortions
    none = config(**{"penalty.name": "none", "penalty.gamma": 0.0, "doctor.every": 20})
    assert not ground_of(none, state, "points", KNOWN).penalty


# The adviser


class Script:
    """Findings and signs by step, as a monitor would give them."""

    def __init__(self, looks) -> None:
        self.looks, self.latest, self.standing, self.voided = looks, (-1, {}), [], []

    def at(self, step):
        if step in self.looks:
            codes, signs = self.looks[step]
            self.standing = [Finding(code) for code in codes]
            self.latest = (step, signs)

    def reverted(self, step, lost):
        self.voided.append((step, lost))


def repairer(mode, looks):
    state, records = State({}, None, total_images=80_000), []
    script = Script(looks)
    cfg = config()
    made = Repairer(
        mode,
        state,
        script,
        lambda: replace(GROUND, steps=10_000),
        lambda rung, new, side: command(cfg, rung, new, side),
        lambda kind, **fields: records.append({"kind": kind} | fields),
    )
    return made, state, script, records


def test_it_acts_on_looks_alone():
    made, state, script, records = repairer("auto", {20: (["GS305"], {"acc_pairs": 1.0})})
    for step in range(1, 40):
        script.at(step)
        acts = made(step, {})
        assert bool(acts) == (step == 20)
    assert [record["state"] for record in records] == ["tried"]
    assert records[0]["step"] == 20
    assert Course.of(state.remedies).trial.code == "GS305"


def test_advice_changes_nothing():
    made, state, script, records = repairer("advise", {20: (["GS305"], {"acc_pairs": 1.0})})
    script.at(20)
    assert made(20, {}) is None
    assert [record["state"] for record in records] == ["advised"]
    assert made.rescue(21, "it broke") is None
    assert state.controls == CONTROLS
    made.saving()
    assert state.spared() == set()


def test_a_rescue_needs_somewhere_to_go_back_to():
    made, state, script, records = repairer("auto", {})
    assert made.rescue(21, "it broke") is None
    assert records[-1]["state"] == "given-up"
    assert "the run ends here" in records[-1]["why"]
    made, state, script, records = repairer("auto", {})
    made.saving()
    assert state.spared() == {0}
    acts = made.rescue(21, "it broke")
    assert isinstance(acts[0], Rollback)
    assert script.voided == [(21, 21)]


def test_a_warning_is_trouble_and_advice_is_none(monkeypatch):
    for severity, pending in (("error", None), ("warning", None), ("advice", 50)):
        monkeypatch.setitem(CATALOGUE, "GS312", Disorder("checkerboard", severity, "a test"))
        made, state, script, _ = repairer("auto", {60: (["GS312"], {})})
        state.step = 50
        made.saving()
        script.at(60)
        made(60, {})
        assert state.remedies["pending"] == pending
