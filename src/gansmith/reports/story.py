"""A run told in words: what was trained on what, for how long, how well, with which settings."""

import math
import shlex
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from gansmith.config import Config, to_tree
from gansmith.reports.log_reader import number
from gansmith.reports.metric_words import METRICS, PERCENT, SHARES
from gansmith.reports.run_folder import Run, flatten, mapping
from gansmith.reports.words import (
    alike,
    compact,
    count,
    duration,
    joined,
    setting,
    significant,
    some,
)

FEW_STEPS = 10
MANY = 6  # titles, that nobody wants to read in a row
MODEL_NAMES = {
    "mlp": "An MLP",
    "resnet": "A residual",
    "dcgan": "A DCGAN",
    "completion": "A completion",
    "unet": "A U-net",
    "translator": "A translation",
}


@dataclass(frozen=True)
class Tile:
    """One number of the page's head, with what it counts and a word on it."""

    label: str
    value: str
    detail: str


@dataclass(frozen=True)
class ScoreView:
    """A score in words."""

    key: str
    title: str
    better: str
    explain: str
    value: str
    interval: str  # 95 %; empty when there is none
    basis: str  # samples, features and resizing, in words
    note: str  # what a reader must know before comparing it
    share: float | None  # in [0, 1], for a bar; None when the score is no share of anything


@dataclass(frozen=True)
class Row:
    """One setting: its value, and where it comes from (``decided``, ``chosen``, ``default``)."""

    key: str
    value: str
    origin: str
    why: str


def data_phrase(run: Run) -> str:
    """``60,000 grey images of 28×28 px ("digits", 10 classes)``."""
    data = run.data
    total = number(data.get("count"))
    source = data.get("source") or run.settings.get("data.source")
    if not source and not math.isfinite(total):
        return "data that its folder does not describe"
    named = f"“{source or 'unnamed'}”"
    if not math.isfinite(total):
        return f"the data {named}"
    if data.get("kind") == "points":
        modes = len(listed(data.get("modes")))
        of = f" around {some(modes, 'mode')}" if modes else ""
        return f"{some(total, 'point')} in the plane{of} ({named})"
    shape = listed(data.get("shape"))
    colour, size = "", ""
    if len(shape) == 3:
        colour = {1: "grey ", 3: "colour "}.get(shape[0], "")
        size = f" of {shape[2]}×{shape[1]} px"
    classes = len(listed(data.get("classes")))
    labelled = f", {some(classes, 'class', 'classes')}" if classes else ""
    return f"{some(total, colour + 'image')}{size} ({named}{labelled})"


def listed(value: Any) -> list[Any]:
    """A list or tuple as a list; anything else as an empty one."""
    return list(value) if isinstance(value, list | tuple) else []


def device_phrase(run: Run) -> str:
    """Where it ran: ``2 cores of AMD EPYC (cpu, fp32)``."""
    start = run.log.start
    machine = mapping(start.get("machine"))
    device = str(start.get("device") or run.settings.get("device") or "")
    where = str(machine.get("accelerator") or "") if not device.startswith("cpu") else ""
    if not where and machine.get("cpu"):
        cores = number(machine.get("cores"))
        where = f"{some(cores, 'core')} of " if math.isfinite(cores) else ""
        where += str(machine["cpu"])
    return where or device


def speed(run: Run) -> float:
    """Images per second: the median over the logged steps, which a pause does not move.

    Of a few steps, the run's own figure: a median of two says little.
    """
    column = run.log.column("images_per_second")
    column = column[column > 0]  # the first step after a start has no speed yet and logs 0
    if len(column) >= FEW_STEPS:
        return float(np.median(column))
    seconds = run.log.reached("seconds")
    return run.log.reached("images") / seconds if seconds > 0 else math.nan


def summary(run: Run) -> str:
    """The run in two or three sentences."""
    model = run.settings.get("model.name")
    parameters = number(mapping(run.log.start.get("parameters")).get("G"))
    sized = f" of {compact(parameters)} weights" if math.isfinite(parameters) else ""
    shown = MODEL_NAMES.get(str(model), f"A {model}")
    who = f"{shown} generator{sized}" if model else f"A generator{sized}"
    if not run.log.steps:
        return f"{who} is to learn {data_phrase(run)}. No training step has been logged yet."
    where = device_phrase(run)
    seconds = run.log.reached("seconds")
    parts = [
        f"{who} learned from {data_phrase(run)}",
        f" for {duration(seconds)}" if math.isfinite(seconds) else "",
        f" on {where}" if where else "",
        ".",
    ]
    if math.isfinite(images := run.log.reached("images")):
        parts.append(f" It was shown {some(images, 'real ' + run.noun)}")
        parts.append(f", {significant(speed(run))} per second." if speed(run) > 0 else ".")
    return "".join(parts)


