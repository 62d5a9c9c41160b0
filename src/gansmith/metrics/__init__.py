"""Scores of generated samples: feature extractors, then one file per metric.

Metrics are pure functions on features; docs/metrics.md says what each number means.
"""

from gansmith.metrics.card import Score, point_card, score_card
from gansmith.metrics.features import FEATURES, Features, extract, load_features
from gansmith.metrics.frechet import frechet_distance, frechet_interval
from gansmith.metrics.kernel import kernel_distance, kernel_interval
from gansmith.metrics.modes import Modes, modes_2d
from gansmith.metrics.precision_recall import precision_recall

__all__ = [
    "FEATURES",
    "Features",
    "Modes",
    "Score",
    "extract",
    "frechet_distance",
    "frechet_interval",
    "kernel_distance",
    "kernel_interval",
    "load_features",
    "modes_2d",
    "point_card",
    "precision_recall",
    "score_card",
]
