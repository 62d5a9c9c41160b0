"""Reading a run's ``log.jsonl`` the way it is found: resumed, cut short, or still being written."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

Event = dict[str, Any]


@dataclass
class Log:
    """What a run's log says, with every step once.

    ``starts`` and ``resumes`` are in the order in which they happened; ``steps``, ``samples`` and
    ``scores`` ascend by step and hold the last word on each. ``skipped`` counts unreadable lines.
    """

    starts: list[Event] = field(default_factory=list)
    resumes: list[Event] = field(default_factory=list)
    plans: list[Event] = field(default_factory=list)
    steps: list[Event] = field(default_factory=list)
    samples: list[Event] = field(default_factory=list)
    scores: list[Event] = field(default_factory=list)
    signs: list[Event] = field(default_factory=list)
    findings: list[Event] = field(default_factory=list)  # and what healed, as they were logged
    repairs: list[Event] = field(default_factory=list)  # tried, kept, undone, ...
    advice: list[Event] = field(default_factory=list)
    end: Event | None = None
    skipped: int = 0

    @property
    def start(self) -> Event:
        """The latest ``start`` event: the machine and versions that finished the run."""
        return self.starts[-1] if self.starts else {}

    def column(self, key: str) -> np.ndarray:
        """The values of ``key`` over `steps` as float64 [N]; NaN where absent or not a number."""
        return column(self.steps, key)

    def images_at(self, step: int) -> float:
        """Images seen by a step, between the logged ones too; NaN outside of what is logged."""
        known = {0: 0.0}
        for event in [*self.steps, *self.samples, *([self.end] if self.end else [])]:
            images = number(event.get("images"))
            if _is_step(event.get("step")) and math.isfinite(images):
                known[event["step"]] = images
        at = sorted(known)
        if step > at[-1]:
            return math.nan
        return float(np.interp(step, at, [known[one] for one in at]))

    def reached(self, key: str) -> float:
        """The furthest value of ``step``, ``images`` or ``seconds``; NaN if none was logged."""
        events = [*self.steps[-1:], *([self.end] if self.end else [])]
        values = [number(event.get(key)) for event in events]
        return max((value for value in values if math.isfinite(value)), default=math.nan)


def number(value: Any) -> float:
    """``value`` as a float; NaN when it is no number at all."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value)


def column(events: Iterable[Event], key: str) -> np.ndarray:
    """The values of ``key`` over some events as float64 [N]; NaN where absent or not a number."""
    return np.array([number(each.get(key)) for each in events], dtype=np.float64)


def _is_step(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def read_events(path: Path) -> tuple[list[Event], int]:
    """The events of a log, and how many lines could not be read.

    A run that was killed leaves half a line: it is skipped, as is anything that is not an object
    with a ``kind``. A missing file has no events.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return [], 0
    events, skipped = [], 0
    for line in text.split("\n"):
        if not line.strip():
            continue
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            event = None
        if isinstance(event, dict) and isinstance(event.get("kind"), str):
            events.append(event)
        else:
            skipped += 1
    return events, skipped


def read_log(path: Path) -> Log:
    """Read a ``log.jsonl``.

    A resume at step s takes back everything that was logged beyond s: those steps are made again,
    and what the first attempt said of them is dropped, together with its end.
    """
    events, skipped = read_events(path)
    log = Log(skipped=skipped)
    by_step: dict[str, dict[tuple[int, int], Event]] = {
        kind: {} for kind in ("step", "sample", "scores", "signs")
    }
    for event in events:
        kind, step = event["kind"], event.get("step")
        if kind == "start":
            log.starts.append(event)
        elif kind == "plan":
            log.plans.append(event)
        elif kind == "end":
            log.end = event
        elif kind == "advice":
            log.advice.append(event)
        elif kind in ("finding", "healed"):
            log.findings.append(event)
        elif kind == "repair":
            log.repairs.append(event)
        elif kind == "resume" and _is_step(step):
            log.resumes.append(event)
            log.end = None
            log.advice = [old for old in log.advice if not number(old.get("step")) > step]
            log.findings = [old for old in log.findings if not number(old.get("step")) > step]
            log.repairs = [old for old in log.repairs if not number(old.get("step")) > step]
            for name, kept in by_step.items():
                by_step[name] = {at: old for at, old in kept.items() if at[0] <= step}
        elif kind in by_step and _is_step(step):
            by_step[kind][step, int(event.get("final") is True)] = event
    log.steps = _ascending(by_step["step"])
    log.samples = _ascending(by_step["sample"])
    log.scores = _ascending(by_step["scores"])
    log.signs = _ascending(by_step["signs"])
    return log


def _ascending(events: dict[tuple[int, int], Event]) -> list[Event]:
    return [events[step] for step in sorted(events)]
