"""The command line: one typed function per command, thin over `gansmith.apps`.

Nothing heavy is imported at the top, so that ``--help`` answers at once; and the waiting policy of
OpenMP's threads is chosen here, because it must stand before torch is loaded.
"""

import json
import math
import os
import re
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer

from gansmith.errors import UserError, nearest

# The step of a small net is hundreds of short parallel regions: threads that sleep between them
# cost half the speed on a quiet machine. On a busy one the start of a run measures that a single
# thread is faster, and takes it (docs/performance.md has the figures of all policies).
os.environ.setdefault("OMP_WAIT_POLICY", "active")

app = typer.Typer(
    name="gansmith",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help fits 80 columns, and answers sooner
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88},
)
data_app = typer.Typer(rich_markup_mode=None)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one setting, such as optim.lr=1e-3."),
]


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: such a number becomes null."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _emit(value: dict[str, Any]) -> None:
    """One object on one line, in ASCII: safe in every terminal's encoding."""
    print(json.dumps(_finite(value), allow_nan=False))


@app.command()
def train(
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="Folder of images, .zip, .npz, IDX file, hub or built-in name [digits].",
        ),
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(metavar="NAME", help="See `gansmith recipes` [images].")
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(metavar="BUDGET", help="90s, 5m, 2h, 20k-steps or 2M-images [3m]."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The run's folder [runs/DATA-RECIPE].")
    ] = None,
    resolution: Annotated[
        str | None, typer.Option(metavar="SIZE", help="32, or HEIGHTxWIDTH as 48x64 [the data's].")
    ] = None,
    channels: Annotated[
        int | None, typer.Option(metavar="N", help="1 (grey) or 3 (colour) [the data's].")
    ] = None,
    crop: Annotated[
        str | None, typer.Option(metavar="HOW", help="Fit other shapes: center, stretch or pad.")
    ] = None,
    conditional: Annotated[
        bool, typer.Option("--conditional", help="Learn classes, from labels or sub-folders.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Of everything random in the run [0].")
    ] = None,
    device: Annotated[
        str | None, typer.Option(metavar="NAME", help="auto, cpu, cuda or mps [auto].")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A YAML file of settings.")
    ] = None,
    set_: Set = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out, if there is one.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Begin afresh where a run was.")
    ] = False,
    score: Annotated[
        bool, typer.Option("--score/--no-score", help="End with the score card.")
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done, and why; write nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train a generator on images.

    Example: gansmith train photos/ --budget 10m --out runs/photos
    """
    from gansmith.config import parse_assignment

    named = {
        "resolution": resolution,
        "data.channels": channels,
        "data.crop": crop,
        "model.conditional": conditional or None,
        "seed": seed,
        "device": device,
        "budget": budget,
    }
    changes = {key: value for key, value in named.items() if value is not None}
    changes |= dict(parse_assignment(text) for text in set_ or [])
    from gansmith.apps import display
    from gansmith.apps import train as trainer

    if dry_run:
        plan = trainer.dry_run(trainer.settings(data, recipe, changes, config), out)
        _emit(display.plan_as_json(plan)) if as_json else display.show_plan(plan)
        return
    with display.Terminal(to_stderr=as_json) as screen:
        result = trainer.train(
            data,
            recipe=recipe,
            out=out,
            changes=changes,
            file=config,
            resume=resume,
            overwrite=overwrite,
            score=score,
            watching=screen.watching(),
        )
    _emit(result.as_json()) if as_json else display.show_result(result)
    if result.why != "budget":
        from gansmith.apps.interrupts import EXIT_CODES

        raise typer.Exit(EXIT_CODES[result.why])


@app.command()
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
    _emit({"out": str(folder), "count": count, "seed": seed}) if as_json else print(folder)


@app.command()
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
    _emit({"scores": card.as_json()}) if as_json else display.show_scores(card.as_json())


@app.command()
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
            _emit({key: each.summary for key, each in RECIPES.items()})
        else:
            for key, each in RECIPES.items():
                print(f"{key:8} {each.summary}")
        return
    full = build(dict(recipe(name).settings) | {"recipe": name})
    _emit(to_tree(full)) if as_json else print(to_yaml(full), end="")


@data_app.callback(invoke_without_command=True)
def data(context: typer.Context, as_json: Json = False) -> None:
    """List the named data sets, and what can be opened now.

    Example: gansmith data
    """
    if context.invoked_subcommand is None:
        from gansmith.apps import data as room

        _emit({"sources": room.listing()}) if as_json else print(room.listing_text())


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
    _emit({"name": name, "path": str(path)}) if as_json else print(path)


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
    _emit(info) if as_json else print(room.inspect_text(info))


def _version(wanted: bool) -> None:
    if wanted:
        from gansmith.apps.version import version

        print(version())
        raise typer.Exit


app.add_typer(data_app, name="data")


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """The workshop for generative adversarial networks: train, sample, evaluate.

    Example: gansmith train photos/ --budget 10m
    """
    del debug, version  # --debug is taken out by `main`, which catches the errors
    if context.invoked_subcommand is None:
        print(context.get_help())


# Click's UsageError: newer versions of Typer carry their own copy of click.
UsageError: type[Exception] = typer.BadParameter.__mro__[1]
_MEMORY = re.compile("out of memory|not enough memory|can't allocate memory")
_INTEGER = re.compile(r"Input should be a valid integer.*|\S+ is not a valid integer\.?")


def _usage(error: Any) -> str:
    """A mistake on the command line in one line, with the nearest name and where help is."""
    text = " ".join(error.format_message().split())
    text = _INTEGER.sub("expected a whole number", text)
    option = getattr(error, "option_name", None)
    context = error.ctx
    if option and text.startswith("No such option"):
        known = [name for each in context.command.params for name in each.opts]
        text = f"no such option {option}{nearest(option, known)}"
    elif text.startswith("No such command"):
        known = list(context.command.commands)
        word = text.split("'")[1]
        text = f"no such command {word!r}{nearest(word, known)}; known: {', '.join(known)}"
    where = f"{context.command_path if context else 'gansmith'} --help"
    text = f"{text[:1].lower()}{text[1:].rstrip('.')}"
    return f"{text} See {where}" if text.endswith("?") else f"{text}; see {where}"


def _plain(error: Exception) -> str | None:
    """The one line for an error that is no fault of the program, else None."""
    if isinstance(error, UserError):
        return " ".join(str(error).split())
    if isinstance(error, UsageError):
        return _usage(error)
    memory = isinstance(error, RuntimeError) and _MEMORY.search(str(error))
    if memory or isinstance(error, MemoryError):
        return (
            "there is not enough memory: make batch, model.width or resolution smaller, or raise "
            "accumulate, which splits a batch into that many parts"
        )
    return None


def _without_debug(words: list[str]) -> tuple[list[str], bool]:
    """The words but ``--debug``, which may stand anywhere, and whether it was there."""
    end = words.index("--") if "--" in words else len(words)
    kept = [word for word in words[:end] if word != "--debug"]
    return kept + words[end:], len(kept) < end


def main() -> None:
    """Run a command; an error that a user can cause is one line and exit code 2."""
    from gansmith.apps.interrupts import orderly

    words, debug = _without_debug(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):  # a terminal that knows no "é" shows an escape
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        with orderly():
            code = app(words, prog_name="gansmith", standalone_mode=False)
    except KeyboardInterrupt:
        code = 130
    except Exception as error:
        line = _plain(error)
        if line is None:
            raise
        if debug:
            traceback.print_exc()
        print(f"gansmith: {line}", file=sys.stderr)
        code = 2
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
