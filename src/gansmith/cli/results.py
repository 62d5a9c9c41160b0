"""What is done with a trained generator: ``gansmith sample`` and ``gansmith evaluate``."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from gansmith.cli.output import Json, emit
from gansmith.errors import UserError


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
    to: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write tar shards here; stopped, the same goes on."),
    ] = None,
    per_shard: Annotated[
        int, typer.Option(metavar="N", help="Samples in a shard, with --to.")
    ] = 10_000,
    members: Annotated[
        str, typer.Option(metavar="KIND", help="What shards hold, with --to: png or npy.")
    ] = "png",
    device: Annotated[
        str, typer.Option(metavar="NAME", help="With --to: auto, cpu, cuda or mps.")
    ] = "auto",
    devices: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Processes, with --to [as many as there are GPUs]."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw samples and write them as PNG, or by the million as tar shards.

    Example: gansmith sample runs/demo -n 16 --seed 1 --grid
    """
    from gansmith.apps import display
    from gansmith.apps.sample import sample as draw

    if to is not None:
        if grid or out is not None:
            raise UserError("--to names the folder for shards: leave out --grid and --out")
        new = _to_shards(
            source, to, count, seed, class_name, per_shard, members, batch, device, devices
        )
        told = {"out": str(to), "count": count, "seed": seed, "written": new}
        emit(told) if as_json else print(to)
        return
    with display.Terminal(to_stderr=True) as screen:
        folder = draw(source, count, seed, class_name, grid, out, batch, screen.data)
    written = folder / "grid.png" if grid else folder
    emit({"out": str(written), "count": count, "seed": seed}) if as_json else print(written)


def _to_shards(
    source: str,
    to: Path,
    count: int,
    seed: int,
    class_name: str | None,
    per_shard: int,
    members: str,
    batch: int,
    device: str,
    devices: int | None,
) -> int:
    """How many shards all processes together wrote."""
    from gansmith.apps import display
    from gansmith.apps.sample_shards import sample_shards
    from gansmith.apps.sharing import joined
    from gansmith.engine import added

    mine, share = joined(device, devices)
    with display.Terminal(to_stderr=True) as screen:
        new = sample_shards(
            source, to, count, seed, class_name, per_shard, members, batch, mine, share,
            screen.data if share[0] == 0 else None,
        )  # fmt: skip
    return added(new)  # when all of them are done


def _known_as(metric: str) -> str:
    """The table's name of a score: ``fid`` is ``fd`` on the features of the FID Inception."""
    return metric.replace("fid", "fd") if metric in ("fid", "fid_inf") else metric


def evaluate(
    target: Annotated[
        str,
        typer.Argument(metavar="TARGET", help="A run, a saved generator or a folder of samples."),
    ],
    other: Annotated[
        str | None,
        typer.Argument(metavar="OTHER", help="Another one: say which is better, and if it is."),
    ] = None,
    against: Annotated[
        str | None, typer.Option(metavar="DATA", help="The real data [the run's own].")
    ] = None,
    train: Annotated[
        str | None,
        typer.Option(metavar="DATA", help="Training data to look for copies in [the run's own]."),
    ] = None,
    count: Annotated[
        int, typer.Option("-n", "--count", metavar="N", help="Samples to score.")
    ] = 10_000,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the samples and the intervals.")] = 0,
    features: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="digits-cnn, fashion-cnn, efficientnet-lite0, inception-v3 [what fits].",
        ),
    ] = None,
    inception: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The FID Inception's weights: score on its features."),
    ] = None,
    lpips: Annotated[
        bool, typer.Option("--lpips", help="Also diversity by LPIPS; fetches its weights once.")
    ] = False,
    metrics: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="Only these scores, such as fd,kid.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="A Fréchet distance of too few samples all the same.")
    ] = False,
    device: Annotated[
        str,
        typer.Option(metavar="NAME", help="Where it computes: auto, cpu, cuda or mps."),
    ] = "cpu",
    devices: Annotated[
        int, typer.Option(min=1, metavar="N", help="Processes that share the work.")
    ] = 1,
    as_json: Json = False,
) -> None:
    """Score samples against real data, or two sets of them against each other.

    Example: gansmith evaluate runs/demo --against digits
    """
    from gansmith.apps import display
    from gansmith.apps.evaluate import compare
    from gansmith.apps.evaluate import evaluate as score
    from gansmith.apps.scoring import ScoreOptions
    from gansmith.apps.sharing import joined

    mine, _ = joined(device, devices)
    options = ScoreOptions(
        count=count,
        seed=seed,
        features=features,
        inception=inception,
        lpips=lpips,
        forced=force,
        only=tuple(_known_as(name.strip()) for name in metrics.split(",")) if metrics else None,
        device=mine,
    )
    with display.Terminal(to_stderr=True) as screen:
        if other is None:
            card = score(target, against, train=train, options=options, progress=screen.data)
            told = {
                "scores": card.as_json(),
                "left_out": card.left_out,
                "against": card.against,
            }
            show = partial(display.show_card, card)
        else:
            verdict = compare(
                target, other, against, train=train, options=options, progress=screen.data
            )
            told = verdict.as_json()
            show = partial(display.show_verdict, verdict)
    emit(told) if as_json else show()
