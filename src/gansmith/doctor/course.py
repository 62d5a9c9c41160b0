"""The course of a treatment: which rung of which ladder is tried, kept or taken back, and when.

One rung is tried at a time, against the first finding that stands. What is decided follows from
the course itself, a step's look and the controls: nothing is remembered elsewhere, so that a run
that goes on from a checkpoint is treated as the run that was never stopped.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from gansmith.doctor.findings import Finding
from gansmith.doctor.ground import Ground
from gansmith.doctor.ladder import LADDERS, Ladder, Rung, adapted, read
from gansmith.doctor.precedence import EXPLAINS
from gansmith.doctor.remarks import Remark, Told, done, remarked
from gansmith.doctor.signs import Signs
from gansmith.tasks import Side
from gansmith.training import Act, Advice, Revive, Rollback
from gansmith.training.state import CONTROLS

MOST_BACK = 8  # times that one run goes back to a checkpoint, whatever for
BROKEN = "GS118"  # what it is called when the loop's numbers are no longer numbers

Note = dict[str, Any]  # a record of kind ``repair``, without its step
# What to set in another run instead of a rung, by the controls it sets and the player it is about.
Command = Callable[[Rung, Mapping[str, float], Side], str]


@dataclass(frozen=True)
class Trial:
    """A rung that is being tried: since when, and how the sign and the controls were before."""

    code: str
    rung: int
    begun: int
    until: int
    before: float | None
    old: dict[str, float]


@dataclass(frozen=True)
class Course:
    """All that the treatment remembers: what a checkpoint keeps of it.

    Attributes:
        rungs: by code, how many rungs are behind: kept, undone or left out.
        spent: codes that nothing is left for.
        told: codes that have been advised on, while nothing may be changed.
        trial: the rung that is being tried.
        regulated: the step at which the chance of distortions was last set; None where it stands.
        first: the step of the first checkpoint, of nets that nothing has harmed.
        healthy: the step of the checkpoint to go back to.
        pending: that of a younger one, which is not known to be healthy yet.
        ages: how many steps the players of either had learned for, those that were lost apart.
        reverted: the step at which the run last went back; None if it never did.
        lost: steps that the present players have no part in.
        troubled: whether an error or a warning stood at the last look.
        rollbacks: how often the run went back.
        begun: whether what is set before the first step has been.
    """

    rungs: dict[str, int] = field(default_factory=dict)
    spent: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    trial: Trial | None = None
    regulated: int | None = None
    first: int | None = None
    healthy: int | None = None
    pending: int | None = None
    ages: dict[str, int] = field(default_factory=dict)
    reverted: int | None = None
    lost: int = 0
    troubled: bool = False
    rollbacks: int = 0
    begun: bool = False

    def as_json(self) -> dict[str, Any]:
        """Plain values, the inverse of `of`."""
        return asdict(self) | {"spent": list(self.spent), "told": list(self.told)}

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> "Course":
        """What a checkpoint kept; nothing of a run that was never treated."""
        known = dict(saved)
        trial = known.get("trial")
        known["trial"] = Trial(**trial) if trial else None
        for name in ("spent", "told"):
            known[name] = tuple(known.get(name, ()))
        return cls(**known)


@dataclass(frozen=True)
class Look:
    """What is known at a step: the findings that stand, causes first, and the signs.

    ``troubled``: whether one of them is an error or a warning. ``broken``: the numbers are none.
    """

    step: int
    standing: Sequence[Finding]
    signs: Signs
    troubled: bool = False
    broken: bool = False

    def stands(self, code: str) -> bool:
        """Whether this finding stands, or one that explains it and is told in its place."""
        return any(
            each.code == code or code in EXPLAINS.get(each.code, ()) for each in self.standing
        )

    def side(self, code: str) -> Side:
        """The player whose finding this is: D's where it says so."""
        of_d = any(each.code == code and each.where == "D" for each in self.standing)
        return "D" if of_d else "G"


@dataclass
class Move:
    """What comes of a look: the course from here, what is to be done, and what is to be logged."""

    course: Course
    controls: dict[str, float]  # as they will be
    acts: list[Act] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def set(self, control: str, value: float, why: Remark, code: str) -> None:
        if self.controls[control] != value:
            self.controls[control] = value
            self.acts.append(Advice(control, value, why.told(), code))


def watched(course: Course, look: Look, patience: int) -> Course:
    """Which checkpoint is healthy: the newest that no error or warning followed for a while."""
    if look.troubled or look.broken:
        return replace(course, troubled=True, pending=None)
    course = replace(course, troubled=False)
    if course.pending is not None and look.step >= course.pending + patience:
        ages = {"healthy": course.ages["pending"]}
        course = replace(course, healthy=course.pending, pending=None, ages=ages)
    return course


