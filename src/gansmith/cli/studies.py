"""``gansmith study``."""

from pathlib import Path
from typing import Annotated

import typer

from gansmith.cli.output import Json, Set, emit


def study(
    question: Annotated[
        str | None,
        typer.Argument(metavar="QUESTION", help="A question by name, or grid [lists them]."),
    ] = None,
    data: Annotated[
        str | None, typer.Argument(metavar="DATA", help="As `gansmith train` [the question's].")
    ] = None,
    budget: Annotated[
        str, typer.Option(metavar="TIME", help="Of all of it, by the clock: 20m or 2h.")
    ] = "20m",
    vary: Annotated[
        list[str] | None,
        typer.Option("--vary", metavar="KEY=A,B,...", help="Compare these values of a setting."),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(metavar="N", help="Seeds of each arm [the question's, 3].")
    ] = None,
    first_seed: Annotated[int, typer.Option(metavar="S", help="The first seed.")] = 0,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The study's folder [runs/study-QUESTION].")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(metavar="NAME", help="What arms start from [the question's].")
    ] = None,
    set_: Set = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Trials at a time [the machine's cores].")
    ] = None,
    samples: Annotated[int, typer.Option(metavar="N", help="Samples per score.")] = 2_000,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Begin afresh where a study was.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare settings fairly, and say what may be claimed.

    Stopped or killed, the same command goes on.

    Example: gansmith study activations --budget 30m
    """
    if question is None and not vary:
        _list(as_json)
        return
    from gansmith.apps import display
    from gansmith.apps.study import StudyWatching
    from gansmith.apps.study import study as compare
    from gansmith.config import parse_assignment

    with display.Terminal(to_stderr=as_json) as screen:
        result = compare(
            question,
            data,
            vary=vary or (),
            budget=budget,
            seeds=seeds,
            first_seed=first_seed,
            out=out,
            recipe=recipe,
            changes=dict(parse_assignment(text) for text in set_ or []),
            workers=workers,
            samples=samples,
            overwrite=overwrite,
            watching=StudyWatching(screen.data, screen.say, screen.trials),
        )
    emit(result.as_json()) if as_json else display.show_study(result)
    if result.why != "budget":
        from gansmith.apps.interrupts import EXIT_CODES

        raise typer.Exit(EXIT_CODES[result.why])


def _list(as_json: bool) -> None:
    from gansmith.recipes.questions import QUESTIONS

    if as_json:
        emit({name: each.words for name, each in QUESTIONS.items()})
        return
    for name, each in QUESTIONS.items():
        print(f"{name:14} {each.words}")
    print(f"{'grid':14} Your own: gansmith study --vary loss=ns,hinge --vary optim.lr=1e-4,1e-3")
