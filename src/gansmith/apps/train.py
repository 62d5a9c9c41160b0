"""Train: from data and settings to a run folder with a scored generator and its report."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from gansmith.apps import runs, tensorboard
from gansmith.apps.diary import write_start
from gansmith.apps.evaluating import Scores, evaluator, final_scores, quick_scores
from gansmith.apps.interrupts import stoppable
from gansmith.apps.monitoring import Watch, monitor_of, spaced, watch_of
from gansmith.apps.planning import outgrown, plan
from gansmith.apps.repairing import fresh_weights, keep, repairer_of
from gansmith.apps.setting_up import Prepared, set_up
from gansmith.apps.settling import settings, settle
from gansmith.apps.sharing import mark, of_samples, open_log, restarted, shared
from gansmith.apps.sheets import draw_sheet, draw_strip
from gansmith.apps.showing import maker_of
from gansmith.config import Config
from gansmith.doctor import CATALOGUE, Finding, page
from gansmith.doctor import told as in_words
from gansmith.doctor.monitor import BROKEN_DOWN, Monitor
from gansmith.engine import (
    cores,
    is_divided,
    is_main,
    meet,
    on_main,
    started_by_others,
    threads,
    told,
    use_threads,
    world,
)
from gansmith.errors import UserError
from gansmith.models import Generator
from gansmith.recipes import Reason
from gansmith.reports.card import write_model_card
from gansmith.reports.html import write_report
from gansmith.reports.log_reader import read_log
from gansmith.reports.words import duration
from gansmith.training import Diverged, Hooks, Log, State, images_per_step, planned_images
from gansmith.training import train as play
from gansmith.training.checkpoint import read_latest
from gansmith.training.log import Observer
from gansmith.training.vitals import vitals_of_run

DataProgress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Watching:
    """What a caller wants to see while a run goes on; all of it may be left out.

    ``stop`` is asked before each step (on several ranks right after the one before): a word ends
    the run there, saved, for that reason.
    """

    data: DataProgress | None = None
    decided: Callable[[Prepared, Path], None] | None = None
    record: Observer | None = None
    say: Callable[[str], None] | None = None
    stop: Callable[[], str | None] | None = None
    scores: Scores = quick_scores  # while training


@dataclass(frozen=True)
class TrainResult:
    """What `train` did.

    Attributes:
        verdict: the doctor's: ``healthy``, or the code and name of the gravest finding that stood
            at the end (`gansmith.doctor.monitor`); empty where it did not look.
        why: ``budget``, ``interrupt``, ``terminate``, or what ``Watching.stop`` said.
        ended: the same in a sentence.
        findings: those that stood at the end, the gravest first, as `gansmith.doctor.told`.
    """

    run: Path
    steps: int
    images: int
    seconds: float
    images_per_second: float
    scores: dict[str, dict[str, Any]] = field(default_factory=dict)
    verdict: str = ""
    why: str = "budget"
    ended: str = ""
    findings: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The fields that ``--json`` prints."""
        return asdict(self) | {"run": str(self.run)}


def train(
    data: str | None = None,
    *,
    recipe: str | None = None,
    budget: str | None = None,
    out: str | Path | None = None,
    changes: Mapping[str, Any] | None = None,
    file: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    score: bool = True,
    watching: Watching = Watching(),
    devices: int = 1,
    nodes: int = 1,
) -> TrainResult:
    """Train a generator; the Python side of ``gansmith train``.

    Args:
        data: a folder, a packed file, a built-in or hub name; by default the recipe's data.
        recipe: see ``gansmith recipes``.
        budget: ``90s``, ``5m``, ``20k-steps``, ``2M-images``.
        out: the run's folder, by default ``runs/DATA-RECIPE``.
        changes: settings by dotted key, such as ``{"optim.lr": 1e-3}``.
        file: a YAML file of settings.
        resume: go on with the run in ``out`` if there is one, exactly as if never stopped.
        overwrite: begin afresh where a run was.
        score: whether to end with the score card.
        watching: callbacks; of several processes the first one calls them.
        devices: how many processes share each batch on this machine, each on a device of its own,
            or on its share of the cores; `gansmith.engine.meet` starts them.
        nodes: on how many machines.

    Raises:
        UserError: for anything in the settings, the data or the folder that does not fit.
    """
    changes = dict(changes or {}) | ({"budget": budget} if budget is not None else {})
    back = restarted(out)
    out = out if back is None else back
    again, overwrite = resume or back is not None, overwrite and back is None
    if started_by_others() or devices * nodes > 1:  # before anything is decided or written
        old = Path(out) if again and out is not None else None
        asked = runs.read_settings(old) if old and runs.is_run(old) else None
        meet((asked or settings(data, recipe, changes, file)).device, devices, nodes)
        watching = watching if is_main() else Watching()
    settled = told(lambda: settle(data, recipe, out, changes, file, again, overwrite))
    folder = settled.folder
    ready, watch = _begin(folder, settled.cfg, settled.old, watching)
    log = open_log(folder, lambda: _observers(ready.cfg, folder, watching))
    try:
        beforehand = told(lambda: write_start(log, ready, folder, watching.say))
        monitor = on_main(lambda: _monitor(ready, watch, log, folder))
        with stoppable() as stop:
            hooks = shared(_hooks(ready, folder, log, watching, stop, monitor, beforehand))
            why = _played(ready, log, hooks, folder, monitor)
        ended = partial(_ended, ready, folder, log, why, score, watching, monitor)
        return of_samples(ready.state, ended)
    finally:
        ready.batches.close()
        log.close()


