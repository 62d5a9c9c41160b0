"""The coordinator of a study: starts workers, hands out trials, keeps the book."""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from gansmith.apps.interrupts import stoppable
from gansmith.apps.study.design import Design, Plan, held
from gansmith.apps.study.ledger import Ledger
from gansmith.apps.study.worker import Job, work
from gansmith.errors import UserError

PATIENCE = 120.0  # seconds for workers of a killed coordinator to save and end
TRIES = 2  # of a trial whose process dies
QUIET = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

Say = Callable[[str], None]
Progress = Callable[[float, int], None]


@dataclass
class Worker:
    """A process, our end of its pipe, and the trial that it has in hand."""

    index: int
    process: BaseProcess
    pipe: Connection
    trial: int | None = None
    asks: int | None = None  # the quarter after which its trial waits for an answer


@contextmanager
def _quiet() -> Iterator[None]:
    """Processes that start within the block use one thread, also in what torch does not rule."""
    before = {name: os.environ.get(name) for name in QUIET}
    os.environ.update(dict.fromkeys(QUIET, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def wait_for_orphans(folder: Path, say: Say | None) -> None:
    """Workers outlive a killed coordinator by a step and a save: no one trains beside them.

    Raises:
        UserError: if they have not ended after two minutes.
    """
    deadline, said = time.monotonic() + PATIENCE, False
    for path in sorted(folder.glob(".worker-*")):
        while True:
            with held(path) as free:
                if free:
                    break
            if time.monotonic() > deadline:
                raise UserError(f"{folder}: workers of an earlier study still run here")
            if say and not said:
                say("waiting for the workers of the earlier life to save and end")
            said = True
            time.sleep(0.2)


@dataclass
class Floor:
    """The workers of a study, and what happens among them."""

    design: Design
    folder: Path
    count: int
    say: Say | None = None
    progress: Progress | None = None
    why: str = "budget"
    workers: list[Worker] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._spawn = multiprocessing.get_context("spawn")
        self._halt = self._spawn.Event()
        self._shares: dict[int, float] = {}
        self._begun: dict[int, float] = {}
        self._tries: dict[int, int] = {}
        self._open: list[int] = []

    def __enter__(self) -> "Floor":
        for index in range(self.count):
            self.workers.append(self._start(index))
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Ask all to stop, which saves, and wait; whoever does not is ended."""
        self._halt.set()
        for worker in self.workers:
            worker.process.join(PATIENCE if error is None else 10)
            if worker.process.is_alive():
                worker.process.terminate()
                worker.process.join(5)
            worker.pipe.close()

    def _start(self, index: int) -> Worker:
        ours, theirs = self._spawn.Pipe()
        arguments = (theirs, self._halt, self.design, self.folder, index)
        process = self._spawn.Process(target=work, args=arguments, daemon=True)
        with _quiet():
            process.start()
        theirs.close()
        return Worker(index, process, ours)

    def measure(self, seconds: float) -> list[tuple[list[float], list[int], float]] | None:
        """What each worker measured, all at the same time; None if it was interrupted.

        Raises:
            UserError: if an arm cannot be trained at all.
        """
        for worker in self.workers:
            worker.pipe.send(("measure", seconds))
        found: list[tuple[list[float], list[int], float]] = []
        with stoppable() as stop:
            while len(found) < len(self.workers):
                if stop():
                    self.why = str(stop())
                    return None
                for worker, message in self._heard():
                    if message is None:
                        code = worker.process.exitcode
                        raise UserError(f"a worker died while it measured (exit code {code})")
                    if message[0] == "measured":
                        found.append(message[1:])
                    else:
                        self._refused(message, "measuring")
        return found

    def run(self, plan: Plan, ledger: Ledger) -> str:
        """Train every open trial; returns ``budget`` when all have ended, or why not.

        Raises:
            UserError: for what no trial is to blame for, such as a full disk.
        """
        self._open = ledger.open()
        with stoppable() as stop:
            while self._open or any(worker.trial is not None for worker in self.workers):
                if stop() and not self._halt.is_set():
                    self.why = str(stop())
                    self._halt.set()
                    if self.say:
                        self.say("stopping: the trials in hand are saved")
                if self._halt.is_set() and all(w.trial is None for w in self.workers):
                    break
                for worker in self.workers:
                    if worker.trial is None and self._open and not self._halt.is_set():
                        worker.trial = self._open.pop(0)
                        ledger.begin(worker.trial)
                        self._begun[worker.trial] = time.monotonic()
                        worker.pipe.send(("trial", Job(plan, self.folder, worker.trial)))
                for worker, message in self._heard():
                    if message is None:
                        self._died(worker, ledger)
                    else:
                        self._take(worker, message, plan, ledger)
                self._answer(ledger)
                self._show(plan, ledger)
        return self.why

    def _heard(self) -> Iterator[tuple[Worker, Any]]:
        """Messages that have come; None of a worker that is no more."""
        by_pipe = {worker.pipe: worker for worker in self.workers if not worker.pipe.closed}
        if not by_pipe:
            time.sleep(0.1)
        for pipe in wait(list(by_pipe), timeout=0.3):
            worker = by_pipe[pipe]  # type: ignore[index]
            try:
                yield worker, worker.pipe.recv()
            except (EOFError, OSError):
                worker.process.join(10)
                worker.pipe.close()
                yield worker, None

    def _take(self, worker: Worker, message: tuple[Any, ...], plan: Plan, ledger: Ledger) -> None:
        """One word of a worker."""
        kind, number = message[0], worker.trial
        if kind == "at":
            self._shares[message[1]] = message[2]
        elif kind == "report":
            ledger.report(message[1], message[2], message[3])
            worker.asks = message[2]
        elif kind == "failed":
            ledger.fail(message[1], message[2])
            self._ended(worker, plan, message[2])
        elif kind == "ended":
            self._settle(worker, message, plan, ledger)
        else:
            assert number is not None
            self._refused(message, plan.design.trial_name(number))

    def _settle(self, worker: Worker, message: tuple[Any, ...], plan: Plan, ledger: Ledger) -> None:
        _, number, why, told, value = message
        if why == "budget" and value is not None and value == value:
            seconds = time.monotonic() - self._begun[number]
            ledger.finish(number, value, told)
            self._ended(worker, plan, f"{plan.metric} {value:.4g} in {seconds:.0f} s")
        elif why == "budget":
            ledger.fail(number, f"no {plan.metric} can be had of its samples")
            self._ended(worker, plan, f"no {plan.metric}")
        elif why == "stopped":
            quarter = max(ledger.trial(number).intermediate_values)
            ledger.stop(number, quarter, told)
            self._ended(worker, plan, f"stopped after {quarter} of 4 quarters, among the worst")
        else:  # saved: it goes on, in another life if this one is about to end
            worker.trial = worker.asks = None
            self._open.insert(0, number)

    def _ended(self, worker: Worker, plan: Plan, how: str) -> None:
        number, worker.trial, worker.asks = worker.trial, None, None
        assert number is not None
        self._shares[number] = 1.0
        arm, seed = plan.design.trial(number)
        if self.say:
            self.say(f"{plan.design.arms[arm].label}, seed {seed}: {how}")

    def _answer(self, ledger: Ledger) -> None:
        """Tell those who wait whether to go on, where that is known."""
        for worker in self.workers:
            if worker.asks is None or worker.trial is None:
                continue
            to_stop = ledger.to_stop(worker.trial, worker.asks)
            if to_stop is not None:
                worker.asks = None
                try:
                    worker.pipe.send(("stop" if to_stop else "on",))
                except OSError:  # it died: the next look at its pipe says so
                    continue

    def _died(self, worker: Worker, ledger: Ledger) -> None:
        """A worker that is gone is replaced, and its trial goes on; twice is the trial's fault."""
        number, worker.trial, worker.asks = worker.trial, None, None
        code = worker.process.exitcode
        if self._halt.is_set():
            return
        self.workers[self.workers.index(worker)] = self._start(worker.index)
        if number is None:
            return
        self._tries[number] = self._tries.get(number, 1) + 1
        if self._tries[number] > TRIES:
            ledger.fail(number, f"its process died {TRIES} times (exit code {code})")
        else:
            self._open.insert(0, number)

    def _refused(self, message: tuple[Any, ...], where: str) -> None:
        if message[0] == "refused":
            raise UserError(f"{where}: {message[1]}")
        raise RuntimeError(f"{where}:\n{message[1]}")

    def _show(self, plan: Plan, ledger: Ledger) -> None:
        if self.progress:
            ended = plan.design.count - len(ledger.open())
            held_by = [worker.trial for worker in self.workers if worker.trial is not None]
            running = sum(min(0.99, self._shares.get(number, 0.0)) for number in held_by)
            self.progress(ended + running, plan.design.count)
