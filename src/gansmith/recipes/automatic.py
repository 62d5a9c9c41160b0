"""What reads ``auto`` is decided here, from the data and the device, each time with its reason."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gansmith.config import Config, build, merge, to_tree
from gansmith.config.completion import PERCEPTUAL_SIDE

if TYPE_CHECKING:  # the rules, and the command that lists them, need no torch
    from gansmith.data import DataInfo

MIRROR_SAFE = 0.53
AUGMENT_BELOW = 5_000
FRECHET_FROM = 2_000  # samples
PERCEPTUAL = 20.0  # weight of LPIPS beside the adversarial term of a completion
NARROW, USUAL, WIDE = 8, 16, 64  # widths of convolutional nets: on a CPU in a hurry, there, a GPU
SIDE_PER_WIDTH = 16  # pixels of a side for each channel at full size; fewer are too few (GS248)
NARROW_BELOW = 80_000  # images that a budget in seconds holds at the usual width
BY_PACE = ("model.width", "optim.lr")  # decided again where the pace is known
PLAIN_STEPS = {"sgd": 0.05, "momentum": 0.01, "nesterov": 0.01, "optimistic": 0.05}


@dataclass(frozen=True)
class Reason:
    """One decision: the setting's dotted key, what was chosen, and why."""

    key: str
    value: Any
    why: str


@dataclass(frozen=True)
class Facts:
    """What the rules may know of the machine and the data besides `DataInfo`."""

    device: str
    precision: str
    mirror_accuracy: float | None = None  # see `mirror_accuracy`; None where it was not measured
    perceptual: bool = False  # whether the weights of LPIPS are on this machine
    images: float | None = None  # that a budget in seconds holds at the usual width, if known