def _hooks(
    ready: Prepared,
    folder: Path,
    log: Log,
    watching: Watching,
    stop: Callable[[], str | None],
    monitor: Monitor | None,
    found: list[Finding],
) -> Hooks:
    """What the loop calls out to; ``found`` is what the lint finds in a new run."""
    repairer, make = repairer_of(ready, monitor, log.write), maker_of(ready)
    return Hooks(
        sample=lambda state: draw_sheet(make(state), state.step, ready.data.info, folder),
        saved=lambda state: _saved(make(state), folder),
        stop=lambda: stop() or (watching.stop() if watching.stop else None),
        evaluate=evaluator(ready, folder, log, watching.say, watching.scores),
        advisers=tuple(each for each in (monitor, repairer) if each),
        rescue=repairer.rescue if repairer and repairer.auto else None,
        saving=lambda _, due: keep(monitor, repairer, due),
        fresh=lambda step: fresh_weights(ready, step),
        begin=(lambda: repairer.begin(found)) if repairer else None,
    )


def _played(ready: Prepared, log: Log, hooks: Hooks, folder: Path, monitor: Monitor | None) -> str:
    """Train; a run whose numbers break down leaves the doctor's finding and a report.

    Raises:
        Diverged: with the code of what happened, and its page.
    """
    try:
        return play(
            ready.engine, ready.cfg, ready.task, ready.state, ready.batches, log, hooks, folder
        )
    except Diverged as error:
        told(lambda: _broke_down(ready, folder, monitor))  # nobody leaves before it is written
        at = f"docs/{page(BROKEN_DOWN, ready.cfg.doctor.language)}"
        raise Diverged(f"{error}; {BROKEN_DOWN} {CATALOGUE[BROKEN_DOWN].name}: {at}") from error


def _born(folder: Path, cfg: Config) -> None:
    runs.make(folder, cfg)
    mark(folder)


def _broke_down(ready: Prepared, folder: Path, monitor: Monitor | None) -> None:
    if monitor:
        monitor.broke_down(ready.state.step)
        write_report(folder)


def _begin(
    folder: Path, cfg: Config, old: Config | None, watching: Watching
) -> tuple[Prepared, Watch | None]:
    """Set up; then either plan a new run, or take on the newest checkpoint of an old one.

    All that can be refused is refused before the run's folder is made or touched. A run without a
    checkpoint was stopped before its first one and begins again, unless it has trained for long
    enough to leave a generator: that is never thrown away without being told to.
    """
    begun = time.monotonic()
    if cfg.tensorboard:
        tensorboard.require()
    saved, problems = read_latest(folder / "checkpoints") if old else (None, [])
    for problem in problems:
        if watching.say:
            watching.say(f"passed over: {problem}")
    if old and saved is None and (folder / runs.GENERATOR).exists():
        raise UserError(
            f"{folder}: this run's checkpoints are gone, so it cannot go on; "
            "--overwrite starts afresh, --out names another folder"
        )
    ready = set_up(cfg, watching.data)
    watch = on_main(lambda: watch_of(ready))
    if saved is None:
        measured = time.monotonic()
        ready = _agreed(plan(ready), watch)
        ready.state.seconds = time.monotonic() - measured  # measuring is part of the budget
        told(lambda: _born(folder, ready.cfg))
    else:
        runs.check_data(folder, ready.data.info.digest)
        ready.state.restore(saved)
        if ready.state.threads:
            use_threads(ready.state.threads)
        if world() > 1:  # as many as one process had, or the share of one among several
            use_threads(min(threads(), cores()))
        if old and ready.cfg.budget != old.budget:
            ready = _move_end(ready)
            if watching.say and (remark := outgrown(ready)):
                watching.say(remark)
        if watching.say and ready.state.images >= ready.state.total_images:
            watching.say("this run is complete: a larger --budget would go on with it")
        told(lambda: runs.save_settings(folder, ready.cfg))
    if watching.decided:
        watching.decided(ready, folder)
    if watching.say:
        watching.say(f"ready in {duration(time.monotonic() - begun)}")
    return ready, watch