def saving(course: Course, step: int) -> Course:
    """A checkpoint is about to be made at a step: it may prove to be healthy. The first one is."""
    if step == 0:
        return replace(course, first=0, healthy=0, ages={"healthy": 0})
    if course.troubled or course.pending is not None:
        return course
    return replace(course, pending=step, ages=course.ages | {"pending": step - course.lost})


def next_move(course: Course, look: Look, controls: Mapping[str, float], ground: Ground) -> Move:
    """The whole of the treatment at one look."""
    move = Move(watched(course, look, ground.window), dict(controls))
    if move.course.trial is not None:
        if not look.broken and not _over(move.course.trial, look):
            _regulate(move, look, ground)
            return move
        _judge(move, look)
    _regulate(move, look, ground)
    codes = [BROKEN] if look.broken else [each.code for each in look.standing]
    for code in codes:
        if code in LADDERS and code not in move.course.spent and _climb(move, code, look, ground):
            break
    return move


def _regulate(move: Move, look: Look, ground: Ground) -> None:
    """ADA's hand on the chance of distortions, where that rung is tried or kept."""
    since = move.course.regulated
    if since is None or look.broken or look.step <= since:
        return
    old = move.controls["augment"]
    new = round(adapted(old, look.signs, look.step - since, ground.window), 6)
    move.set("augment", new, Remark("regulated"), "GS309")
    move.course = replace(move.course, regulated=look.step)


def rung_at(ladder: Ladder, number: int) -> Rung | None:
    """The rungs, then the last resorts; None beyond them."""
    every = ladder.rungs + ladder.last
    return every[number] if number < len(every) else None


def _over(trial: Trial, look: Look) -> bool:
    """Whether a rung has had its time; one that went back fails as soon as the finding is back."""
    rung = rung_at(LADDERS[trial.code], trial.rung)
    return look.step >= trial.until or (rung is not None and rung.back and look.stands(trial.code))


def _judge(move: Move, look: Look) -> None:
    """Keep what is tried, if its finding is gone or its sign is better; else take it back."""
    trial = move.course.trial
    assert trial is not None
    gauge, rung = LADDERS[trial.code].gauge, rung_at(LADDERS[trial.code], trial.rung)
    after = read(gauge.reading, look.signs)
    gone = not look.stands(trial.code)
    again = rung is not None and rung.back and not gone
    kept = not look.broken and not again and (gone or gauge.improved(trial.before, after))
    stays = rung is not None and rung.usual and not kept
    if stays:
        kept = True
        why = Remark("usual-stays", {"code": trial.code})
    elif look.broken:
        why = Remark("broke-down")
    elif again:
        why = Remark("back-again", {"code": trial.code, "steps": look.step - trial.begun})
    elif gone:
        why = Remark("gone", {"code": trial.code})
    else:
        went: dict[str, Told] = {"sign": gauge.reading, "before": trial.before, "after": after}
        why = Remark("better" if kept else "too-little", went, gauge)
    changes = {} if kept else {name: [move.controls[name], old] for name, old in trial.old.items()}
    if not kept:
        for name, old in trial.old.items():
            move.set(name, old, Remark("taken-back", why=why), trial.code)
        if rung is not None and rung.adaptive:
            move.course = replace(move.course, regulated=None)
    state = "kept" if kept else "undone"
    move.notes.append(_note(trial.code, rung, state, why, changes, trial.before, after))
    move.course = replace(move.course, trial=None)


def _climb(move: Move, code: str, look: Look, ground: Ground) -> bool:
    """Try the next rung that this run allows for; False where this code has none left for now."""
    ladder = LADDERS[code]
    before = read(ladder.gauge.reading, look.signs)
    if look.step + ground.window > ground.steps and not look.broken:
        return False  # too late to tell whether it helps
    while (rung := rung_at(ladder, move.course.rungs.get(code, 0))) is not None:
        number = move.course.rungs.get(code, 0)
        move.course = replace(move.course, rungs=move.course.rungs | {code: number + 1})
        if rung.told:
            if rung.told.partition("=")[0] not in ground.told_already:
                why = Remark("not-while-running", {"source": rung.source})
                move.notes.append(_note(code, rung, "advised", why, {}, before, None))
            continue
        new = changed(rung, move.controls, ground)
        if not possible(rung, move.course, new, ground):
            continue
        _begin(move, code, number, rung, new, look, ground, before)
        return True
    why = Remark("ends" if look.broken else "given-up")
    move.notes.append(_note(code, None, "given-up", why, {}, before, None))
    move.course = replace(move.course, spent=(*move.course.spent, code))
    return False