def status(run: Run) -> tuple[str, str]:
    """Whether the run is complete (``good``, ``open`` or ``bad``), and a sentence on it."""
    log = run.log
    resumed = ""
    if log.resumes:
        at = joined([count(number(event.get("step"))) for event in log.resumes[-5:]])
        many = len(log.resumes)
        times = {1: "once", 2: "twice"}.get(many, f"{many} times")
        resumed = f" It was resumed {times}, {'last ' if many > 5 else ''}at step {at}."
    broken = _broken_from(run)
    if broken is not None:
        text = f"The losses stop being numbers at step {count(broken)}: this run broke down."
        return "bad", text + resumed
    if not log.steps:
        return "open", "Nothing to judge yet." + resumed
    reached = some(log.reached("step"), "step")
    if log.end is None:
        text = f"No end is logged after {reached}: the run was stopped from outside, or goes on."
        return "open", text + resumed
    why = str(log.end.get("why") or "").strip().rstrip(".")
    if why in ("budget", ""):
        return "good", f"Complete after {reached}: its budget is used up.{resumed}"
    return "open", f"Stopped after {reached}: {why}.{resumed}"


def _broken_from(run: Run) -> int | None:
    """The first step of the unbroken stretch of non-finite losses at the end of the log, if any."""
    first = None
    for step in reversed(run.log.steps):
        values = [step[key] for key in ("d_loss", "g_loss") if key in step]
        if not values or all(math.isfinite(number(value)) for value in values):
            break
        first = int(step["step"])
    return first


def tiles(run: Run) -> list[Tile]:
    """The numbers of the head: the main score, time, images, speed and size."""
    log = run.log
    found = []
    views = score_views(run)
    main = next((v for k in ("fid", "fd", "modes") for v in views if v.key == k), None)
    if main:
        found.append(Tile(main.title, main.value, main.interval or main.better))
    if math.isfinite(seconds := log.reached("seconds")):
        found.append(Tile("Training time", duration(seconds), some(log.reached("step"), "step")))
    if math.isfinite(images := log.reached("images")):
        total = number(run.data.get("count"))
        epochs = (
            f"{significant(images / total)} times the data" if total > 0 else "real, shown to D"
        )
        found.append(Tile(f"{run.noun.capitalize()}s seen", compact(images), epochs))
    if speed(run) > 0:
        device = str(log.start.get("device") or "")
        detail = ", ".join(part for part in (f"{run.noun}s", device) if part)
        found.append(Tile("Speed", f"{significant(speed(run))}/s", detail))
    parameters = mapping(log.start.get("parameters"))
    if math.isfinite(g := number(parameters.get("G"))):
        d = number(parameters.get("D"))
        detail = f"D: {compact(d)}" if math.isfinite(d) else ""
        found.append(Tile("Weights of G", compact(g), detail))
    return found


def fills(run: Run) -> bool:
    """Whether its samples are pictures of the data with a hole filled."""
    return run.settings.get("task") == "inpainting"


def turns(run: Run) -> bool:
    """Whether its samples are pictures of the data turned into those of another side."""
    return run.settings.get("task") in ("translation", "unpaired")


def score_views(run: Run) -> list[ScoreView]:
    """The scores in the order of `METRICS`, unknown ones last."""
    order = [name for name in METRICS if name in run.scores]
    order += [name for name in run.scores if name not in METRICS]
    return [_score_view(run, name) for name in order]


