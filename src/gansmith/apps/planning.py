"""What needs a clock: how wide, on how many threads, how many images, how often saved and shown."""

from collections.abc import Iterable
from dataclasses import replace

from gansmith.apps.setting_up import Prepared, describe_generator, new_state
from gansmith.engine import cores, told, use_threads
from gansmith.recipes import Facts, Reason, resolve
from gansmith.recipes.automatic import (
    BY_PACE,
    NARROW,
    NARROW_BELOW,
    USUAL,
    apply,
    width_by_pace,
)
from gansmith.tasks import Task
from gansmith.training import Pace, State, every_steps, images_per_step, measure, planned_images
from gansmith.waiting import VARIABLE, policy

FASTER = 2.5  # images that narrow nets see for one of the usual ones: 2.0 to 2.6 were measured
GLANCE, LOOK = 0.3, 1.0  # seconds at each thread count: to choose the width, and to plan by
LOG_EVERY, LOG_RECORDS = 20, 100


def plan(ready: Prepared) -> Prepared:
    """Measure the pace on throw-away nets, then fix all that depends on it."""
    counts = _counts(ready)
    ready = _as_wide_as_it_pays(ready, counts)
    pace = _pace(ready, counts, LOOK)
    use_threads(pace.threads)
    cfg = ready.cfg
    if cfg.budget.unit == "seconds" and len(counts) > 1:
        ready.state.best_speed = pace.best  # other budgets promise the same bits at any speed
    total = planned_images(cfg.budget, images_per_step(cfg), pace.best)
    ready.state.total_images = total
    reasons = [*_of_threads(ready, pace), *_of_steps(ready, total, pace.best)]
    return replace(
        ready,
        cfg=apply(cfg, reasons),
        reasons=(*ready.reasons, *reasons),
        images_per_second=pace.best,
    )


def _counts(ready: Prepared) -> tuple[int, ...]:
    """The numbers of threads to try; one first: what others are hopeless against."""
    counts: tuple[int, ...] = (cores(),)
    if ready.cfg.threads != "auto":
        counts = (ready.cfg.threads,)
    elif ready.engine.device.type == "cpu" and cores() > 1:
        counts = (1, cores())
    return told(lambda: counts)  # each is a number of steps that all ranks make


def _pace(ready: Prepared, counts: tuple[int, ...], seconds: float) -> Pace:
    """On nets that are thrown away."""
    cfg, engine = ready.cfg, ready.engine

    def fresh() -> tuple[Task, State]:
        return new_state(cfg, engine, ready.spec)

    return measure(engine, cfg, fresh, ready.batches, counts, seconds=seconds)


def _as_wide_as_it_pays(ready: Prepared, counts: tuple[int, ...]) -> Prepared:
    """The run with the width for the images that its budget holds, where the width is left open."""
    cfg, device = ready.cfg, ready.engine.device.type
    open_ = [each.key for each in ready.reasons if each.key in BY_PACE]
    if "model.width" not in open_ or not width_by_pace(cfg, ready.data.info, device):
        return ready
    asked = apply(cfg, [Reason(key, "auto", "") for key in open_])
    facts = Facts(device, cfg.precision, images=_held(ready, counts))
    found, reasons = resolve(asked, ready.data.info, facts)
    by_key = {each.key: each for each in reasons}
    ready = replace(
        ready, cfg=found, reasons=tuple(by_key.get(each.key, each) for each in ready.reasons)
    )
    if found.model.width == cfg.model.width:
        return ready
    spec = describe_generator(found, ready.data.info)
    task, state = new_state(found, ready.engine, spec)
    return replace(ready, spec=spec, task=task, state=state)


def outgrown(ready: Prepared) -> str | None:
    """What is to be said of a run that goes on for so long that wider nets would have paid."""
    cfg, images = ready.cfg, ready.state.total_images
    by_pace = width_by_pace(cfg, ready.data.info, ready.engine.device.type)
    if not by_pace or cfg.model.width != NARROW or images < FASTER * NARROW_BELOW:
        return None
    return (
        f"its nets are narrow (model.width={NARROW}), which is right for less time: in so long a "
        f"new run, whose width would be {USUAL}, learns more"
    )


def _held(ready: Prepared, counts: tuple[int, ...]) -> float:
    """About how many images a budget in seconds holds at the width that the nets have now.

    On more threads than one it is seen only where that may decide: steps are part of the budget.
    """
    seconds = ready.cfg.budget.amount
    few = seconds * _pace(ready, counts[:1], GLANCE).best
    if few < NARROW_BELOW < few * max(counts) / counts[0]:
        return max(few, seconds * _pace(ready, counts[1:], GLANCE).best)
    return few


def _of_threads(ready: Prepared, pace: Pace) -> Iterable[Reason]:
    cfg = ready.cfg
    if cfg.threads == "auto":
        speeds = ", ".join(
            f"{each:.0f} images/s on {count}" for count, each in pace.images_per_second.items()
        )
        yield Reason("threads", pace.threads, f"measured {speeds}")
    if cfg.waiting == "auto" or cfg.waiting != policy():
        yield Reason("waiting", policy(), _why_so(cfg.waiting))


def _why_so(wanted: str) -> str:
    """Of the policy that holds: it stood before torch was loaded, and cannot be changed later."""
    if wanted not in ("auto", policy()):
        return f"{wanted} comes too late: {VARIABLE} must be set before torch is loaded"
    if policy() == "active":
        return "threads that sleep between operations halve the speed of a quiet machine"
    return f"as {VARIABLE} was when torch was loaded"


def _of_steps(ready: Prepared, total: int, pace: float) -> Iterable[Reason]:
    cfg = ready.cfg
    save_every, sample_every = every_steps(cfg, total, pace)
    if cfg.save_every == "auto":
        yield Reason("save_every", save_every, "a tenth of the run, at most ten minutes")
    if cfg.sample_every == "auto":
        yield Reason("sample_every", sample_every, "twelve sheets over the run")
    if cfg.log_every == "auto":
        steps = total // images_per_step(cfg)
        log_every = max(1, min(LOG_EVERY, steps // LOG_RECORDS))
        yield Reason("log_every", log_every, "a hundred points or more to every curve")
