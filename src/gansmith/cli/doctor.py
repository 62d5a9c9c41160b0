"""``gansmith doctor``."""

from typing import Annotated

import typer

from gansmith.cli.output import Json, emit


def doctor(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", help="Settings (.yaml), a recipe, a run or a script (.py)."
        ),
    ],
    args: Annotated[
        list[str] | None, typer.Argument(metavar="[-- ARGS]", help="The script's own arguments.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(metavar="DATA", help="Other data [those of the settings].")
    ] = None,
    language: Annotated[str, typer.Option(metavar="NAME", help="Of the texts: en or zh.")] = "en",
    steps: Annotated[
        int, typer.Option(metavar="N", help="Of a script's game, after which it is stopped.")
    ] = 200,
    as_json: Json = False,
) -> None:
    """Say what is wrong with a GAN, on what evidence, why, and what to do.

    Exit code 0 means healthy, 1 that there are errors or warnings.

    Example: gansmith doctor runs/demo; gansmith doctor train.py -- --epochs 5
    """
    from gansmith.apps import display
    from gansmith.apps.diagnosing import diagnose
    from gansmith.apps.showing_findings import show_diagnosis

    with display.Terminal(to_stderr=True) as screen:
        found = diagnose(
            target,
            data=data,
            language=language,
            steps=steps,
            args=args or (),
            progress=screen.data,
        )
    emit(found.as_json(language)) if as_json else show_diagnosis(found, language)
    if not found.healthy:
        raise typer.Exit(1)
