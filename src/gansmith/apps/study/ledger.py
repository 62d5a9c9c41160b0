"""The book of a study's trials, kept by Optuna in one journal that survives a kill.

One process writes it, and only while it holds the study's lock.
"""

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gansmith.apps.study.design import JOURNAL, QUARTERS, Plan
from gansmith.errors import UserError
from gansmith.metrics.comparing import among_the_worst

if TYPE_CHECKING:
    import optuna
    from optuna.storages.journal import JournalFileOpenLock

DECIDING = (1, 2)  # quarters of a trial after which it may be stopped


def _no_lock(path: Path) -> "JournalFileOpenLock":
    """The study's own lock is held: the journal needs no second one, which a kill would leave."""
    from optuna.storages.journal import JournalFileOpenLock

    class NoLock(JournalFileOpenLock):
        def acquire(self) -> bool:
            return True

        def release(self) -> None:
            pass

    return NoLock(str(path))


def _whole(path: Path) -> None:
    """Cut off the half line that a killed process may have left at the journal's end.

    Raises:
        UserError: if a line before it is damaged.
    """
    content = path.read_bytes() if path.exists() else b""
    end = content.rfind(b"\n") + 1
    if end < len(content):
        with path.open("r+b") as file:
            file.truncate(end)
    try:
        for line in content[:end].splitlines():
            json.loads(line)
    except ValueError:
        raise UserError(f"{path}: the journal is damaged; --overwrite starts afresh") from None


class Ledger:
    """Trials by number, in the order of `Design.trial`."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        path = folder / JOURNAL
        _whole(path)
        self._plan = plan
        self._states = optuna.trial.TrialState
        self._distributions: dict[str, Any] = {
            "arm": optuna.distributions.CategoricalDistribution(
                [arm.label for arm in plan.design.arms]
            ),
            "seed": optuna.distributions.IntDistribution(0, max(plan.design.seeds)),
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Optuna calls its journal experimental
            self._study = optuna.create_study(
                study_name="gansmith",
                storage=JournalStorage(JournalFileBackend(str(path), lock_obj=_no_lock(path))),
                sampler=optuna.samplers.RandomSampler(seed=0),
                pruner=_pruner(plan),
                direction="minimize" if plan.better == "lower" else "maximize",
                load_if_exists=True,
            )
        for number in range(len(self._study.trials), plan.design.count):
            arm, seed = plan.design.trial(number)
            fixed = {"arm": plan.design.arms[arm].label, "seed": seed}
            self._study.enqueue_trial(fixed)

    def trial(self, number: int) -> "optuna.trial.FrozenTrial":
        """What the book holds of a trial."""
        return self._study.get_trials(deepcopy=False)[number]

    def open(self) -> list[int]:
        """The trials that are not finished, those that were running first: by number."""
        trials = self._study.get_trials(deepcopy=False)
        return [each.number for each in trials if not each.state.is_finished()]

    def begin(self, number: int) -> None:
        """Mark a trial as running; one that ran already goes on."""
        if self.trial(number).state == self._states.WAITING:
            begun = self._study.ask(self._distributions)
            assert begun.number == number, "trials begin in their order"

    def report(self, number: int, quarter: int, value: float) -> None:
        """An intermediate value; the first word on a quarter stands, and all words are equal."""
        import optuna

        frozen = self.trial(number)
        if quarter not in frozen.intermediate_values:
            optuna.trial.Trial(self._study, frozen._trial_id).report(value, quarter)

    def to_stop(self, number: int, quarter: int) -> bool | None:
        """Whether a trial is to be stopped after this quarter; None while that is not known yet.

        It is known once every trial of the earlier seeds has come as far or has ended, so the
        answer does not depend on which of several workers was faster.
        """
        if quarter not in DECIDING:
            return False
        for earlier in range(number - number % len(self._plan.design.arms)):
            other = self.trial(earlier)
            if not other.state.is_finished() and quarter not in other.intermediate_values:
                return None
        return bool(self._study.pruner.prune(self._study, self.trial(number)))

    def finish(self, number: int, value: float, told: dict[str, Any]) -> None:
        """A trial that was trained to the end."""
        self._note(number, told)
        self._study.tell(number, value)

    def stop(self, number: int, quarter: int, told: dict[str, Any]) -> None:
        """A trial that was stopped."""
        others = "trials of earlier seeds that got as far"
        why = f"stopped after {quarter} of {QUARTERS} quarters: in the worst quarter of {others}"
        self._note(number, told | {"why": why})
        self._study.tell(number, state=self._states.PRUNED)

    def fail(self, number: int, why: str) -> None:
        """A trial that diverged, or has no score."""
        self._note(number, {"why": why})
        self._study.tell(number, state=self._states.FAIL)

    def _note(self, number: int, told: dict[str, Any]) -> None:
        import optuna

        trial = optuna.trial.Trial(self._study, self.trial(number)._trial_id)
        for key, value in told.items():
            trial.set_user_attr(key, value)


def _pruner(plan: Plan) -> "optuna.pruners.BasePruner":
    """The stated rule, as Optuna's pruners are written.

    Optuna's own PercentilePruner looks at the trials that are complete at that moment. With
    several workers that is a matter of timing, and the stopped ones are not among them, so that
    its bar rises with every stop. This one looks at all trials of the earlier seeds that got as
    far, however they ended: the same study stops the same trials.
    """
    import optuna

    class WorstQuarter(optuna.pruners.BasePruner):
        def prune(self, study: "optuna.Study", trial: "optuna.trial.FrozenTrial") -> bool:
            quarter = trial.last_step
            if quarter not in DECIDING:
                return False
            first = trial.number - trial.number % len(plan.design.arms)
            others = [
                each.intermediate_values[quarter]
                for each in study.get_trials(deepcopy=False)[:first]
                if quarter in each.intermediate_values
            ]
            better: Any = plan.better
            return among_the_worst(trial.intermediate_values[quarter], others, better)

    return WorstQuarter()
