"""The scores of a study's trials: few, and without intervals of their own.

A study's interval is over seeds, which differ by more than the draw of one generator's samples, so
the resampling that a score card's interval takes (most of its time) is left out.
"""

import numpy as np

from gansmith.apps.evaluating import quick_scores
from gansmith.apps.scoring import Scorer
from gansmith.apps.streams import BATCH
from gansmith.errors import UserError
from gansmith.metrics import ENOUGH, Sample, Score, frechet_distance, predicted
from gansmith.metrics.classes import drawn
from gansmith.metrics.density_coverage import density_coverage
from gansmith.metrics.kernel import kernel_distance
from gansmith.models import Generator


def classes_found(real_K: list[int], fake_K: list[int]) -> float:
    """The share of the real classes that are drawn (`gansmith.metrics.classes.drawn`).

    Args:
        real_K: samples of each class among the real ones; a class that has none is not counted.
        fake_K: the same for the generated ones.
    """
    if not sum(fake_K):
        return 0.0
    return drawn(np.array(fake_K), np.array(real_K)) / sum(count > 0 for count in real_K)


def _classes(scorer: Scorer, fake: Sample) -> float | None:
    """`classes_found` where the extractor was trained on this data's classes."""
    extractor = scorer.extractor
    assert extractor is not None
    assert scorer.sample is not None
    logits_of = getattr(extractor, "logits_of", None)
    if not scorer.own_classes or logits_of is None:
        return None
    counts = []
    for sample in (scorer.sample, fake):
        logits = logits_of(sample.features_NF)
        counts.append(predicted(logits).bincount(minlength=logits.shape[1]).tolist())
    return classes_found(counts[0], counts[1])


def deciding(scorer: Scorer) -> str:
    """The score by which a study's arms are compared: one that `lean_scores` takes."""
    if scorer.sample is None:
        return "high_quality"
    return "fd" if min(len(scorer.sample), scorer.options.count) >= ENOUGH else "kid"


def lean_scores(scorer: Scorer, generator: Generator) -> dict[str, Score]:
    """Of images ``fd`` (or ``kid`` of fewer than 2,000), ``coverage`` and ``classes``; of points
    their whole card.

    ``classes`` is the share of classes found (`classes_found`), of data whose classes are known.
    """
    if generator.spec.kind == "points":
        return quick_scores(scorer, generator)
    options = scorer.options
    assert scorer.extractor is not None
    assert scorer.sample is not None
    fake = scorer.take(generator.batches(options.count, options.seed, batch=BATCH))
    pair = (scorer.sample.features_NF, fake.features_NF)
    values: dict[str, float | None] = {}
    try:
        if min(map(len, pair)) >= ENOUGH:
            values["fd"] = frechet_distance(*pair)
        else:
            values["kid"] = kernel_distance(*pair, options.seed)[0]
        values["coverage"] = density_coverage(*pair)[1]
        values["classes"] = _classes(scorer, fake)
    except UserError:  # samples that are not finite have no score: the trial says so
        return {}
    about = f"{scorer.extractor.name} ({scorer.extractor.digest})"
    return {
        name: Score(value, None, None, len(fake), about, scorer.extractor.resize)
        for name, value in values.items()
        if value is not None
    }
