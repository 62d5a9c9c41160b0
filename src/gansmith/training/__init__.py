"""The loop, its state on disk, schedules, the moving average and the diary."""

from gansmith.training.batches import Batches
from gansmith.training.log import Log, Record
from gansmith.training.loop import Advice, Hooks, train
from gansmith.training.pace import Pace, every_steps, measure, planned_images
from gansmith.training.state import State

__all__ = [
    "Advice",
    "Batches",
    "Hooks",
    "Log",
    "Pace",
    "Record",
    "State",
    "every_steps",
    "measure",
    "planned_images",
    "train",
]