def changed(rung: Rung, controls: Mapping[str, float], ground: Ground) -> dict[str, float]:
    """The controls that a rung sets, and to what; those that it would leave as they are not."""
    new: dict[str, float] = {}
    if rung.usual:
        new = {name: value for name, value in ground.usual.items() if value != controls[name]}
    for change in rung.changes:
        control = change.control
        if control.startswith("gamma") and not (ground.penalty and ground.has_d):
            continue
        if control in ("sigma", "d_steps", "lr_D") and not ground.has_d:
            continue
        value = change.of(controls[control], ground.usual.get(control))
        if control == "gamma" and ground.gamma_start and not controls["gamma_least"]:
            if change.amount < 1:
                continue  # there is no penalty to make weaker
            control, value = "gamma_least", ground.gamma_start
        if value != controls[control]:
            new[control] = value
    return new


def possible(rung: Rung, course: Course, new: Mapping[str, float], ground: Ground) -> bool:
    """Whether a rung would change anything in this run."""
    if rung.usual and not new:
        return False
    if rung.back and (course.healthy is None or course.rollbacks >= MOST_BACK):
        return False
    if rung.adaptive and (
        not ground.distortions or not ground.has_d or course.regulated is not None
    ):
        return False
    return bool(new) or rung.back or rung.revive or rung.adaptive


def _begin(
    move: Move,
    code: str,
    number: int,
    rung: Rung,
    new: dict[str, float],
    look: Look,
    ground: Ground,
    before: float | None,
) -> None:
    told: dict[str, Told] = {"code": code, "window": ground.window, "source": rung.source}
    why = Remark("against", told)
    changes = {name: [move.controls[name], value] for name, value in new.items()}
    old = {name: move.controls[name] for name in new}
    if rung.back:
        learned = move.course.ages.get("healthy", 0)
        if rung.usual and move.course.first is not None and learned <= ground.steps - look.step:
            # What was learned with such settings is no start, if there is time to learn as long.
            move.course = replace(move.course, healthy=move.course.first, ages={"healthy": 0})
        healthy = move.course.healthy
        assert healthy is not None
        move.acts.append(Rollback(healthy, why.told(), code))
        back = {"rollback": [look.step, healthy]}
        move.notes.append(_note(code, rung, "rolled-back", why, back, before, None))
        lost = look.step - move.course.ages.get("healthy", healthy)
        count = move.course.rollbacks + 1
        move.course = replace(
            move.course, rollbacks=count, pending=None, reverted=look.step, lost=lost
        )
    if rung.revive:
        side = look.side(code) if ground.has_d else "G"
        move.acts.append(Revive(side, why.told(), code))
    if rung.adaptive:
        old["augment"] = move.controls["augment"]
        move.course = replace(move.course, regulated=look.step)
    for name, value in new.items():
        move.set(name, value, why, code)
    move.notes.append(_note(code, rung, "tried", why, changes, before, None))
    trial = Trial(code, number, look.step, look.step + ground.window, before, old)
    move.course = replace(move.course, trial=trial)


def _note(
    code: str,
    rung: Rung | None,
    state: str,
    why: Remark,
    changes: Mapping[str, Sequence[float]],
    before: float | None,
    after: float | None,
) -> Note:
    gauge = LADDERS[code].gauge
    return {
        "code": code,
        "act": done(rung),
        "state": state,
        "why": why.told(),
        "changes": {name: list(pair) for name, pair in changes.items()},
        "sign": gauge.reading,
        "before": before,
        "after": after,
        "told": remarked(state, rung, why, gauge.reading),
    }


def advised(
    course: Course, look: Look, ground: Ground, command: Command
) -> tuple[Course, list[Note]]:
    """What `next_move` would try first against each finding, told once; nothing is changed."""
    notes = []
    for code in dict.fromkeys(each.code for each in look.standing):
        if code not in LADDERS or code in course.told:
            continue
        course = replace(course, told=(*course.told, code))
        for rung in LADDERS[code].rungs:
            new = changed(rung, CONTROLS, ground)
            # Another run needs no checkpoint to go back to.
            if rung.told or possible(replace(rung, back=False), course, new, ground):
                before = read(LADDERS[code].gauge.reading, look.signs)
                changes = {name: [CONTROLS[name], value] for name, value in new.items()}
                told: dict[str, Told] = {
                    "command": command(rung, new, look.side(code)),
                    "source": rung.source,
                }
                why = Remark("by-hand", told)
                notes.append(_note(code, rung, "advised", why, changes, before, None))
                break
    return course, notes
