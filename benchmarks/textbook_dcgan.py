"""Moved to `benchmarks/reference/textbook_dcgan.py`; the old path still runs it."""

from reference.textbook_dcgan import (
    BATCH,
    SAMPLES,
    WIDTH,
    Z,
    discriminator,
    draw,
    generator,
    initialise,
    main,
    train,
)

__all__ = [
    "BATCH",
    "SAMPLES",
    "WIDTH",
    "Z",
    "discriminator",
    "draw",
    "generator",
    "initialise",
    "main",
    "train",
]

if __name__ == "__main__":
    main()
