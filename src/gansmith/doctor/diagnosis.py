"""Diagnosis: from signs over time to findings, whoever's loop they were measured in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gansmith.doctor.findings import Finding
from gansmith.doctor.history import Facts, History, Suspicion
from gansmith.doctor.precedence import EXPLAINS, ordered
from gansmith.doctor.rules import RULES, Rule
from gansmith.doctor.signs import Signs

HEALED_AFTER = 3  # looks in a row without a suspicion

__all__ = ["Diagnosis", "Facts", "History", "Suspicion"]


@dataclass
class _Case:
    """How long a rule has been suspicious, or, of a finding that stands, has not been."""

    since: int | None = None  # the step of the first of the present suspicions
    looks: int = 0  # with a suspicion, one after another
    calm: int = 0  # without one, one after another
    finding: Finding | None = None


class Diagnosis:
    """Turns looks into findings.

    A suspicion becomes a finding when its rule has had it for as many looks in a row, over as many
    steps, as the rule asks for (two looks do that are twice as far apart), or at once where it is
    certain; it goes when three looks in a row are without it. So noise that comes and goes in
    healthy runs is no finding. It waits while something is suspected that would explain it
    (`gansmith.doctor.precedence`).

    Args:
        facts: of the game.
        rules: by default all.
        lost: steps of the run that the players have no part in, since they went back to an earlier
            state: rules are silent on nets that have learned nothing yet.
    """

    def __init__(self, facts: Facts, rules: Sequence[Rule] = RULES, lost: int = 0) -> None:
        self.facts = facts
        self._rules = rules
        self._lost = lost
        self._history = History(facts)
        self._cases = {rule.code: _Case() for rule in rules}

    def anew(self, lost: int) -> "Diagnosis":
        """One that has seen nothing yet, of players that ``lost`` so many steps."""
        return Diagnosis(self.facts, self._rules, lost)

    def planned(self, steps: int) -> None:
        """The game is to have so many steps; 0 is not known."""
        self.facts = self._history.facts = replace(self.facts, steps=steps)

    def informed(self, facts: Facts) -> None:
        """Something more is known of the game."""
        self.facts = self._history.facts = facts

    def see(self, step: int, signs: Signs) -> list[Finding]:
        """Take in a look.

        Args:
            step: of the game; looks come in the order of their steps.
            signs: by the names of `gansmith.doctor.signs`; any may be absent.

        Returns:
            The findings that are new at this step, or about another place than before.
        """
        before = {each.code: each for each in self.standing}
        self._history.add(step, signs)
        for rule in self._rules:
            case = self._cases[rule.code]
            if rule.moving and self._history.ending:
                continue
            silent = step - self._lost < rule.after or (rule.played and self._history.unplayed)
            found = None if silent else rule.look(self._history)
            if case.finding is None and found and rule.excuse and rule.excuse(self._history):
                found = None
            self._judge(rule, case, found)
        return [
            each
            for each in self.standing
            if each.code not in before or before[each.code].where != each.where
        ]

    def _judge(self, rule: Rule, case: _Case, found: Suspicion | None) -> None:
        if found is None:
            case.since, case.looks = None, 0
            case.calm += 1
            if case.calm >= HEALED_AFTER:
                case.finding = None
            return
        case.calm = 0
        case.looks += 1
        case.since = self._history.step if case.since is None else case.since
        lasted = self._history.step - case.since
        enough = case.looks >= rule.looks or (case.looks > 1 and lasted >= 2 * rule.span)
        long = enough and lasted >= rule.span
        if case.finding is None and self._may_be_explained(rule.code):
            return
        if case.finding is not None or long or found.certainty >= 1.0:
            case.finding = Finding(
                rule.code,
                found.values,
                step=self._history.step if case.finding is None else case.finding.step,
                where=found.where,
                certainty=found.certainty,
            )

    def _may_be_explained(self, code: str) -> bool:
        """Whether there is a suspicion, no finding yet, of what would be told in its place."""
        return any(
            case.looks and code in EXPLAINS.get(other, ()) for other, case in self._cases.items()
        )

    @property
    def standing(self) -> list[Finding]:
        """The findings that stand, causes first (`ordered`); each with the step that it came at."""
        return ordered(case.finding for case in self._cases.values() if case.finding is not None)

    @property
    def verdict(self) -> Finding | None:
        """The first of the findings that stand; None is healthy."""
        return next(iter(self.standing), None)
