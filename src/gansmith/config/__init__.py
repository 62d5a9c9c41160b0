"""Typed, frozen configuration: from and to YAML, overrides by dotted keys, clear refusals.

Nothing here imports torch. A setting that reads ``auto`` is decided at the start of a run
(`gansmith.recipes.automatic`) from the data and the device, and the decision is printed with its
reason and written, resolved, into the run's ``config.yaml``.
"""

from gansmith.config.budget import Budget
from gansmith.config.objective import PenaltyConfig
from gansmith.config.settings import AugmentConfig, Config, known_keys
from gansmith.config.tree import (
    build,
    merge,
    nest,
    parse_assignment,
    read_yaml,
    to_tree,
    to_yaml,
)

__all__ = [
    "AugmentConfig",
    "Budget",
    "Config",
    "PenaltyConfig",
    "build",
    "known_keys",
    "merge",
    "nest",
    "parse_assignment",
    "read_yaml",
    "to_tree",
    "to_yaml",
]
