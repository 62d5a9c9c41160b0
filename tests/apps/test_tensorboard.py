import math
from pathlib import Path

import pytest

from gansmith.apps import tensorboard

pytest.importorskip("tensorboard")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_number_of_a_step_becomes_a_scalar(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tensorboard.require()
    observe = tensorboard.scalars_to(tmp_path)
    observe({"kind": "sample", "step": 0, "file": "x.png"})
    for step in (1, 2):
        observe({"kind": "step", "step": step, "d_loss": 0.5 * step, "r1": "nan", "why": "text"})
    observe({"kind": "end", "step": 2})
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert events.Tags()["scalars"] == ["d_loss"]
    assert [(each.step, each.value) for each in events.Scalars("d_loss")] == [(1, 0.5), (2, 1.0)]
    assert all(math.isfinite(each.wall_time) for each in events.Scalars("d_loss"))
