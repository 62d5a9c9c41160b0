"""The ground of a treatment: what a run allows for, and how long anything is tried in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gansmith.config import Config
from gansmith.data.augment import beyond
from gansmith.losses import PENALTIES
from gansmith.recipes.usual import Usual, departures
from gansmith.tasks import TASKS
from gansmith.training import State, images_per_step

# Of a window: steps (rules look back over 200) but no more than a tenth of the plan, plan, looks.
SHORTEST, MOST_SHARE, SHARE, LOOKS = 250, 0.1, 0.02, 5


@dataclass(frozen=True)
class Ground:
    """What this run allows for.

    Attributes:
        window: steps over which a rung is tried.
        steps: of the game that are planned.
        penalty: whether D has a gradient penalty to be made stronger or weaker.
        gamma_start: its weight where the settings say 0; 0 where they say another number.
        has_d: whether there is a D.
        distortions: whether there are any that the policy lacks.
        told_already: settings that need no more advice, such as ``model.d.pac``.
        usual: by control, the value at which the run does what is usual; only of those whose
            settings are far from it.
    """

    window: int
    steps: int
    penalty: bool = True
    gamma_start: float = 0.0
    has_d: bool = True
    distortions: bool = True
    told_already: tuple[str, ...] = ()
    usual: Mapping[str, float] = field(default_factory=dict)


def window_of(steps: int, every: int) -> int:
    """How long a rung is tried: 2 % of the plan, and five looks at least.

    Also 250 steps, or a tenth of a plan that is shorter than ten of them: what is tried for longer
    leaves no time to gain by it.
    """
    return max(min(SHORTEST, round(MOST_SHARE * steps)), round(SHARE * steps), LOOKS * every)


def ground_of(cfg: Config, state: State, kind: str, usual: Usual) -> Ground:
    """What a run allows for.

    Args:
        cfg: its settings.
        state: for the plan, which a budget in seconds may move.
        kind: of the samples, ``images`` or ``points``.
        usual: what is usual for such a run.
    """
    steps = state.total_images // images_per_step(cfg)
    every = 0 if cfg.doctor.every == "auto" else int(cfg.doctor.every)
    has_d = TASKS[cfg.task].has_d
    penalty = has_d and PENALTIES[cfg.penalty.name].place != "nowhere"
    set_already = {
        "model.d.pac": cfg.model.d.pac > 1,
        "model.g.activation": cfg.model.g.activation == "leaky-relu",
        "model.name": cfg.model.name in ("resnet", "completion", "unet", "translator"),
    }
    return Ground(
        window=window_of(steps, every),
        steps=steps,
        penalty=penalty,
        gamma_start=usual.gamma if penalty and not float(cfg.penalty.gamma) else 0.0,
        has_d=has_d,
        distortions=kind == "images" and bool(beyond(cfg.augment.policy)),
        told_already=tuple(key for key, known in set_already.items() if known),
        usual=departures(cfg, usual, penalty, has_d),
    )
