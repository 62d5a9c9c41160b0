"""The training loop, read from top to bottom: the players' steps, average, advice, save."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch

from gansmith.config import Config
from gansmith.engine import (
    Engine,
    equal_everywhere,
    in_parts,
    is_main,
    largest,
    threads,
    told,
    use_threads,
)
from gansmith.errors import UserError
from gansmith.tasks import Task
from gansmith.training import ema, schedule
from gansmith.training.batches import Batches
from gansmith.training.log import Log
from gansmith.training.moves import (
    Signals,
    differentiate,
    held,
    look_back,
    looking_ahead,
    move,
    remember_outputs,
    rounds,
    turn_of,
)
from gansmith.training.remedies import Act, Adviser, Diverged, Fresh, Hand
from gansmith.training.state import State

SLOWED = 0.4  # of the best speed: below it one thread is faster (docs/performance.md)


@dataclass(frozen=True)
class Hooks:
    """What the loop calls out to; it knows neither metrics nor reports."""

    sample: Callable[[State], str]  # draws a sheet, returns its file name
    saved: Callable[[State], None]  # a checkpoint stands
    stop: Callable[[], str | None]  # why to stop now, or None
    evaluate: Callable[[State], None]  # scores the average as it is; leaves the state alone
    advisers: tuple[Adviser, ...] = field(default_factory=tuple)
    rescue: Callable[[int, str], Sequence[Act] | None] | None = None  # of a run that diverged
    saving: Callable[[State, bool], None] | None = None  # a checkpoint comes; whether it was due
    fresh: Fresh | None = None  # new weights for units that are revived
    begin: Callable[[], Sequence[Act]] | None = None  # what is done before the first step


def train(
    engine: Engine,
    cfg: Config,
    task: Task,
    state: State,
    batches: Batches,
    log: Log,
    hooks: Hooks,
    out: Path,
) -> str:
    """Train until the budget is spent or a stop is asked for; the state is saved either way.

    Args:
        engine: devices and precision.
        cfg: resolved settings: none may read ``auto``.
        task: what D and G minimise.
        state: where to begin; changed in place.
        batches: what each player sees at each step.
        log: the run's diary.
        hooks: sample sheets, the stop signal, advisers.
        out: the run's folder.

    Returns:
        Why training ended: ``"budget"``, or what ``hooks.stop`` said.

    Raises:
        UserError: if a loss or a weight is not finite, or a checkpoint cannot be written.
    """
    per_step, checkpoints = schedule.images_per_step(cfg), out / "checkpoints"
    hand = Hand(task, state, batches, log, checkpoints, hooks.fresh)
    clock = Clock(state)
    why, logged = None, state.step
    shown: Signals = {}  # a lazy penalty is shown as it last was
    if state.step == 0:
        hand.follow(hooks.begin() if hooks.begin else ())
        save(cfg, state, log, clock, checkpoints, hooks)
        draw(state, log, hooks)

    while state.images < state.total_images and not (why := hooks.stop()):
        now = schedule.at(cfg, state.scheduled, state.total_images)
        signals = play(engine, cfg, task, state, batches, now)
        state.step += 1
        state.images += per_step
        shown |= signals
        ema.update(state.average, state.G.bare, now.ema_decay)

        last = state.images >= state.total_images
        try:
            if state.step % int(cfg.log_every) == 0 or state.step == 1 or last:
                logged = state.step
                write_step(log, cfg, state, now, shown, clock)
            advise(hand, hooks.advisers, signals)  # from the next step on
            if state.step % int(cfg.sample_every) == 0:
                draw(state, log, hooks)
            if cfg.evaluate.every and (state.step % cfg.evaluate.every == 0 or last):
                with clock.stopped():
                    hooks.evaluate(state)
            if save_is_due(cfg, state, clock) and state.images < state.total_images:
                save(cfg, state, log, clock, checkpoints, hooks)
                hooks.saved(state)
            if last:
                check_finite(cfg, state)
        except Diverged as error:
            rescue(hand, hooks, error)
            shown, logged = {}, state.step

    if why and hooks.rescue and not state.finite():  # a resume meets it again, and rescues there
        log.write("end", step=state.step, images=state.images, seconds=state.seconds, why=why)
        return why
    why = why or "budget"
    if logged != state.step:  # stopped between two records
        write_step(log, cfg, state, now, shown, clock)
    save(cfg, state, log, clock, checkpoints, hooks)
    hooks.saved(state)
    if why == "budget" and state.step % int(cfg.sample_every):
        draw(state, log, hooks)
    log.write("end", step=state.step, images=state.images, seconds=round(state.seconds, 3), why=why)
    return why


def draw(state: State, log: Log, hooks: Hooks) -> None:
    """A sample sheet and its record."""
    try:
        name = hooks.sample(state)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(
            f"could not draw the samples of step {state.step}: {reason}; "
            "the last good checkpoint is kept"
        ) from error
    log.write("sample", step=state.step, images=state.images, file=name)


def play(
    engine: Engine, cfg: Config, task: Task, state: State, batches: Batches, now: schedule.Scheduled
) -> Signals:
    """One step of the game: D's steps, then G's; or, as ``optim.play`` says, both at once.

    Returns:
        The signals of each player's last step in it, taken at the weights that it started from.
    """
    signals: Signals = {}
    for movers in rounds(cfg.optim, task.players, int(state.controls["d_steps"])):
        turns = [turn_of(cfg, state, batches, now, mover) for mover in movers]
        seen = [differentiate(engine, cfg, task, state, turn) for turn in turns]
        if cfg.optim.play == "extragradient":
            with looking_ahead(cfg, turns):  # the gradients there, the step from here
                for turn in turns:
                    differentiate(engine, cfg, task, state, turn)
        for turn, found in zip(turns, seen, strict=True):
            move(cfg, turn.player)
            remember_outputs(cfg, state, turn.player.name, found)
            signals |= found
    look_back(cfg, state)
    return signals


class Clock:
    """Training seconds over all the run's lives, and the speed since the last look."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._last = time.monotonic()
        self._begun = (state.seconds, state.images)
        self._marks: dict[str, tuple[float, int]] = {}

    def tick(self) -> float:
        """Add what has passed to the state's seconds."""
        now = time.monotonic()
        self._state.seconds += now - self._last
        self._last = now
        return self._state.seconds

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """What is done within is no training: neither the budget nor the speed knows of it."""
        self.tick()
        try:
            yield
        finally:
            self._last = time.monotonic()

    def since(self, mark: str) -> float:
        """Seconds since `speed` was last called with this mark (or since this life began)."""
        return self.tick() - self._marks.get(mark, self._begun)[0]

    def speed(self, mark: str) -> float:
        """Images per second since the last call with this mark (or since this life began)."""
        seconds, images = self.tick(), self._state.images
        then, seen = self._marks.get(mark, self._begun)
        self._marks[mark] = (seconds, images)
        return (images - seen) / (seconds - then) if seconds > then else 0.0


