"""What a trained run is used for on pictures of one's own: ``inpaint`` and ``translate``."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gansmith.cli.output import Json, emit

if TYPE_CHECKING:
    from gansmith.apps.display import Terminal
    from gansmith.apps.pictures.tally import Done


@contextmanager
def _stoppable() -> Iterator[None]:
    """Ctrl-C ends in a line and exit code 130."""
    try:
        yield
    except KeyboardInterrupt:
        said = "gansmith: interrupted; what is written is whole, and the same command goes on"
        print(said, file=sys.stderr)
        raise typer.Exit(130) from None


def _remark(result: "Done", screen: "Terminal") -> None:
    """Say what was decided, and what was left alone."""
    for note in result.notes:
        screen.say(note)
    if result.already:
        screen.say(f"left alone {result.already:,} files that were there (--overwrite)")


def _end(result: "Done", as_json: bool) -> None:
    """Print the result; the exit code is 1 if a picture was left out."""
    emit(result.as_json()) if as_json else print(result.out)
    if result.skipped:
        raise typer.Exit(1)


def inpaint(
    source: Annotated[
        str, typer.Argument(metavar="RUN", help="A completion run, or any generator of images.")
    ],
    pictures: Annotated[
        Path, typer.Argument(metavar="PHOTO", help="A picture, or a folder of pictures.")
    ],
    mask: Annotated[
        Path, typer.Option(metavar="MASK", help="White is the hole; one for all, or a folder.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="OUT", help="A file or folder [PHOTO-filled here]."),
    ] = None,
    count: Annotated[
        int, typer.Option("-n", "--count", metavar="N", help="Different fillings of each.")
    ] = 1,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed, the same fillings.")] = 0,
    invert: Annotated[bool, typer.Option("--invert", help="Black is the hole.")] = False,
    blend: Annotated[
        str | None, typer.Option(metavar="HOW", help="none, feather or poisson [what suits].")
    ] = None,
    size: Annotated[
        str, typer.Option(metavar="HOW", help="Other sizes: auto, resize or tile.")
    ] = "auto",
    class_name: Annotated[
        str | None, typer.Option("--class", metavar="CLASS", help="Of what is filled in.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Make again what is there.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Fill holes in pictures; every other pixel stays as it is.

    Stopped, the same command goes on. Exit code 1 means that some pictures were left out.

    Example: gansmith inpaint runs/demo photo.png --mask mask.png -o filled.png
    """
    from gansmith.apps import display
    from gansmith.apps.inpaint import inpaint as fill

    with _stoppable(), display.Terminal(to_stderr=True) as screen:
        result = fill(
            source,
            pictures,
            mask,
            out,
            count,
            seed,
            invert=invert,
            blend=blend,
            size=size,
            class_name=class_name,
            overwrite=overwrite,
            progress=screen.data,
            say=screen.say,
        )
        _remark(result, screen)
    _end(result, as_json)


def translate(
    source: Annotated[str, typer.Argument(metavar="RUN", help="A run of a translator.")],
    pictures: Annotated[
        Path, typer.Argument(metavar="PHOTO", help="A picture, or a folder of pictures.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", metavar="OUT", help="A file or folder [PHOTO-translated here]."
        ),
    ] = None,
    count: Annotated[
        int, typer.Option("-n", "--count", metavar="N", help="Different outputs of each.")
    ] = 1,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed, the same outputs.")] = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Make again what is there.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Turn pictures of one kind into the other, of any size.

    Stopped, the same command goes on. Exit code 1 means that some pictures were left out.

    Example: gansmith translate runs/demo drawings/ -o coloured/
    """
    from gansmith.apps import display
    from gansmith.apps.translate import translate as turn

    with _stoppable(), display.Terminal(to_stderr=True) as screen:
        result = turn(
            source,
            pictures,
            out,
            count,
            seed,
            overwrite=overwrite,
            progress=screen.data,
            say=screen.say,
        )
        _remark(result, screen)
    _end(result, as_json)
