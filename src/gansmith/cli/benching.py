"""``gansmith bench``."""

from typing import Annotated

import typer

from gansmith.cli.output import Json, Set, emit


def bench(
    data: Annotated[
        str | None, typer.Argument(metavar="DATA", help="What to train on [the recipe's].")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(metavar="NAME", help="See `gansmith recipes` [images].")
    ] = None,
    resolution: Annotated[
        str | None, typer.Option(metavar="SIZE", help="32, or HEIGHTxWIDTH as 48x64 [the data's].")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="On a CPU [measured].")
    ] = None,
    seconds: Annotated[
        float, typer.Option(metavar="N", min=0, help="For measuring; five rounds at least.")
    ] = 20.0,
    set_: Set = None,
    as_json: Json = False,
) -> None:
    """Time a training step, its parts, and its bare convolutions and products.

    Example: gansmith bench --resolution 32 --threads 1
    """
    from gansmith.config import parse_assignment

    named = {"resolution": resolution, "threads": threads}
    changes = {key: value for key, value in named.items() if value is not None}
    changes |= dict(parse_assignment(text) for text in set_ or [])
    from gansmith.apps import bench as room
    from gansmith.apps import display
    from gansmith.apps.bench.showing import lines

    with display.Terminal(to_stderr=as_json) as screen:
        found = room.bench(
            data, recipe=recipe, changes=changes, seconds=seconds, progress=screen.data
        )
    emit(found.as_json()) if as_json else print("\n".join(lines(found)))
