"""What the lint may look at: settings, nets on paper, data, and nothing that runs."""

from dataclasses import dataclass

from torch import Tensor

from gansmith.config import Config, build, merge, to_tree
from gansmith.data import DataInfo
from gansmith.losses import sloped
from gansmith.models import Style, styled
from gansmith.recipes import Facts, resolve
from gansmith.tasks import TASKS
from gansmith.training import images_per_step


@dataclass(frozen=True)
class Patient:
    """A run before its first step.

    Attributes:
        cfg: settings in which nothing reads ``auto`` but what needs a clock or the images.
        g, d: the settled styles of the two nets.
        info: the data; ``classes`` is empty where it has no labels.
        usual: the same settings with the learning rate and gamma that the recipes' rules give.
        device: where it is to run: ``cpu``, ``cuda`` or ``mps``.
        images_NCHW: some of the data, uint8 in [0, 255]; None where none were read.
        own_shape: (C, H, W) of the data where no resolution is asked for; None where not known.
        own_sides: of two pictures in a sample `DataInfo.sides` there; empty where not known.
        total_images: real images that D will be shown; None where a clock decides.
        per_class: how many images each class has; empty where nobody has counted.
    """

    cfg: Config
    g: Style
    d: Style
    info: DataInfo
    usual: Config
    device: str
    images_NCHW: Tensor | None = None
    own_shape: tuple[int, ...] | None = None
    total_images: int | None = None
    per_class: tuple[int, ...] = ()
    own_sides: tuple[tuple[int, int, int, int], ...] = ()

    @property
    def game(self) -> bool:
        """Whether there is a discriminator."""
        return TASKS[self.cfg.task].has_d

    @property
    def images(self) -> bool:
        return self.info.kind == "images"

    @property
    def sloped(self) -> bool:
        """Whether a gradient penalty is taken."""
        penalty = self.cfg.penalty
        return self.game and sloped(penalty.name, penalty.gamma)

    @property
    def micro(self) -> int:
        """Samples in a micro-batch."""
        return int(self.cfg.batch) // self.cfg.accumulate

    @property
    def steps(self) -> int | None:
        """Steps of the game; None where a clock decides."""
        return None if self.total_images is None else self.total_images // images_per_step(self.cfg)


def brief(value: float) -> float:
    """To three significant digits: more would be no evidence."""
    return float(f"{value:.3g}")


def admit(
    cfg: Config,
    info: DataInfo,
    device: str,
    *,
    images_NCHW: Tensor | None = None,
    own_shape: tuple[int, ...] | None = None,
    total_images: int | None = None,
    per_class: tuple[int, ...] = (),
    own_sides: tuple[tuple[int, int, int, int], ...] = (),
) -> Patient:
    """The patient of resolved settings: batch, rate, gamma and precision do not read ``auto``.

    Args:
        total_images: as planned; without it, what a budget in steps or images comes to.

    Raises:
        UserError: for a name that is in no table.
    """
    g, d = styled(cfg.model.name, cfg.model)
    undecided = {"optim": {"lr": "auto"}, "penalty": {"gamma": "auto"}}
    facts = Facts(device, "fp32" if cfg.precision == "auto" else cfg.precision)
    usual, _ = resolve(build(merge(to_tree(cfg), undecided)), info, facts)
    if total_images is None and cfg.budget.unit != "seconds":
        per_step = images_per_step(cfg) if cfg.budget.unit == "steps" else 1
        total_images = round(cfg.budget.amount * per_step)
    return Patient(
        cfg,
        g,
        d,
        info,
        usual,
        device,
        images_NCHW,
        own_shape,
        total_images,
        per_class,
        own_sides,
    )
