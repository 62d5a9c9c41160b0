"""What moves during training, as pure functions of the images seen."""

import math
from dataclasses import dataclass

from gansmith.config import Config


@dataclass(frozen=True)
class Scheduled:
    """The values that hold during one step."""

    lr: float
    beta2: float
    gamma: float
    sigma: float
    ema_decay: float
    gamma_left: float = 1.0  # the part of its first value that γ has come to


def half_cosine(progress: float) -> float:
    """From 1 at progress 0 to 0 at progress 1, flat at both ends (Loshchilov and Hutter 2017)."""
    return 0.5 * (1.0 + math.cos(math.pi * min(max(progress, 0.0), 1.0)))


def between(start: float, end: float, progress: float) -> float:
    """The cosine path from ``start`` to ``end``."""
    return end + (start - end) * half_cosine(progress)


def rate_factor(path: str, final_ratio: float, progress: float) -> float:
    """From 1 to ``final_ratio``: along the cosine, along a line, or not at all (``constant``).

    Loshchilov and Hutter 2017, equation (5); the line is that of Zhu et al. 2017, section 4.
    """
    if path == "constant":
        return 1.0
    if path == "linear":
        return 1.0 + (final_ratio - 1.0) * min(max(progress, 0.0), 1.0)
    return between(1.0, final_ratio, progress)


def gamma_factor(path: str, final_ratio: float, progress: float) -> float:
    """From 1 to ``final_ratio``: along the cosine, or along it in the logarithm.

    The geometric path spends equal parts of a run on equal factors of γ, for games in which D must
    end orders of magnitude sharper than it began.
    """
    if path == "geometric":
        return float(final_ratio ** (1.0 - half_cosine(progress)))
    return between(1.0, final_ratio, progress)


def ema_decay(half_life: float, ramp: float, images: int, batch: int) -> float:
    """Decay β of θ_ema ← β·θ_ema + (1 − β)·θ for a half-life of min(half_life, ramp·images) images.

    The ramp keeps the average from remembering the untrained generator (Karras et al. 2020b).
    """
    images_remembered = min(half_life, ramp * images)
    return 0.5 ** (batch / images_remembered) if images_remembered > 0 else 0.0


def images_per_step(cfg: Config) -> int:
    """Real images that D is shown in one step of the game: a batch for each step of its own.

    Budgets, schedules and half-lives count in them. A task without D has one step of G for it.
    """
    return int(cfg.batch) * cfg.optim.d_steps


def at(cfg: Config, images: int, total_images: int) -> Scheduled:
    """The schedule after ``images`` of ``total_images``; no setting may still read ``auto``."""
    progress = images / total_images
    lr, gamma, batch = float(cfg.optim.lr), float(cfg.penalty.gamma), images_per_step(cfg)
    noise = cfg.instance_noise
    gamma_left = gamma_factor(cfg.penalty.path, cfg.penalty.final_ratio, progress)
    warmup = min(1.0, (images + batch) / (cfg.optim.warmup * total_images + batch))
    return Scheduled(
        lr=lr * warmup * rate_factor(cfg.optim.schedule, cfg.optim.lr_final_ratio, progress),
        beta2=between(cfg.optim.beta2, cfg.optim.beta2_final, progress),
        gamma=gamma * gamma_left,
        sigma=noise.sigma * rate_factor("linear", noise.final_ratio, progress),
        ema_decay=ema_decay(cfg.ema.half_life, cfg.ema.ramp, images + batch, batch),
        gamma_left=gamma_left,
    )