def _agreed(ready: Prepared, watch: Watch | None) -> Prepared:
    """The plan as the main rank has it, whose clock it was made by."""

    def decided() -> tuple[Config, tuple[Reason, ...], int]:
        mine = spaced(ready, watch)
        return mine.cfg, mine.reasons, mine.state.total_images

    cfg, reasons, ready.state.total_images = told(decided)
    return replace(ready, cfg=cfg, reasons=reasons)


def _monitor(ready: Prepared, watch: Watch | None, log: Log, folder: Path) -> Monitor | None:
    """The doctor's monitor, with what earlier lives of the run have seen."""
    if watch is None:
        return None
    monitor = monitor_of(ready, watch, log.write)
    signs, since = read_log(folder / runs.LOG).signs, ready.state.remedies.get("reverted")
    if since is not None:
        monitor.reverted(since, ready.state.remedies["lost"])
        signs = [each for each in signs if each["step"] > since]
    monitor.remember(signs)
    return monitor


def _move_end(ready: Prepared) -> Prepared:
    """Another budget on resume moves the end of the run, further away or nearer."""
    budget, per_step, state = ready.cfg.budget, images_per_step(ready.cfg), ready.state
    if budget.unit == "seconds" and not state.images:  # nothing trained yet, so no speed is known
        return plan(ready)
    if budget.unit != "seconds":
        state.total_images = planned_images(budget, per_step, 0.0)
    else:
        left = max(0.0, budget.amount - state.seconds) * state.images / state.seconds
        state.total_images = state.images + round(left / per_step) * per_step
    return ready


def _observers(cfg: Config, folder: Path, watching: Watching) -> tuple[Observer, ...]:
    found: list[Observer] = [watching.record] if watching.record else []
    if cfg.tensorboard:
        found.append(tensorboard.scalars_to(folder / "tensorboard"))
    return tuple(found)


def _saved(generator: Generator, folder: Path) -> None:
    generator.save_pretrained(folder / runs.GENERATOR)


def _ended(
    ready: Prepared,
    folder: Path,
    log: Log,
    why: str,
    score: bool,
    watching: Watching,
    monitor: Monitor | None,
    state: State,
) -> TrainResult:
    """What is left to do once the players have stopped, and what came of the run."""
    ready = replace(ready, state=state)
    if monitor and why == "budget":
        monitor.last(ready.state.step)
    scores = _finish(ready, folder, log, why, score, watching)
    result = _result(ready.state, folder, scores, why)
    if monitor is None:
        return result
    found = [in_words(each, ready.cfg.doctor.language) for each in monitor.standing]
    return replace(result, verdict=monitor.verdict, findings=found)


def _finish(
    ready: Prepared, folder: Path, log: Log, why: str, score: bool, watching: Watching
) -> dict[str, dict[str, Any]]:
    """Vitals, strip, scores, report and model card."""
    if not is_divided(ready.state.G.bare):  # whose parts nobody can look at
        found = vitals_of_run(ready.cfg, ready.task, ready.state, ready.batches)
        log.write("vitals", step=ready.state.step, **found)
    draw_strip(folder)
    scores: dict[str, dict[str, Any]] = {}
    if score and why == "budget":
        if watching.say:
            watching.say("scoring")
        scores = final_scores(ready, ready.state, folder, log, watching.say)
    write_report(folder)
    write_model_card(folder)
    return scores


def _result(state: State, folder: Path, scores: dict[str, dict[str, Any]], why: str) -> TrainResult:
    sentences = {
        "budget": "trained to the end of its budget",
        "interrupt": "stopped by Ctrl-C and saved; --resume goes on",
        "terminate": "stopped by SIGTERM and saved; --resume goes on",
    }
    return TrainResult(
        run=folder,
        steps=state.step,
        images=state.images,
        seconds=round(state.seconds, 2),
        images_per_second=round(state.images / state.seconds, 1) if state.seconds else 0.0,
        scores=scores,
        ended=sentences.get(why, why),
        why=why,
    )
