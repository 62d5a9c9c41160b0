"""What is done with a trained generator: ``gansmith sample`` and ``gansmith evaluate``."""

from pathlib import Path
from typing import Annotated

import typer

from gansmith.cli.output import Json, emit


def sample(
    source: Annotated[
        str, typer.Argument(metavar="RUN", help="A run, a saved generator or a hub name.")
    ],
    count: Annotated[int, typer.Option("-n", "--count", metavar="N", help="How many.")] = 64,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed, the same images.")] = 0,
    class_name: Annotated[
        str | None, typer.Option("--class", metavar="CLASS", help="A class, by name or number.")
    ] = None,
    grid: Annotated[bool, typer.Option("--grid", help="One sheet, not one file each.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to write [samples-seed-N in the run]."),
    ] = None,
    batch: Annotated[int, typer.Option(metavar="N", help="Samples at a time.")] = 128,
    as_json: Json = False,
) -> None:
    """Draw samples and write them as PNG.

    Example: gansmith sample runs/demo -n 16 --seed 1 --grid
    """
    from gansmith.apps import display
    from gansmith.apps.sample import sample as draw

    with display.Terminal(to_stderr=True) as screen:
        folder = draw(source, count, seed, class_name, grid, out, batch, screen.data)
    emit({"out": str(folder), "count": count, "seed": seed}) if as_json else print(folder)


def evaluate(
    target: Annotated[
        str,
        typer.Argument(metavar="TARGET", help="A run, a saved generator or a folder of samples."),
    ],
    against: Annotated[
        str | None, typer.Option(metavar="DATA", help="The real data [the run's own].")
    ] = None,
    count: Annotated[
        int, typer.Option("-n", "--count", metavar="N", help="Samples to score.")
    ] = 10_000,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the samples and the intervals.")] = 0,
    features: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="digits-cnn or fashion-cnn [what fits the data]."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Score samples against real data.

    Example: gansmith evaluate runs/demo --against digits
    """
    from gansmith.apps import display
    from gansmith.apps.evaluate import evaluate as score

    with display.Terminal(to_stderr=True) as screen:
        card = score(target, against, count, seed, features, screen.data)
    emit({"scores": card.as_json()}) if as_json else display.show_scores(card.as_json())
