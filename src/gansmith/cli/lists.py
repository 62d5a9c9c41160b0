"""What there is: ``gansmith recipes`` and ``gansmith data``."""

from pathlib import Path
from typing import Annotated

import typer

from gansmith.cli.output import Json, emit

data_app = typer.Typer(rich_markup_mode=None)


def recipes(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Show this one's settings.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the recipes, or show one.

    Example: gansmith recipes images
    """
    from gansmith.config import build, to_tree, to_yaml
    from gansmith.recipes.table import RECIPES, recipe

    if name is None:
        if as_json:
            emit({key: each.summary for key, each in RECIPES.items()})
        else:
            width = max(map(len, RECIPES))
            for key, each in RECIPES.items():
                print(f"{key:{width}}  {each.summary}")
        return
    full = build(dict(recipe(name).settings) | {"recipe": name})
    emit(to_tree(full)) if as_json else print(to_yaml(full), end="")


@data_app.callback(invoke_without_command=True)
def data(context: typer.Context, as_json: Json = False) -> None:
    """List the named data sets, and what can be opened now.

    Example: gansmith data
    """
    if context.invoked_subcommand is None:
        from gansmith.apps import data as room

        emit({"sources": room.listing()}) if as_json else print(room.listing_text())


@data_app.command("get")
def data_get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="fashion or cifar10.")],
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="PATH", help="A file or folder that you have already."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Fetch a named data set into the cache.

    Example: gansmith data get fashion
    """
    from gansmith.apps import data as room
    from gansmith.apps import display

    with display.Terminal(to_stderr=True) as screen:
        path = room.get(name, source, screen.data)
    emit({"name": name, "path": str(path)}) if as_json else print(path)


@data_app.command("inspect")
def data_inspect(
    source: Annotated[
        str, typer.Argument(metavar="DATA", help="Anything that `gansmith train` takes.")
    ],
    split: Annotated[
        str, typer.Option(metavar="PART", help="Which part: train, test or all.")
    ] = "train",
    as_json: Json = False,
) -> None:
    """Say what a data source holds and how it would be used.

    Example: gansmith data inspect photos/
    """
    from gansmith.apps import data as room

    info = room.inspect(source, split)
    emit(info) if as_json else print(room.inspect_text(info))


@data_app.command("shards")
def data_shards(
    source: Annotated[
        str, typer.Argument(metavar="DATA", help="A folder, .zip, array or named set of images.")
    ],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the shards go.")],
    split: Annotated[
        str, typer.Option(metavar="PART", help="Which part: train, test or all.")
    ] = "train",
    limit: Annotated[
        int | None, typer.Option(metavar="N", help="At most so many images [all].")
    ] = None,
    per_shard: Annotated[
        int, typer.Option(metavar="N", help="Images in a shard: 100 MB to 1 GB read well.")
    ] = 10_000,
    as_json: Json = False,
) -> None:
    """Write images as tar shards, which train and evaluate from another disk or the net.

    Stopped, the same command goes on after the last whole shard.

    Example: gansmith data shards photos/ shards/
    """
    from dataclasses import asdict

    from gansmith.apps import display
    from gansmith.apps.to_shards import to_shards

    with display.Terminal(to_stderr=True) as screen:
        done = to_shards(source, folder, split, limit, per_shard, progress=screen.data)
    if as_json:
        emit({"out": str(folder)} | asdict(done))
        return
    print(folder)
    for note in done.notes:
        print(f"- {note}")
