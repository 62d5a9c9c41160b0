"""What a person sees at the terminal: progress, decisions, results. Plain lines when piped."""

import math
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from gansmith.apps.showing_findings import WORDS, one_liners
from gansmith.config import to_tree
from gansmith.doctor import told
from gansmith.reports import words
from gansmith.reports.study_answer import score_text, success_text
from gansmith.training.log import Record

if TYPE_CHECKING:
    from gansmith.apps.demos import DemoResult
    from gansmith.apps.evaluate import ScoreCard, Verdict
    from gansmith.apps.setting_up import Prepared
    from gansmith.apps.settling import DryRun
    from gansmith.apps.study import StudyResult
    from gansmith.apps.train import TrainResult, Watching
    from gansmith.data import DataInfo
    from gansmith.recipes import Reason

PLAIN_EVERY = 10.0  # seconds between lines when piped

PLAYERS = (("D", "d_loss"), ("G", "g_loss"))  # a task may have no D


class Terminal:
    """A progress bar on a terminal, a line now and then in a pipe; nothing on standard output
    but results, if ``to_stderr``."""

    def __init__(self, to_stderr: bool = False) -> None:
        self.console = Console(stderr=to_stderr, highlight=False, soft_wrap=True)
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._label = ""
        self._total_images = 0
        self._verdict, self._language, self._trying = "", "en", ""
        self._spoke = -math.inf

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def watching(self) -> "Watching":
        """The callbacks for `gansmith.apps.train.train`."""
        from gansmith.apps.train import Watching

        return Watching(data=self.data, decided=self.decided, record=self.record, say=self.say)

    def say(self, text: str) -> None:
        """One line."""
        self._close()
        self.console.print(escape(text))

    def data(self, label: str, done: int, total: int) -> None:
        """Progress of anything that counts to a known total."""
        if self.console.is_terminal:
            self._advance(label, done, total, "")
        elif done >= total or time.monotonic() - self._spoke > PLAIN_EVERY:
            self._spoke = time.monotonic()
            self.console.print(f"{label}: {done:,} of {total:,}")

    def trials(self, done: float, total: int) -> None:
        """Progress of a study; in a pipe the line of each trial says enough."""
        if self.console.is_terminal:
            self._advance("trials", done, total, f"{int(done)} of {total}")

    def decided(self, ready: "Prepared", folder: Path) -> None:
        """Say what will be done and why, before the first step."""
        self._close()
        state = ready.state
        self._total_images, self._language = state.total_images, ready.cfg.doctor.language
        self.console.print(_headline(ready.data.info, folder))
        if state.step:
            self.console.print(f"resuming at step {state.step:,} ({state.images:,} images)")
            return
        for line in _decisions(ready.reasons, ready.data.info.notes):
            self.console.print(line)

    def record(self, record: Record) -> None:
        """Follow the run's diary."""
        if record["kind"] == "plan":
            self._total_images = record["total_images"]
        elif record["kind"] == "step":
            self._step(record)
        elif record["kind"] == "repair":
            self._repair(record)
        elif record["kind"] == "advice" and "code" not in record:
            self.say(f"{record['control']} {record['old']:g} → {record['new']:g}: {record['why']}")
        elif "verdict" in record:
            self._doctor(record)
        elif record["kind"] == "end":
            self._close()

    def _doctor(self, record: Record) -> None:
        """Keep the verdict for the next line; say what is new."""
        self._verdict = record["verdict"]
        if record["kind"] == "finding":
            said = record["told"][self._language]
            title = f"{record['code']} {record['name']}"
            self.say(f"{self._at(record)}: {title}: {said['evidence']}")
            self.say(f"  {said['mend']}")
        elif record["kind"] == "healed":
            self.say(f"{self._at(record)}: {self._words['gone'].format(code=record['code'])}")

    def _repair(self, record: Record) -> None:
        """Keep what is being tried for the next line; say what is done and why."""
        said = record["told"][self._language]
        tried = record["state"] == "tried"
        self._trying = self._words["trying"].format(act=said["act"]) if tried else ""
        if record["state"] == "rolled-back":
            return  # the act that is tried says so
        about = f"{said['state']} {said['act']}".strip()
        self.say(f"{self._at(record)}: {record['code']}: {about}: {said['why']}")

    @property
    def _words(self) -> dict[str, str]:
        return WORDS[self._language]

    def _at(self, record: Record) -> str:
        return self._words["step"].format(step=f"{record['step']:,}")

    def _step(self, record: Record) -> None:
        speed = record["images_per_second"]
        losses = [f"{side} {record[key]:.3f}" for side, key in PLAYERS if key in record]
        text = "  ".join([f"{speed:,.0f} images/s", *losses])
        if self.console.is_terminal:
            text = "  ".join(filter(None, (text, self._verdict, self._trying)))
            self._advance("training", record["images"], self._total_images, text)
        elif time.monotonic() - self._spoke > PLAIN_EVERY:
            self._spoke = time.monotonic()
            left = (self._total_images - record["images"]) / speed if speed else math.nan
            share = record["images"] / max(1, self._total_images)
            ending = f"  {words.duration(left)} left" if math.isfinite(left) else ""
            verdict = "".join(f"  {each}" for each in (self._verdict, self._trying) if each)
            self.console.print(f"step {record['step']:,}  {share:.0%}  {text}{ending}{verdict}")

    def _advance(self, label: str, done: float, total: int, text: str) -> None:
        if self._bar is None or label != self._label:
            self._close()
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f}%"),
                TimeRemainingColumn(compact=True),
                TextColumn("{task.fields[text]}"),
                console=self.console,
            )
            self._bar.start()
            self._label, self._task = label, self._bar.add_task(label, total=total, text=text)
        assert self._task is not None
        self._bar.update(self._task, completed=done, total=total, text=text)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def show_result(result: "TrainResult") -> None:
    """The end of a run: verdict, scores, where to look."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"{result.ended}: {result.images:,} images in {words.duration(result.seconds)} "
        f"({result.images_per_second:,.0f} images/s)"
    )
    if result.verdict:
        console.print(f"doctor   {escape(result.verdict)}")
    for finding in result.findings:
        console.print(f"  {finding['code']} {escape(finding['evidence'])}")
        console.print(f"  [dim]{escape(finding['mend'])}[/]")
    if result.scores:
        show_scores(result.scores)
    console.print(f"report   {escape(str(result.run / 'report.html'))}")
    console.print(f"samples  {escape(str(result.run / 'samples'))}")


def show_card(card: "ScoreCard") -> None:
    """The scores, and below them why others are left out."""
    show_scores(card.as_json())
    console = Console(highlight=False, soft_wrap=True)
    for name, why in card.left_out.items():
        console.print(f"  [dim]no {escape(name)}: {escape(why)}[/]")


def show_verdict(verdict: "Verdict") -> None:
    """Two score cards side by side, and which differences are more than chance."""
    one = verdict.cards[0]
    names = [each.target for each in verdict.cards]
    table = Table(
        "score", *map(escape, names), "difference", "95 % interval", "better", box=box.SIMPLE_HEAD
    )
    for name, each in verdict.differences.items():
        better = "no telling" if each.better is None else escape(names[each.better])
        gap, low, high = words.alike(each.one - each.other, each.low, each.high)
        values = (words.significant(each.one), words.significant(each.other))
        table.add_row(name, *values, gap, f"{low} to {high}", better)
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    for line in _basis({name: asdict(one.scores[name]) for name in verdict.differences}):
        console.print(f"  [dim]{escape(line)}[/]")
    console.print(f"  [dim]real samples: {escape(one.against)}[/]")
    for name, why in one.left_out.items():
        console.print(f"  [dim]no {escape(name)}: {escape(why)}[/]")


def show_study(result: "StudyResult") -> None:
    """The end of a study: the table, the answer, where to look."""
    console = Console(highlight=False, soft_wrap=True)
    if result.table:
        metric = result.found["metric"]
        table = Table(
            "arm", f"{metric} [95 %]", "seeds", "success", "images/s", box=box.SIMPLE_HEAD
        )
        for row in result.table:
            speed = words.count(row["images_per_second"] or math.nan)
            texts = (row["label"], score_text(row), str(row["n"]), success_text(row), speed)
            table.add_row(*map(escape, texts))
        console.print(table)
        console.print(escape(result.answer))
        console.print(f"report  {escape(str(result.folder / 'report.html'))}")
    if result.why != "budget":
        stopped = "Ctrl-C" if result.why == "interrupt" else "SIGTERM"
        console.print(
            f"stopped by {stopped} and saved: {result.done} of {result.count} trials have ended; "
            "the same command goes on"
        )


def show_demos(about: dict[str, str]) -> None:
    """What there is to be shown."""
    for name, text in about.items():
        print(f"{name:<8}  {text}")


def show_demo(result: "DemoResult") -> None:
    """The table of a demo, what is claimed by it, and where its picture is."""
    console = Console(highlight=False, soft_wrap=True)
    if result.why != "budget":
        console.print("stopped and saved: the same command goes on")
        return
    scores = list(result.rows[0].scores)
    table = Table("", *scores, box=box.SIMPLE_HEAD)
    for row in result.rows:
        cells = []
        for score in row.scores.values():
            value, low, high = words.alike(score.value, score.low or 0.0, score.high or 0.0)
            cells.append(f"{value} [{low}, {high}]" if score.low is not None else value)
        table.add_row(*map(escape, [row.label, *cells]))
    console.print(table)
    for claim in result.claims:
        said = {True: "yes         ", False: "NO          ", None: "not measured"}[claim.held]
        console.print(f"{said}  {escape(claim.text)}")
    if result.quick:
        console.print("a quick look: these numbers mean nothing")
    for note in result.notes:
        console.print(f"[dim]{escape(note)}[/]")
    minutes = f"{result.cpu_minutes:.1f} CPU-minutes"
    console.print(f"{result.steps:,} steps each, seed {result.seed}, {minutes}")
    console.print(f"picture  {escape(str(result.out / 'demo.png'))}: {', '.join(result.shown)}")
    console.print(f"scores   {escape(str(result.out / 'demo.json'))}")


def show_scores(scores: dict[str, dict[str, Any]]) -> None:
    """The score card as a table, and below it what the scores were measured with."""
    table = Table("score", "value", "95 % interval", "n", box=box.SIMPLE_HEAD)
    for name, score in scores.items():
        value, low, high = score["value"], score["low"], score["high"]
        if low is None:
            table.add_row(name, words.significant(value), "", words.count(score["n"]))
        else:
            value, low, high = words.alike(value, low, high)
            table.add_row(name, value, f"{low} to {high}", words.count(score["n"]))
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    for line in _basis(scores):
        console.print(f"  [dim]{escape(line)}[/]")


def _basis(scores: dict[str, dict[str, Any]]) -> list[str]:
    """What is true of all scores once, and of some with their names."""
    said: dict[str, list[str]] = {}
    for name, score in scores.items():
        features = f"features: {score['features']}" if score["features"] else ""
        sized = f"images: {score['resize']}" if score["resize"] not in ("", "none") else ""
        for part in (features, sized, *score["note"].split("; ")):
            said.setdefault(part, []).append(name)
    return [
        part if len(names) == len(scores) else f"{', '.join(names)}: {part}"
        for part, names in said.items()
        if part
    ]


def _headline(info: "DataInfo", folder: Path) -> str:
    shape = "x".join(map(str, info.shape))
    return (
        f"[bold]{escape(info.source)}[/]: {info.count:,} {info.kind} of {shape}; "
        f"run in [bold]{escape(str(folder))}[/]"
    )


def _decisions(reasons: "Iterable[Reason]", notes: Iterable[str]) -> list[str]:
    """One aligned block: each setting that was decided, its value and why; then the other notes.

    The data's notes on resolution and channels say more than "from the data": they take its place.
    """
    rows = {reason.key: (words.setting(reason.value), reason.why) for reason in reasons}
    rest = []
    for note in notes:
        subject, _, why = note.partition(": ")
        key, _, value = subject.partition(" ")
        key = "data.channels" if key == "channels" else key
        if why and key in ("resolution", "data.channels"):
            rows[key] = (value, why)
        else:
            rest.append(note)
    wide = max((len(key) for key in rows), default=0)
    valued = max((len(value) for value, _ in rows.values()), default=0)
    lines = [
        f"  {key:<{wide}}  {escape(f'{value:<{valued}}')}  [dim]{escape(why)}[/]"
        for key, (value, why) in rows.items()
    ]
    return lines + [f"  {escape(note)}" for note in rest]


def show_plan(plan: "DryRun") -> None:
    """What a run would do."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(_headline(plan.data, plan.folder))
    if plan.step is not None:
        console.print(f"goes on from step {plan.step:,}, as was decided when the run began")
    for line in _decisions(plan.reasons, plan.data.notes):
        console.print(line)
    for line in one_liners(plan.findings, str(plan.folder), plan.cfg.doctor.language):
        console.print(escape(line))
    console.print(f"for {plan.cfg.budget}; a dry run: nothing was trained or written")


def plan_as_json(plan: "DryRun") -> dict[str, Any]:
    """`show_plan` for machines."""
    reasons = [{"key": r.key, "value": r.value, "why": r.why} for r in plan.reasons]
    return {
        "run": str(plan.folder),
        "config": to_tree(plan.cfg),
        "resumes_at": plan.step,
        "reasons": reasons,
        "notes": list(plan.data.notes),
        "findings": [told(finding) for finding in plan.findings],
    }