def advise(hand: Hand, advisers: Iterable[Adviser], signals: Signals) -> None:
    """Ask each adviser in turn; the hand does what it says before the next one is asked."""
    for adviser in advisers:
        hand.follow(adviser(hand.state.step, signals) or ())


def rescue(hand: Hand, hooks: Hooks, error: Diverged) -> None:
    """Do what saves a run whose numbers are no longer numbers, or let it end."""
    acts = hooks.rescue(hand.state.step, str(error)) if hooks.rescue else None
    if acts is None:
        raise error
    hand.follow(acts)


def write_step(
    log: Log, cfg: Config, state: State, now: schedule.Scheduled, signals: Signals, clock: Clock
) -> None:
    """One ``step`` record; a value that is not finite ends the run: the last checkpoint is good."""
    now = held(now, state)
    values = {key: float(value) for key, value in signals.items()}
    log.write(
        "step",
        step=state.step,
        images=state.images,
        images_per_second=round(clock.speed("log"), 1),
        seconds=round(state.seconds, 3),
        lr=now.lr,
        beta2=now.beta2,
        gamma=now.gamma,
        ema=now.ema_decay,
        **{key: float(f"{value:.6g}") for key, value in values.items()},
    )
    bad = [key for key, value in values.items() if not torch.isfinite(torch.tensor(value))]
    if bad:
        raise diverged(cfg, state, f"{bad[0]} is {values[bad[0]]}")