def _score_view(run: Run, name: str) -> ScoreView:
    score = run.scores[name]
    value, low, high = (number(score.get(key)) for key in ("value", "low", "high"))
    base, _, part = name.partition(" ")  # "psnr_hole 10-20 %" is of pictures with such holes
    title, better, explain = METRICS.get(base, (base, "", ""))
    title = f"{title}, holes of {part}" if part else title
    bounded = math.isfinite(low) and math.isfinite(high)
    interval = ""
    if name == "classes":
        text = count(value) if value.is_integer() else significant(value)
    elif name == "modes":
        modes = len(listed(run.data.get("modes")))
        text = count(value) if value.is_integer() else significant(value)
        text = f"{text} of {modes}" if modes else text
    elif name in PERCENT:
        text, lower, upper = (f"{100 * share:.1f}" for share in (value, low, high))
        text, interval = f"{text} %", f"{lower} to {upper} %" if bounded else ""
    elif bounded:
        text, lower, upper = alike(value, low, high)
        interval = f"{lower} to {upper}"
    else:
        text = significant(value)
    return ScoreView(
        key=name,
        title=title,
        better=better,
        explain=explain,
        value=text,
        interval=interval,
        basis=_basis(score),
        note=str(score.get("note") or ""),
        share=min(1.0, max(0.0, value)) if name in SHARES else None,
    )


def _basis(score: dict[str, Any]) -> str:
    """What a score rests on: how many samples, which features, how they were resized."""
    parts = []
    if math.isfinite(n := number(score.get("n"))):
        parts.append(f"{count(n)} generated samples")
    if score.get("features"):
        parts.append(f"features: {score['features']}")
    if score.get("resize"):
        parts.append(f"resizing: {score['resize']}")
    return "; ".join(parts)


def score_bases(views: list[ScoreView]) -> list[tuple[str, str]]:
    """What the scores rest on and the notes on them, each once, with the titles it concerns."""
    table: dict[str, list[str]] = {}
    for text, title in [(v.basis, v.title) for v in views] + [(v.note, v.title) for v in views]:
        if text:
            table.setdefault(text.rstrip("."), []).append(title)
    return [
        ("All of them" if MANY < len(titles) == len(views) else joined(titles), text)
        for text, titles in table.items()
    ]


def plan(run: Run) -> str:
    """How a time budget became a number of images, from the latest plan; empty without one."""
    if not run.log.plans:
        return ""
    last = run.log.plans[-1]
    why = str(last.get("why") or "").rstrip(".")
    total = number(last.get("total_images"))
    means = f", which makes {some(total, run.noun)} in all" if math.isfinite(total) else ""
    budget = setting(run.settings.get("budget", "in time"))
    many = len(run.log.plans)
    times = f"planned {many} times, last" if many > 1 else "planned"
    at = count(number(last.get("step")))
    return f"Budget {budget}, {times} at step {at}: {why}{means}."


def setting_rows(run: Run) -> list[Row]:
    """Every setting of config.yaml, those that were decided for this run first, with reasons."""
    reasons: dict[str, tuple[Any, str]] = {}
    for event in run.log.starts:
        for one in listed(event.get("reasons")):
            reason = mapping(one)
            if reason.get("key"):
                reasons[str(reason["key"])] = (reason.get("value"), str(reason.get("why") or ""))
    usual = flatten(to_tree(Config()))
    rows = []
    for key, (value, why) in reasons.items():
        shown = run.settings.get(key, value)
        rows.append(Row(key, setting(shown if value is None else value), "decided", why))
    for key, value in run.settings.items():
        if key not in reasons:
            default = key in usual and usual[key] == value
            origin = "default" if default else "chosen"
            rows.append(Row(key, setting(value), origin, ""))
    return rows


def command(run: Run) -> str:
    """The command that makes this run again: the logged one, else one made from the settings."""
    logged = run.log.starts[0].get("command") if run.log.starts else None
    if isinstance(logged, str) and logged.strip():
        return logged.strip()
    if isinstance(logged, list) and logged:
        return shlex.join(str(part) for part in logged)
    words = ["gansmith", "train"]
    if source := run.data.get("source") or run.settings.get("data.source"):
        words.append(str(source))
    if run.settings.get("recipe"):
        words += ["--recipe", str(run.settings["recipe"])]
    if run.settings.get("budget"):
        words += ["--budget", str(run.settings["budget"])]
    seed = run.log.start.get("seed", run.settings.get("seed"))
    if seed is not None:
        words += ["--set", f"seed={seed}"]
    return shlex.join(words)


def when(run: Run) -> str:
    """The date and time of the first start, to the minute, as logged; empty when unknown."""
    logged = run.log.starts[0].get("time") if run.log.starts else None
    try:
        moment = datetime.fromisoformat(str(logged))
    except ValueError:
        return ""
    return f"{moment:%Y-%m-%d %H:%M}" + (f" {moment:%Z}" if moment.tzinfo else "")
