"""``gansmith train``, and ``gansmith demo``, which trains what it shows."""

from pathlib import Path
from typing import Annotated

import typer

from gansmith.cli.output import Json, Set, emit


def train(
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="Folder of images, .zip, .npz, IDX file, shards, hub or built-in name [digits].",
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
    threads: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Of one operation on a CPU [measured].")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A YAML file of settings.")
    ] = None,
    evaluate_every: Annotated[
        int | None,
        typer.Option(metavar="STEPS", help="Score while training, and keep the best in best/."),
    ] = None,
    repair: Annotated[
        str | None,
        typer.Option(metavar="HOW", help="What the doctor does: off, advise or auto [advise]."),
    ] = None,
    set_: Set = None,
    devices: Annotated[
        int,
        typer.Option(
            "--devices",
            "-d",
            min=1,
            metavar="N",
            help="Processes on this machine, sharing each batch.",
        ),
    ] = 1,
    nodes: Annotated[
        int, typer.Option(min=1, metavar="N", help="Machines with so many processes each.")
    ] = 1,
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
        "threads": threads,
        "budget": budget,
        "evaluate.every": evaluate_every,
        "doctor.repair": repair,
    }
    changes = {key: value for key, value in named.items() if value is not None}
    changes |= dict(parse_assignment(text) for text in set_ or [])
    from gansmith.apps import display, settling
    from gansmith.apps import train as trainer

    if dry_run:
        plan = settling.dry_run(
            data,
            recipe=recipe,
            out=out,
            changes=changes,
            file=config,
            resume=resume,
            overwrite=overwrite,
        )
        emit(display.plan_as_json(plan)) if as_json else display.show_plan(plan)
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
            devices=devices,
            nodes=nodes,
        )
    emit(result.as_json()) if as_json else display.show_result(result)
    if result.why != "budget":
        from gansmith.apps.interrupts import EXIT_CODES

        raise typer.Exit(EXIT_CODES[result.why])


def demo(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="inpaint, pix2pix or cut; without one, what they do."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A few steps on a few pictures: does it work?")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Its folder [runs/demo-NAME].")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin afresh.")] = False,
    as_json: Json = False,
) -> None:
    """Train an application on real pictures and score it against its baselines.

    At most 15 CPU-minutes on 2 cores. Stopped, the same command goes on.

    Example: gansmith demo pix2pix --out runs/colours
    """
    from gansmith.apps import demos, display

    if name is None:
        about = {each: plan.about for each, plan in demos.DEMOS.items()}
        emit({"demos": about}) if as_json else display.show_demos(about)
        return
    with display.Terminal(to_stderr=as_json) as screen:
        result = demos.demo(name, out, quick=quick, overwrite=overwrite, watching=screen.watching())
    emit(result.as_json()) if as_json else display.show_demo(result)
    if result.why != "budget":
        from gansmith.apps.interrupts import EXIT_CODES

        raise typer.Exit(EXIT_CODES[result.why])
