"""The perceptual distance that a task is handed: nothing below the apps looks for weights."""

from dataclasses import replace

import torch

from gansmith.data.weights import kept_file
from gansmith.metrics.lpips import WEIGHTS, load_perceptual_net
from gansmith.tasks import Inpainting, Task

NET = "alex"  # a tenth of the time of vgg, which two CPU cores do not have


def lpips_is_here() -> bool:
    """Whether the weights were fetched before."""
    return kept_file(WEIGHTS[NET]).is_file()


def perceiving(task: Task, device: torch.device) -> Task:
    """The task with LPIPS in it, where its settings give that a weight.

    Raises:
        UserError: if the weights are not to be had.
    """
    if not isinstance(task, Inpainting) or not task.cfg.completion.perceptual:
        return task
    return replace(task, distance=load_perceptual_net(NET, device))
