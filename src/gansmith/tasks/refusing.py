"""What a refusal of settings is, and what a rule of `gansmith.tasks.soundness` sees of a run."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from gansmith.config import Config
from gansmith.data import DataInfo
from gansmith.losses import sloped
from gansmith.models import Style

Values = dict[str, str | float]


@dataclass(frozen=True)
class Case:
    """The settings, the styles that `auto` came to, and the data."""

    cfg: Config
    g: Style
    d: Style
    info: DataInfo

    @property
    def sloped(self) -> bool:
        """Whether a gradient penalty is taken."""
        return sloped(self.cfg.penalty.name, self.cfg.penalty.gamma)

    @property
    def micro(self) -> int | None:
        """Samples in a micro-batch; None while the batch reads ``auto``."""
        batch = self.cfg.batch
        return batch // self.cfg.accumulate if isinstance(batch, int) else None


@dataclass(frozen=True)
class Refusal:
    """Why settings cannot work.

    Attributes:
        code: of the disorder, in the doctor's catalogue.
        where: the setting at fault.
        reason: one line for the user: what, and what to set instead.
        values: the settings that the reason rests on, by name, as the doctor's text quotes them.
    """

    code: str
    where: str
    reason: str
    values: Mapping[str, str | float]


Rule = Callable[[Case], Iterator[Refusal]]