def antisymmetric(images_NHW: np.ndarray) -> np.ndarray:
    """a = (x − mirror(x))/2 of each image x, at about 16×16, without its mirrored half.

    Args:
        images_NHW: grey images, any range, at least 2 wide.

    Returns:
        float64 (N, features): all that tells an image from its mirror image, whose a is −a.
    """
    x = images_NHW.astype(np.float64)
    side = max(1, x.shape[2] // 16)
    rows = max(1, x.shape[1] // 16)
    height, width = x.shape[1] // rows * rows, x.shape[2] // (2 * side) * 2 * side
    x = (
        x[:, :height, :width]
        .reshape(len(x), height // rows, rows, width // side, side)
        .mean((2, 4))
    )
    return ((x - x[:, :, ::-1]) / 2.0)[:, :, : x.shape[2] // 2].reshape(len(x), -1)


def mirror_accuracy(odd_NF: np.ndarray) -> float:
    """Share of held-out images that a linear classifier tells from their mirror images.

    The classes are ±a (see `antisymmetric`), so the linear discriminant is w = (Σ + λI)⁻¹·mean(a)
    (Fisher 1936), fitted on one half of the images and tried on the other. Data that it cannot
    tell apart may be flipped without teaching G something false.

    Args:
        odd_NF: `antisymmetric` of at least 8 images.
    """
    fit, held_out = odd_NF[::2], odd_NF[1::2]
    covariance = fit.T @ fit / len(fit)
    ridge = np.trace(covariance) / len(covariance) * (0.1 + len(covariance) / len(fit)) + 1e-12
    weights = np.linalg.solve(covariance + ridge * np.eye(len(covariance)), fit.mean(0))
    scores = held_out @ weights
    return float(np.mean(scores > 0) + 0.5 * np.mean(scores == 0))


def _training_rules(cfg: Config, info: "DataInfo", facts: Facts) -> list[Reason]:
    """Batch, width, depth, rate and gamma."""
    found: list[Reason] = []
    points = info.kind == "points"
    small = facts.device == "cpu"
    where = "on a CPU" if small else f"on {facts.device}"
    if cfg.batch == "auto":
        wanted = 256 if points or not small else 32
        parts = cfg.accumulate * cfg.model.d.pac  # micro-batches of whole packs
        most = max(parts, min(wanted, info.count) // parts * parts)
        why = f"{where}, many small steps learn faster than few large ones" if small else where
        if points:
            why = "2-D points are cheap"
        if info.count < wanted:
            why = f"there are only {info.count} samples"
        elif most < wanted:
            packs = f" and model.d.pac={cfg.model.d.pac}" if cfg.model.d.pac > 1 else ""
            why = f"divisible by accumulate={cfg.accumulate}{packs}"
        found.append(Reason("batch", most, why))
    perceptron = cfg.model.name == "mlp"
    if cfg.model.width == "auto":
        found.append(_width(cfg, info, facts))
    if cfg.model.depth == "auto":
        depth = 3 if points else 2 if perceptron else 1 if small else 2
        unit = "hidden layers" if perceptron else "residual blocks at each size"
        found.append(Reason("model.depth", depth, unit))
    if cfg.optim.lr == "auto":
        found.append(_rate(cfg, info, found))
    if cfg.penalty.gamma == "auto":
        found.append(_gamma(cfg, info))
    return found


def width_by_pace(cfg: Config, info: "DataInfo", device: str) -> bool:
    """Whether the width depends on how many images the budget holds.

    It does for budgets in seconds: in so many images a wider net learns more, it only takes longer.
    Measured of plain generation by the default nets at 28 to 64 pixels on a CPU; others may cross
    elsewhere, so their width stays. Nor is there a choice where a width was asked for.
    """
    left_open = cfg.model.g.width is None and cfg.model.d.width is None
    as_measured = cfg.task == "generation" and cfg.model.name == "resnet" and device == "cpu"
    plain = cfg.optim.name not in PLAIN_STEPS and cfg.compile in ("auto", "off")
    small = info.kind == "images" and max(info.shape[1:]) <= NARROW * SIDE_PER_WIDTH
    return left_open and as_measured and plain and small and cfg.budget.unit == "seconds"


def _width(cfg: Config, info: "DataInfo", facts: Facts) -> Reason:
    small = facts.device == "cpu"
    where = "on a CPU" if small else f"on {facts.device}"
    soon = f"fits a first result in minutes {where}" if small else f"room {where}"
    if cfg.model.name == "mlp":
        points = info.kind == "points"
        return Reason("model.width", 128, "enough for a 2-D mixture" if points else soon)
    if not width_by_pace(cfg, info, facts.device):
        return Reason("model.width", USUAL if small else WIDE, soon)
    if facts.images is None:
        why = (
            f"{NARROW}, at twice the rate, if there is time for fewer than {NARROW_BELOW:,} images"
        )
        return Reason("model.width", USUAL, why)
    narrow = facts.images < NARROW_BELOW
    held = f"at width {USUAL} there is time for about {facts.images:,.0f} images"
    why = f"{held}: narrower nets see more" if narrow else f"{held}: enough"
    return Reason("model.width", NARROW if narrow else USUAL, why)


def _rate(cfg: Config, info: "DataInfo", found: list[Reason]) -> Reason:
    """Adam moves every weight by about the rate, so the rate falls as a layer sums more weights.

    Yang and Hu 2021 (μP, table 3): in inverse proportion to the width. Optimisers whose step is as
    long as the gradient know no such rule. With the picture residual nets get longer, and their
    innermost layers wider: at 28, 32 and 64 pixels half the rate for each halving of the picture
    beyond two was measured best; at four times as much G's outputs explode in its first steps.
    """
    if cfg.optim.name in PLAIN_STEPS:
        why = f"{cfg.optim.name} steps as far as the gradient is long: try others too"
        return Reason("optim.lr", PLAIN_STEPS[cfg.optim.name], why)
    if info.kind == "points":
        return Reason("optim.lr", 3e-3, "measured best on the 2-D mixtures")
    if cfg.model.name == "mlp":
        return Reason("optim.lr", 1e-3, "measured on perceptrons for 28x28 digits")
    decided = [reason.value for reason in found if reason.key == "model.width"]
    width = int(decided[0] if decided else cfg.model.width)
    why = f"0.004 at width {USUAL}, in inverse proportion to width {width}"
    further = _halvings(info) - 2 if cfg.model.name == "resnet" else 0
    if further > 0:
        why += f", over {2**further} for {info.shape[1]}x{info.shape[2]} pixels"
    rate = float(f"{4e-3 * USUAL / width / 2 ** max(0, further):.2g}")
    return Reason("optim.lr", rate, why)


def _halvings(info: "DataInfo") -> int:
    """How often residual nets halve a picture."""
    from gansmith.models.layers import stage_sizes  # torch: who lists recipes does not pay for it

    return len(stage_sizes(*info.shape[1:])) - 1


def usual_gamma(cfg: Config, info: "DataInfo") -> float:
    """What the penalty's weight would be if it were not set."""
    return float(_gamma(cfg, info).value)


def _gamma(cfg: Config, info: "DataInfo") -> Reason:
    """γ grows with the number of pixels, over which ‖∇D‖² is summed (Karras et al. 2020b, ADA)."""
    from gansmith.losses import PENALTIES  # torch: who lists recipes does not pay for it

    penalty = PENALTIES[cfg.penalty.name]
    if penalty.place == "nowhere" or cfg.task == "vae":
        return Reason("penalty.gamma", 0.0, "no gradient penalty")
    if not penalty.by_pixels:
        return Reason("penalty.gamma", penalty.at_32, penalty.source)
    if info.kind == "points":
        return Reason("penalty.gamma", 1.0, "2-D mixtures: finds every mode, before it falls")
    pixels = info.shape[1] * info.shape[2]
    gamma = float(f"{penalty.at_32 * pixels / 32**2:.2g}")
    how = f"{penalty.at_32:g} at 32x32, in proportion to the {pixels} pixels"
    return Reason("penalty.gamma", gamma, how)


def _best_by(cfg: Config, info: "DataInfo") -> Reason:
    if info.kind == "points":
        return Reason("evaluate.by", "high_quality", "what a mixture's points are judged by")
    if min(info.fewest, cfg.evaluate.samples) < FRECHET_FROM:
        return Reason("evaluate.by", "kid", f"under {FRECHET_FROM:,} samples fd is mostly noise")
    return Reason("evaluate.by", "fd", "reacts to quality and to variety")


def _augment_rules(cfg: Config, info: "DataInfo", facts: Facts) -> list[Reason]:
    found: list[Reason] = []
    if cfg.augment.flip == "auto":
        accuracy = facts.mirror_accuracy
        if accuracy is None:
            why = "not images" if info.kind == "points" else "too few images to tell if it is safe"
            found.append(Reason("augment.flip", False, why))
        else:
            safe = accuracy <= MIRROR_SAFE
            verb = "cannot tell" if safe else "can tell"
            why = (
                f"a linear classifier {verb} images from their mirror images ({accuracy:.0%} right)"
            )
            found.append(Reason("augment.flip", safe, why))
    if cfg.augment.policy == "auto":
        few = info.kind == "images" and info.fewest < AUGMENT_BELOW and cfg.task != "vae"
        policy = ("all" if _in_colour(cfg, info) else "translation") if few else "none"
        less = "few: D would memorise them" if few else "enough without"
        if cfg.task == "vae":
            less = "shown to no D"
        found.append(Reason("augment.policy", policy, f"{info.fewest:,} samples are {less}"))
    return found


def _in_colour(cfg: Config, info: "DataInfo") -> bool:
    """Whether D may be shown samples in other colours, so that it does not know them by these.

    Of pairs where both pictures are RGB: they are changed alike, and the distance to the target
    holds their colours. Without pairs nothing but D does (Zhu et al. 2017, section 5.2).
    """
    if info.given:
        return cfg.task == "translation" and info.shape[0] == 6
    return info.shape[0] == 3


def _perceptual(cfg: Config, info: "DataInfo", facts: Facts) -> Reason:
    """LPIPS where its weights are here: nothing is fetched unasked."""
    key = "completion.perceptual"
    if min(info.shape[1:], default=0) < PERCEPTUAL_SIDE:
        return Reason(key, 0.0, f"LPIPS sees nothing under {PERCEPTUAL_SIDE} pixels")
    if not facts.perceptual:
        return Reason(key, 0.0, "the weights of LPIPS are not here: `gansmith evaluate --lpips`")
    return Reason(key, PERCEPTUAL, "LPIPS, whose weights are here")


def resolve(cfg: Config, info: "DataInfo", facts: Facts) -> tuple[Config, list[Reason]]:
    """Decide every setting that reads ``auto`` but those that need a clock (threads, save_every).

    Where `BY_PACE` waits for one too, it is decided as if there were time enough.

    Returns:
        The configuration, and a reason for each decision in the order of the rules.
    """
    found = _training_rules(cfg, info, facts) + _augment_rules(cfg, info, facts)
    if cfg.completion.perceptual == "auto":
        found.append(_perceptual(cfg, info, facts))
    if cfg.evaluate.by == "auto":
        found.append(_best_by(cfg, info))
    if cfg.device == "auto":
        found.append(Reason("device", facts.device, "the fastest that is here"))
    if cfg.precision == "auto":
        why = "exact and safe everywhere" if facts.precision == "fp32" else "the probe passed"
        found.append(Reason("precision", facts.precision, why))
    if cfg.compile == "auto":
        found.append(Reason("compile", "off", _why_plain(facts.device)))
    if cfg.resolution == "auto" and info.kind == "images":
        text = f"{info.shape[1]}x{info.shape[2]}"
        found.append(Reason("resolution", text, "from the data"))
    if cfg.data.channels == "auto" and info.kind == "images" and not info.given:
        found.append(Reason("data.channels", info.shape[0], "from the data"))
    return apply(cfg, found), found


def _why_plain(device: str) -> str:
    """Why nets are not compiled unasked; see docs/performance.md, "Written, not run"."""
    where = "a GPU" if device == "cuda" else device.upper()
    return f"it begins with minutes, and no gain was measured on {where}: --set compile=on tries it"


def apply(cfg: Config, decisions: list[Reason]) -> Config:
    """The configuration with the decisions written in."""
    tree = to_tree(cfg)
    for decision in decisions:
        value: Any = decision.value
        for part in reversed(decision.key.split(".")):
            value = {part: value}
        tree = merge(tree, value)
    return build(tree)
