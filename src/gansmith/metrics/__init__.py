"""Scores of generated samples: feature extractors, then one file per metric.

Metrics are pure functions on features; docs/metrics.md says what each number means.
"""

from gansmith.metrics.bins import Bins, different_bins
from gansmith.metrics.birthday import Birthday, birthday_test
from gansmith.metrics.card import (
    MODE_SAMPLES,
    MODE_SCORES,
    Score,
    mode_card,
    point_card,
)
from gansmith.metrics.classes import Classes, class_balance, combined_labels, predicted
from gansmith.metrics.diversity import Diversity, diversity_ratio
from gansmith.metrics.feature_cache import cached_features
from gansmith.metrics.features import FEATURES, Features, extract, load_features
from gansmith.metrics.frechet import ENOUGH, frechet_distance, frechet_interval
from gansmith.metrics.image_card import (
    DIRECTIONS,
    IMAGE_METRICS,
    JUDGES,
    QUICK,
    Comparison,
    score_card,
)
from gansmith.metrics.kernel import kernel_distance, kernel_interval
from gansmith.metrics.lpips import LPIPS
from gansmith.metrics.memorisation import Copies, Copying, copy_rate, copying_test, nearest
from gansmith.metrics.modes import Modes, modes_2d
from gansmith.metrics.module_features import ModuleFeatures
from gansmith.metrics.precision_recall import precision_recall
from gansmith.metrics.realism import realism
from gansmith.metrics.sample import MOST, Sample, take
from gansmith.metrics.shares import Part, merge, take_share
from gansmith.metrics.similarity import ms_ssim, ms_ssim_distance
from gansmith.metrics.spectrum import SpectrumSum, spectrum_error

__all__ = [
    "DIRECTIONS",
    "ENOUGH",
    "FEATURES",
    "IMAGE_METRICS",
    "JUDGES",
    "LPIPS",
    "MODE_SAMPLES",
    "MODE_SCORES",
    "MOST",
    "QUICK",
    "Bins",
    "Birthday",
    "Classes",
    "Comparison",
    "Copies",
    "Copying",
    "Diversity",
    "Features",
    "Modes",
    "ModuleFeatures",
    "Part",
    "Sample",
    "Score",
    "SpectrumSum",
    "birthday_test",
    "cached_features",
    "class_balance",
    "combined_labels",
    "copy_rate",
    "copying_test",
    "different_bins",
    "diversity_ratio",
    "extract",
    "frechet_distance",
    "frechet_interval",
    "kernel_distance",
    "kernel_interval",
    "load_features",
    "merge",
    "mode_card",
    "modes_2d",
    "ms_ssim",
    "ms_ssim_distance",
    "nearest",
    "point_card",
    "precision_recall",
    "predicted",
    "realism",
    "score_card",
    "spectrum_error",
    "take",
    "take_share",
]
