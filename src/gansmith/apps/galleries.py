"""Pictures that go with a score card: the nearest training images, the best and the worst."""

from pathlib import Path

import torch
from torch import Tensor

from gansmith.apps.scoring import Scorer
from gansmith.data.drawing import read
from gansmith.metrics import Sample, nearest, realism
from gansmith.reports.run_folder import GALLERIES
from gansmith.reports.sheets import picture_bytes, sheet, write_file

ROWS = 8
NEIGHBOURS = 5
SHOWN = 32


def draw_galleries(scorer: Scorer, fake: Sample, folder: Path) -> None:
    """Write ``nearest.png``, ``typical.png`` and ``worst.png`` into ``folder``.

    They are of the images that were kept of the sample, its first ones: at most 2,000.

    Raises:
        UserError: if a file cannot be written.
    """
    assert scorer.sample is not None, "points have no galleries"
    images = fake.images_KCHW
    features = fake.features_NF[: len(images)]
    order = realism(scorer.sample.features_NF, features).argsort(descending=True)
    shown = min(SHOWN, max(1, len(images) // 2))
    drawn = {
        "nearest": (_nearest(scorer, images, features), 1 + NEIGHBOURS),
        "typical": (images[order[:shown]], 8),
        "worst": (images[order[-shown:].flip(0)], 8),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name in GALLERIES:
        pictures, columns = drawn[name]
        laid = sheet(pictures.permute(0, 2, 3, 1).numpy(), columns=columns)
        write_file(folder / f"{name}.png", picture_bytes(laid))


def _nearest(scorer: Scorer, images: Tensor, features: Tensor) -> Tensor:
    """Rows of a generated image and its nearest training images, the nearest pair first."""
    assert scorer.sample is not None
    if scorer.train is not None:
        data, indices, known = scorer.train, scorer.train_indices(), scorer.train_features()
        assert known is not None
    else:
        data, indices, known = scorer.real, scorer.indices, scorer.sample.features_NF
    found, distance = nearest(features, known, k=min(NEIGHBOURS, len(known)))
    first = distance[:, 0].argsort()[:ROWS]
    rows = []
    for number in first.tolist():
        near = indices[found[number].numpy()]
        rows.append(torch.cat([images[number : number + 1], read(data, near)]))
    return torch.cat(rows)
