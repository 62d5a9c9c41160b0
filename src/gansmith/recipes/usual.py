"""What is usual for a run: its recipe's own rate, penalty and pace, else what ``auto`` gives.

Repair goes by it: a run whose settings are far from these, and that fails, is first brought back to
what is known to train.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gansmith.config import Config, build, merge, to_tree
from gansmith.recipes.automatic import PLAIN_STEPS, Facts, resolve
from gansmith.recipes.table import RECIPES

if TYPE_CHECKING:
    from gansmith.data import DataInfo

FAR_RATE = 2.0  # times, either way: rates of recipes that train equally well differ by less
FAR_BETA1 = 0.6  # more than is usual: 0.5 is common (Radford et al. 2016, section 4)
FAR_PACE = 3.0  # of D's rate times its steps
FAR_GAMMA = 4.0  # γ matters by its order of magnitude (Karras et al. 2020b, appendix D, try ×10)
PROBABILITY_SCALE = 16.0  # a slope of probabilities is at most 1/4 of that of their logits


@dataclass(frozen=True)
class Usual:
    """Settings that are known to train.

    Rate, penalty's weight, D's rate over G's, D's steps, and the optimisers' first momentum.
    """

    lr: float
    gamma: float
    d_ratio: float = 1.0
    d_steps: int = 1
    beta1: float = 0.0


def usual(cfg: Config, info: "DataInfo", device: str) -> Usual:
    """What is usual for a resolved configuration.

    The recipe's rate counts where the optimiser's steps are of its kind (of a set length, or as
    long as the gradient is), its γ where D is held in the same way and says numbers of the same
    kind; otherwise, and where the recipe itself says ``auto``, the rules decide.
    """
    from gansmith.losses import LOSSES  # torch: who lists recipes does not pay for it

    settings = RECIPES[cfg.recipe].settings if cfg.recipe in RECIPES else {}
    recipe = build(dict(settings))
    open_ = {"optim": {"lr": "auto"}, "penalty": {"gamma": "auto"}}
    auto, _ = resolve(build(merge(to_tree(cfg), open_)), info, Facts(device, "fp32"))
    lr, gamma = float(auto.optim.lr), float(auto.penalty.gamma)
    judges = {name: LOSSES[each.loss].judges for name, each in (("it", cfg), ("recipe", recipe))}
    if judges["it"] == "probabilities":
        gamma *= PROBABILITY_SCALE
    same_steps = (cfg.optim.name in PLAIN_STEPS) == (recipe.optim.name in PLAIN_STEPS)
    if recipe.optim.lr != "auto" and same_steps:
        lr = float(recipe.optim.lr)
    same_game = cfg.penalty.name == recipe.penalty.name and judges["it"] == judges["recipe"]
    if recipe.penalty.gamma != "auto" and float(recipe.penalty.gamma) and same_game:
        gamma = float(recipe.penalty.gamma)
    return Usual(lr, gamma, recipe.optim.d_ratio, recipe.optim.d_steps, recipe.optim.beta1)


def departures(cfg: Config, known: Usual, penalised: bool, has_d: bool = True) -> dict[str, float]:
    """The controls (`gansmith.training.state.CONTROLS`) that make far settings usual ones.

    Args:
        cfg: resolved settings.
        known: what is usual.
        penalised: whether there is a D with a gradient penalty, however weak.
        has_d: whether there is a D.

    Returns:
        By control, the value at which the run does what is usual; nothing where the settings are
        near to it: within ×2 of rates and steps, ×4 of γ.
    """
    found: dict[str, float] = {}
    if _far(float(cfg.optim.lr) / known.lr, FAR_RATE):
        found["lr"] = known.lr / float(cfg.optim.lr)
    if penalised and known.gamma:
        gamma = float(cfg.penalty.gamma)
        if not gamma:
            found["gamma_least"] = known.gamma
        elif _far(gamma / known.gamma, FAR_GAMMA):
            found["gamma"] = known.gamma / gamma
    if not has_d:
        return found
    if cfg.optim.beta1 - known.beta1 > FAR_BETA1:
        found["beta1"] = known.beta1 / cfg.optim.beta1
    ratio, steps = cfg.optim.d_ratio / known.d_ratio, cfg.optim.d_steps / known.d_steps
    hasty = ratio * steps > FAR_PACE  # of little more of either
    if _far(ratio, FAR_RATE) or (hasty and ratio > 1):
        found["lr_D"] = 1.0 / ratio
    if steps > FAR_RATE or (hasty and steps > 1):
        found["d_steps"] = float(known.d_steps - cfg.optim.d_steps)
    return found


def _far(ratio: float, times: float) -> bool:
    return not 1 / times <= ratio <= times
