"""The command line: one typed function per command, thin over `gansmith.apps`.

Nothing heavy is imported at the top, so that ``--help`` answers at once; and the waiting policy of
OpenMP's threads is chosen here, because it must stand before torch is loaded.
"""

import os
import sys
import traceback
from typing import Annotated

import typer

from gansmith.cli.applying import inpaint, translate
from gansmith.cli.benching import bench
from gansmith.cli.doctor import doctor
from gansmith.cli.lists import data_app, recipes
from gansmith.cli.output import speaks
from gansmith.cli.refusals import plain
from gansmith.cli.results import evaluate, sample
from gansmith.cli.studies import study
from gansmith.cli.training import demo, train
from gansmith.errors import LocalError, UserError
from gansmith.waiting import choose

app = typer.Typer(
    name="gansmith",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help fits 80 columns, and answers sooner
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88},
)
for command in (train, sample, inpaint, translate, evaluate, doctor, study, demo, bench, recipes):
    app.command()(command)
app.add_typer(data_app, name="data")


def _version(wanted: bool) -> None:
    if wanted:
        from gansmith.apps.version import version

        print(version())
        raise typer.Exit


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


def _without_debug(words: list[str]) -> tuple[list[str], bool]:
    """The words but ``--debug``, which may stand anywhere, and whether it was there."""
    end = words.index("--") if "--" in words else len(words)
    kept = [word for word in words[:end] if word != "--debug"]
    return kept + words[end:], len(kept) < end


def main() -> None:
    """Run a command; an error that a user can cause is one line and exit code 2."""
    from gansmith.apps.interrupts import orderly

    words, debug = _without_debug(sys.argv[1:])
    choose(words, os.environ)  # before anything loads torch
    for stream in (sys.stdout, sys.stderr):  # a terminal that knows no "é" shows an escape
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if not speaks():  # one process of several: what it has to say another one says
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (until the end)
    try:
        with orderly():
            code = app(words, prog_name="gansmith", standalone_mode=False)
        if sys.stdout is not None:  # it is where the stream was closed before we began
            sys.stdout.flush()
    except BrokenPipeError:  # whoever read it has gone
        code = 1
    except KeyboardInterrupt:
        if speaks():
            print("gansmith: interrupted", file=sys.stderr)
        code = 130
    except Exception as error:
        line = plain(error)
        if line is None:
            raise
        if debug:
            traceback.print_exc()
        if speaks():
            print(f"gansmith: {line}", file=sys.stderr)
        elif not isinstance(error, UserError) or isinstance(error, LocalError):  # not met by all
            print(f"gansmith, another of its processes: {line}", file=sys.stderr)
        code = 2
    sys.exit(code if isinstance(code, int) else 0)