def diverged(cfg: Config, state: State, what: str) -> Diverged:
    """The error of a run whose numbers are no longer numbers."""
    gamma = float(cfg.penalty.gamma) if cfg.penalty.name != "none" else 0.0
    or_more = f" or twice the penalty (--set penalty.gamma={gamma * 2:g})" if gamma else ""
    return Diverged(
        f"training diverged by step {state.step}: {what}; try half the rate "
        f"(--set optim.lr={float(cfg.optim.lr) / 2:g}){or_more}; the last good checkpoint is kept"
    )


def save_is_due(cfg: Config, state: State, clock: Clock) -> bool:
    """Every ``save_every`` steps; with a budget in seconds, also after an eighth of it.

    The clock matters where a machine has become so slow that the next step to save at is far away.
    It is the main rank's: no two of them go alike.
    """
    if state.step % int(cfg.save_every) == 0:
        return True
    if cfg.budget.unit != "seconds":
        return False
    late = is_main() and clock.since("plan") > max(5.0, cfg.budget.amount / 8)
    return bool(largest(int(late)))


def replan(cfg: Config, state: State, log: Log, speed: float) -> None:
    """How many images the rest of a budget in seconds will hold, and on how many threads.

    Threads that wait for each other lose most of a machine on which others have become busy; one
    thread does not. Budgets in steps or images are never re-planned: they promise the same bits.
    """
    per_step, left = schedule.images_per_step(cfg), cfg.budget.amount - state.seconds
    state.total_images = state.images + max(0, round(left * speed / per_step)) * per_step
    why = f"{max(0.0, left):.0f} s left at {speed:.0f} images/s"
    if state.best_speed:  # threads are ours to choose
        if threads() > 1 and speed < SLOWED * state.best_speed:
            why += f" instead of {state.best_speed:.0f}: a busy machine, so one thread from here"
            state.threads = 1
            use_threads(1)
        state.best_speed = max(state.best_speed, speed)
    log.write(
        "plan",
        step=state.step,
        total_images=state.total_images,
        threads=threads(),
        why=why,
    )


def check_finite(cfg: Config, state: State) -> None:
    """Refuse weights and moments that are not numbers."""
    if not state.finite():
        raise diverged(cfg, state, "a weight or a moment of the optimiser is not finite")


def check_alike(state: State) -> None:
    """Refuse to go on where the ranks have come apart: what is saved would be one of several runs.

    Of a weight of which each holds a part there is one only.

    Raises:
        UserError: if they hold other weights.
    """
    weights = [p for player in state.players.values() for p in player.bare.parameters()]
    if not equal_everywhere([weight for weight in weights if not in_parts(weight)]):
        raise UserError(
            f"the ranks hold other weights at step {state.step}: they run other versions or on "
            "other devices; the last good checkpoint is kept"
        )


def save(
    cfg: Config, state: State, log: Log, clock: Clock, checkpoints: Path, hooks: Hooks
) -> None:
    """Save; with a budget in seconds, first re-plan how many images the rest of it will hold.

    The plan is part of the checkpoint: a run that is killed later resumes with the same plan.
    """
    check_finite(cfg, state)
    if hooks.saving:  # one that only a stop, or the clock, has made is not due
        hooks.saving(state, state.step % int(cfg.save_every) == 0)
    # Of one clock for all ranks; the seconds are those that reading the speed has counted.
    speed, state.seconds = told(lambda: (clock.speed("plan"), state.seconds))
    if cfg.budget.unit == "seconds" and speed > 0 and state.images < state.total_images:
        replan(cfg, state, log, speed)
    check_alike(state)
    begun = time.monotonic()
    groups = state.groups()
    path = told(lambda: state.save(checkpoints, cfg.keep, groups))  # any rank could write the bytes
    log.write("save", step=state.step, path=path.name, seconds=round(time.monotonic() - begun, 3))
