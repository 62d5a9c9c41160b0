"""How every score of images moves when held-out digits are spoilt: the table in docs/metrics.md.

    python scripts/metric_directions.py [--count 2000]

`WORSE` says which way each score must move; tests/metrics/test_image_card.py holds the scores to
it.
"""

import argparse

import numpy as np
import torch
import torchvision.transforms.functional as TF
from torch import Tensor

from gansmith.data import open_data
from gansmith.metrics import Comparison, Features, Sample, load_features, score_card, take


def noise(images: Tensor, labels: Tensor) -> Tensor:
    """Gaussian noise of 60 of 255 levels."""
    del labels
    drawn = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    return (images + 60 * drawn).clamp(0, 255).to(torch.uint8)


def blur(images: Tensor, labels: Tensor) -> Tensor:
    """Gaussian blur of 1.5 px."""
    del labels
    return TF.gaussian_blur(images, [9, 9], [1.5, 1.5])


def missing(images: Tensor, labels: Tensor) -> Tensor:
    """Only zeros, ones and twos, as many images as before."""
    held = (labels < 3).nonzero()[:, 0]
    return images[held.repeat(len(images) // len(held) + 1)[: len(images)]]


def duplicated(images: Tensor, labels: Tensor) -> Tensor:
    """50 images, again and again."""
    del labels
    return images[:50].repeat(len(images) // 50 + 1, 1, 1, 1)[: len(images)]


CORRUPTIONS = {"noise": noise, "blur": blur, "7 classes missing": missing, "duplicates": duplicated}
WORSE = {
    "noise": {
        "higher": ("fd", "kid", "mind", "spectrum", "ndb"),
        "lower": ("precision", "density", "coverage", "confident"),
    },
    "blur": {
        "higher": ("fd", "kid", "mind", "spectrum", "ndb"),
        "lower": ("precision", "coverage", "confident"),
    },
    "7 classes missing": {
        "higher": ("fd", "kid", "mind", "ndb", "class_kl"),
        "lower": ("recall", "coverage", "is", "vendi", "diversity", "classes"),
    },
    "duplicates": {
        "higher": ("fd", "kid", "mind", "ndb"),
        "lower": ("recall", "coverage", "support"),
    },
}


def digits(count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Two disjoint samples of held-out digits, and the labels of the second."""
    data = open_data("digits", split="test", labels=True)
    (one, _), (two, labels) = (data.batch(np.arange(start, 10_000, 2)[:count]) for start in (0, 1))
    return one, two, labels


def card(real: Sample, images: Tensor, features: Features) -> dict[str, float]:
    """All scores of some images against the real sample."""
    compared = Comparison(
        real, take(images.split(500), features), features, own_classes=True, forced=True
    )
    return {name: score.value for name, score in score_card(compared)[0].items()}


def main() -> None:
    """Print the table in Markdown; an arrow marks what must move, and did."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=2_000)
    count = parser.parse_args().count
    features = load_features("digits-cnn")
    one, two, labels = digits(count)
    real = take(one.split(500), features)
    untouched = card(real, two, features)
    spoilt = {name: card(real, harm(two, labels), features) for name, harm in CORRUPTIONS.items()}
    print("| score | held-out digits | " + " | ".join(CORRUPTIONS) + " |")
    print("| --- " * (len(CORRUPTIONS) + 2) + "|")
    for name, value in untouched.items():
        cells = []
        for harm in CORRUPTIONS:
            after = spoilt[harm][name]
            arrow = ""
            if name in WORSE[harm]["higher"]:
                arrow = " ↑" if after > value else " (did not rise)"
            if name in WORSE[harm]["lower"]:
                arrow = " ↓" if after < value else " (did not fall)"
            cells.append(f"{after:.3g}{arrow}")
        print(f"| `{name}` | {value:.3g} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
