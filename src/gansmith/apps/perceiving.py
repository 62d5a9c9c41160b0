"""The perceptual distance that tasks and scores are handed: nothing below looks for weights."""

from dataclasses import replace

import torch

from gansmith.config.completion import PERCEPTUAL_SIDE
from gansmith.data.weights import kept_file
from gansmith.errors import UserError
from gansmith.metrics.lpips import LPIPS, WEIGHTS, load_perceptual_net
from gansmith.tasks import Inpainting, Task

NET = "alex"  # a tenth of the time of vgg, which two CPU cores do not have


def lpips_is_here() -> bool:
    """Whether the weights were fetched before."""
    return kept_file(WEIGHTS[NET]).is_file()


def named_lpips() -> tuple[str, LPIPS]:
    """LPIPS and the name that scores state.

    Raises:
        UserError: if the weights are not to be had.
    """
    return f"LPIPS ({NET})", LPIPS(NET)


def lpips_of(shape: tuple[int, ...], fetch: bool) -> tuple[str, LPIPS] | None:
    """`named_lpips` for pictures (C, H, W), if they are large enough and the weights can be had.

    Args:
        shape: of the pictures.
        fetch: whether weights that are not here may be fetched.
    """
    if min(shape[1:]) < PERCEPTUAL_SIDE or not (fetch or lpips_is_here()):
        return None
    try:
        return named_lpips()
    except UserError:  # no network: the other scores stand
        return None


def perceiving(task: Task, device: torch.device) -> Task:
    """The task with LPIPS in it, where its settings give that a weight.

    Raises:
        UserError: if the weights are not to be had.
    """
    if not isinstance(task, Inpainting) or not task.cfg.completion.perceptual:
        return task
    return replace(task, distance=load_perceptual_net(NET, device))
