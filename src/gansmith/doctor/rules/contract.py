"""What a rule is."""

from collections.abc import Callable
from dataclasses import dataclass

from gansmith.doctor.history import History, Suspicion

Look = Callable[[History], Suspicion | None]


@dataclass(frozen=True)
class Rule:
    """A disorder and how it is seen.

    Attributes:
        code: in `gansmith.doctor.catalogue.CATALOGUE`.
        look: what it finds at the latest look, if anything.
        after: the step before which it is silent: nets that have learned nothing yet look ill.
        looks: with a suspicion in a row, before it is a finding ...
        span: ... over so many steps at least.
        moving: whether it needs a game that still moves: what stands when the rates have fallen to
            nothing then stands to the end.
        played: whether it needs samples that have left where they set out from: of a G that has not
            moved nothing can be said but that it does not.
        excuse: what lets a suspicion pass that is no finding yet: signs on their way to where they
            should be. A finding that stands goes when its signs are there, not before.
    """

    code: str
    look: Look
    after: int = 300
    looks: int = 3
    span: int = 100
    moving: bool = False
    played: bool = False
    excuse: Callable[[History], bool] | None = None
