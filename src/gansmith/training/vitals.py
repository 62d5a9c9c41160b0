"""The vital signs of a run's nets: how strong their gradients are, and which units still work.

`gansmith.models.units` says what a dead or a saturated unit is. Nothing is changed by looking.
"""

from contextlib import ExitStack
from typing import Any

import torch

from gansmith.config import Config
from gansmith.engine import frozen
from gansmith.models.units import ends_of, gradient_norms, units, unmoved, watched
from gansmith.tasks import Controls, Task
from gansmith.training import schedule
from gansmith.training.batches import Batches
from gansmith.training.moves import held
from gansmith.training.state import State


def vitals(task: Task, state: State, batches: Batches, controls: Controls) -> dict[str, Any]:
    """Look at the nets of a run on the batch that would come next.

    Args:
        task: what the players minimise.
        state: the nets; left as they are, gradients, buffers and optimisers included.
        batches: what each player sees.
        controls: the numbers of this moment.

    Returns:
        By player, ``gradients`` (by parameter), ``first`` and ``last`` (of the layers in the order
        of the forward pass; None where no layer was reached) and ``units`` (see
        `gansmith.models.units`: ``count`` and shares ``dead``, ``one_sided``, ``saturated``,
        ``output_saturated``, None where there is no such unit).
    """
    found: dict[str, Any] = {}
    for side in task.players:
        player = state.players[side]
        rivals = [each for each in state.players.values() if each is not player]
        terms_of = task.d_terms if side == "D" else task.g_terms
        micro = next(iter(batches.at(state.step, side)))
        with ExitStack() as around:
            around.enter_context(torch.random.fork_rng(devices=[]))
            record = around.enter_context(watched(player.bare))
            for rival in rivals:
                around.enter_context(unmoved(rival.bare))
                around.enter_context(frozen(rival.bare))
            terms, _ = terms_of(micro, controls)
            norms = gradient_norms(player.bare, torch.stack(list(terms.values())).sum())
        ends = ends_of(player.bare, record, norms)
        found[side] = {
            "first": ends[0] if ends else None,
            "last": ends[1] if ends else None,
            "units": units(record),
            "gradients": norms,
        }
    return found


def vitals_of_run(cfg: Config, task: Task, state: State, batches: Batches) -> dict[str, Any]:
    """`vitals` at what the schedules say of this moment of a run."""
    now = held(schedule.at(cfg, state.scheduled, max(1, state.total_images)), state)
    controls = Controls(
        gamma=now.gamma,
        sigma=now.sigma,
        d_real=state.outputs.get("d_real", 0.0),
        d_fake=state.outputs.get("d_fake", 0.0),
    )
    return vitals(task, state, batches, controls)
