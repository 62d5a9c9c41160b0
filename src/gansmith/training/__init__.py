"""The loop, its state on disk, schedules, the moving average and the diary."""

from gansmith.training.batches import Batches, reading_ahead
from gansmith.training.log import Log, Record
from gansmith.training.loop import Hooks, train
from gansmith.training.optimisers import OPTIMISERS
from gansmith.training.pace import Pace, every_steps, measure, planned_images
from gansmith.training.remedies import Act, Advice, Adviser, Diverged, Hand, Revive, Rollback
from gansmith.training.schedule import images_per_step
from gansmith.training.state import State

__all__ = [
    "OPTIMISERS",
    "Act",
    "Advice",
    "Adviser",
    "Batches",
    "Diverged",
    "Hand",
    "Hooks",
    "Log",
    "Pace",
    "Record",
    "Revive",
    "Rollback",
    "State",
    "every_steps",
    "images_per_step",
    "measure",
    "planned_images",
    "reading_ahead",
    "train",
]
