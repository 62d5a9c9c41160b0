"""How long a step takes on many GPUs: a model, its assumptions, and what was published.

    python benchmarks/scaling_model.py

t(P, b) = max(floor, c·b) + message(P): c is the time of an image on one GPU, b the images of each
GPU in a step, ``floor`` what a step takes however few they are (kernels that are started one after
another). The message is one flat all-reduce of all gradients after the backward pass, not
overlapped with it, as `gansmith.engine.average` does it: within a machine 2(P−1)/P·S/w, between
machines 2(M−1)/M·S/v more (a ring of machines, whose GPUs share the wire), and a latency for each
of the 2·log₂P rounds.

The published figures are the README's of StyleGAN2-ADA (PyTorch; V100, seconds per 1,000 images,
the middle of the range that it gives; batches by its ``--cfg=auto``: per GPU 4,096/side, at most
32, in all at most 64).
"""

import math
from dataclasses import dataclass

MEASURED = {  # side: {GPUs: (images per GPU and step, seconds per 1,000 images)}
    128: {1: (32, 13.25), 2: (32, 6.65), 4: (16, 4.35), 8: (8, 4.4)},
    256: {1: (16, 22.9), 2: (16, 11.5), 4: (16, 5.75), 8: (8, 4.95)},
    512: {1: (8, 73.7), 2: (8, 38.85), 4: (8, 18.9), 8: (8, 9.6)},
    1024: {1: (4, 157.95), 2: (4, 83.4), 4: (4, 40.45), 8: (4, 20.4)},
}
PARAMETERS = 59e6  # of both nets at 1,024 pixels; less below


@dataclass(frozen=True)
class Machine:
    """What is assumed: bytes per second within and between machines, and the rest in seconds."""

    gpus: int = 8
    within: float = 16e9  # what a V100 machine got, by the published figures themselves
    between: float = 25e9  # 200 Gb/s
    latency: float = 30e-6
    floor: float = 0.28  # of StyleGAN2's step, by the published figures at 128 pixels


def message(ranks: int, size: float, of: Machine) -> float:
    """Seconds of an all-reduce of ``size`` bytes."""
    if ranks == 1:
        return 0.0
    near, machines = min(ranks, of.gpus), -(-ranks // of.gpus)
    inside = 2 * (near - 1) / near * size / of.within
    outside = 2 * (machines - 1) / machines * size / of.between
    return inside + outside + 2 * math.log2(ranks) * of.latency


def step(ranks: int, images: float, each: float, size: float, of: Machine) -> float:
    """Seconds of a step in which each rank sees ``images`` that take ``each`` seconds."""
    return max(of.floor, each * images) + message(ranks, size, of)


def main() -> None:
    """The published figures beside the model's, then 8, 64 and 512 GPUs."""
    of = Machine()
    print("side  GPUs  per GPU  published s/kimg  model  away")
    for side, rows in MEASURED.items():
        each = rows[1][1] / 1000
        for ranks, (images, published) in rows.items():
            found = step(ranks, images, each, 4 * PARAMETERS, of) / (ranks * images) * 1000
            away = found / published - 1
            print(f"{side:4} {ranks:5} {images:8} {published:17.2f} {found:6.2f}  {away:+.0%}")
    print("\n1,024 pixels, 4 images per GPU:")
    print(f"{'GPUs':>37} {'ms/step':>8} {'of which message':>17} {'images/s':>9} efficiency")
    each = MEASURED[1024][1][1] / 1000
    for ranks in (1, 8, 64, 512):
        seconds = step(ranks, 4, each, 4 * PARAMETERS, of)
        sent = message(ranks, 4 * PARAMETERS, of)
        speed, alone = ranks * 4 / seconds, 4 / step(1, 4, each, 4 * PARAMETERS, of)
        print(
            f"{ranks:37} {1000 * seconds:8.0f} {1000 * sent:17.1f} {speed:9.0f}"
            f" {speed / alone / ranks:11.2f}"
        )


if __name__ == "__main__":
    main()
