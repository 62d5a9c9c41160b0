"""The doctor's hand on a run of ours: what `gansmith.doctor.repair` needs of its settings."""

from collections.abc import Mapping

import torch
from torch import Tensor

from gansmith.apps.setting_up import Prepared, new_state
from gansmith.doctor.ground import ground_of
from gansmith.doctor.monitor import Monitor
from gansmith.doctor.repair import Repairer, Source, Write, command
from gansmith.engine import seeded
from gansmith.recipes.usual import usual
from gansmith.tasks import Side


def repairer_of(ready: Prepared, source: Source | None, write: Write) -> Repairer | None:
    """The adviser that treats a run; None where it is switched off, or nobody diagnoses."""
    cfg, mode = ready.cfg, ready.cfg.doctor.repair
    if source is None or mode == "off":
        return None
    known = usual(cfg, ready.data.info, ready.engine.device.type)
    return Repairer(
        mode,
        ready.state,
        source,
        ground=lambda: ground_of(cfg, ready.state, ready.data.info.kind, known),
        command=lambda rung, new, side: command(cfg, rung, new, side),
        write=write,
    )


def keep(monitor: Monitor | None, repairer: Repairer | None, due: bool) -> None:
    """A checkpoint is about to be made: leave in it what both need to go on from there."""
    if monitor:
        monitor.keep()
    if repairer and due:
        repairer.saving()


def fresh_weights(ready: Prepared, step: int) -> Mapping[Side, Mapping[str, Tensor]]:
    """The weights of new nets by the families' own initialisers: a function of seed and step."""
    number = int(torch.randint(2**62, (), generator=seeded(ready.cfg.seed, "revival", step)))
    cfg = ready.cfg.model_copy(update={"seed": number})
    with torch.random.fork_rng(devices=[]):
        _, state = new_state(cfg, ready.engine, ready.spec)
    return {side: player.bare.state_dict() for side, player in state.players.items()}
