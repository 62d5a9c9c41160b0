"""From settings to everything a run needs: data, device, decisions, nets."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import numpy as np
import torch

from gansmith.apps.perceiving import lpips_is_here, perceiving
from gansmith.apps.sharing import left_out, refuse_unshared
from gansmith.config import Config
from gansmith.data import DataInfo, Dataset, describe, describe_sides, open_data, open_sides
from gansmith.data.masks import shares
from gansmith.engine import (
    DEVICES,
    Engine,
    cores,
    main_first,
    pick_device,
    pick_precision,
)
from gansmith.errors import UserError, nearest
from gansmith.losses import LOSSES, PENALTIES, sloped
from gansmith.metrics import ENOUGH, JUDGES
from gansmith.models import MODELS, Spec, check_fit, styled
from gansmith.recipes import Facts, Reason, resolve
from gansmith.recipes.automatic import antisymmetric, apply, mirror_accuracy
from gansmith.tasks import TASKS, Give, Task, refuse_unsound
from gansmith.training import (
    OPTIMISERS,
    Batches,
    State,
    reading_ahead,
)

Progress = Callable[[str, int, int], None]
MIRROR_SAMPLE = 4_000
MIRROR_CHUNK = 64
CPU_SIDE = 64  # pixels


@dataclass(frozen=True)
class Prepared:
    """A run that is ready to be played from step 0, or to take on a checkpoint."""

    cfg: Config
    reasons: tuple[Reason, ...]
    data: Dataset
    engine: Engine
    spec: Spec
    task: Task
    state: State
    batches: Batches
    images_per_second: float = 0.0  # as measured before a new run


def check_names(cfg: Config) -> None:
    """Refuse a name that is in no table, and a device that is not here, before data are read."""
    check_tables(cfg)
    pick_precision(cfg.precision, pick_device(cfg.device))


def check_tables(cfg: Config) -> None:
    """Refuse a name that is in no table, whatever the machine.

    Raises:
        UserError: naming the nearest one.
    """
    tables: dict[str, Collection[str]] = {
        "task": TASKS,
        "loss": LOSSES,
        "penalty.name": PENALTIES,
        "model.name": MODELS,
        "optim.name": OPTIMISERS,
        "device": DEVICES,
    }
    names = (cfg.task, cfg.loss, cfg.penalty.name, cfg.model.name, cfg.optim.name, cfg.device)
    for key, name in zip(tables, names, strict=True):
        if name not in tables[key]:
            known = ", ".join(tables[key])
            raise UserError(
                f"{key} {name!r} is not known{nearest(name, tables[key])}; known: {known}"
            )
    styled(cfg.model.name, cfg.model)
    shares(cfg.masks.kinds)


def settle_styles(cfg: Config) -> tuple[Config, list[Reason]]:
    """The settings with what the family itself chooses written in, and what was chosen otherwise.

    The family's own choice is no decision of this run. But batch normalisation in D and a penalty
    on the slope at single samples do not go together, and the penalty was asked for.
    """
    found = []
    g, d = styled(cfg.model.name, cfg.model)
    taken = sloped(cfg.penalty.name, cfg.penalty.gamma)
    if cfg.model.d.norm == "auto" and d.norm == "batch" and taken and TASKS[cfg.task].has_d:
        d = replace(d, norm="none")
        found.append(Reason("model.d.norm", "none", f"penalty {cfg.penalty.name} is of one sample"))
    own = [
        Reason(f"model.{player}.{key}", getattr(style, key), "the family's own")
        for player, style in (("g", g), ("d", d))
        for key in ("activation", "norm", "output")
    ]
    return apply(cfg, own), found


def open_run_data(cfg: Config, progress: Progress | None, split: str = "train") -> Dataset:
    """The data that the settings describe.

    Raises:
        UserError: as `gansmith.data.open_data` and `gansmith.data.open_sides`.
    """
    resolution = None if cfg.resolution == "auto" else cfg.resolution
    channels = None if cfg.data.channels == "auto" else cfg.data.channels
    if sides := TASKS[cfg.task].sides:
        return open_sides(
            cfg.data.source,
            cfg.translation.target,
            layout=cfg.translation.layout,
            direction=cfg.translation.direction,
            paired=sides == "paired",
            resolution=resolution,
            channels=channels,
            crop=cfg.data.crop,
            split=split,
            limit=cfg.data.limit,
            progress=progress,
        )
    return open_data(
        cfg.data.source,
        resolution=resolution,
        channels=channels,
        crop=cfg.data.crop,
        labels=cfg.data.labels or cfg.model.conditional,
        split=split,
        limit=cfg.data.limit,
        progress=progress,
    )


def describe_run_data(cfg: Config) -> DataInfo:
    """What `open_run_data` would give, from a look at it, without decoding or packing."""
    resolution = None if cfg.resolution == "auto" else cfg.resolution
    channels = None if cfg.data.channels == "auto" else cfg.data.channels
    if sides := TASKS[cfg.task].sides:
        return describe_sides(
            cfg.data.source,
            cfg.translation.target,
            layout=cfg.translation.layout,
            direction=cfg.translation.direction,
            paired=sides == "paired",
            resolution=resolution,
            channels=channels,
            crop=cfg.data.crop,
            limit=cfg.data.limit,
        )
    return describe(
        cfg.data.source,
        resolution=resolution,
        channels=channels,
        crop=cfg.data.crop,
        labels=cfg.data.labels or cfg.model.conditional,
        limit=cfg.data.limit,
    )


def fit_to_device(cfg: Config) -> tuple[Config, list[Reason]]:
    """On a CPU large pictures are taken at `CPU_SIDE`, unless a resolution is asked for."""
    if cfg.resolution != "auto" or pick_device(cfg.device) != "cpu":
        return cfg, []
    info = describe_run_data(cfg)
    if info.kind != "images" or min(info.shape[1:]) <= CPU_SIDE:
        return cfg, []
    larger = f"{info.shape[1]}x{info.shape[2]}"
    why = f"the images allow {larger}, which takes days on a CPU: --resolution asks for it"
    reason = Reason("resolution", f"{CPU_SIDE}x{CPU_SIDE}", why)
    return apply(cfg, [reason]), [reason]


def _mirror_accuracy(data: Dataset, seed: int) -> float | None:
    if data.info.kind != "images" or len(data) < 64 or data.info.shape[2] % 2:
        return None
    picked = np.sort(np.random.default_rng(seed).permutation(len(data))[:MIRROR_SAMPLE])
    chunks = np.array_split(picked, -(-len(picked) // MIRROR_CHUNK))  # large ones: not all at once
    return mirror_accuracy(
        np.concatenate([antisymmetric(data.batch(each)[0].numpy().mean(1)) for each in chunks])
    )


def decide(cfg: Config, data: Dataset) -> tuple[Config, list[Reason]]:
    """Resolve what needs no clock."""
    device = pick_device(cfg.device)
    accuracy = _mirror_accuracy(data, cfg.seed) if cfg.augment.flip == "auto" else None
    facts = Facts(device, pick_precision(cfg.precision, device), accuracy, lpips_is_here())
    cfg, styles = settle_styles(cfg)
    cfg, reasons = resolve(cfg, data.info, facts)
    refuse_unfit(cfg, data.info, len(data))
    return cfg, styles + reasons


def decide_unseen(cfg: Config, info: DataInfo) -> tuple[Config, list[Reason]]:
    """`decide` from a description alone: whether to flip stays open where it takes the images."""
    device = pick_device(cfg.device)
    facts = Facts(device, pick_precision(cfg.precision, device), perceptual=lpips_is_here())
    cfg, styles = settle_styles(cfg)
    found, reasons = resolve(cfg, info, facts)
    if cfg.augment.flip == "auto" and info.kind == "images":
        later = Reason("augment.flip", "auto", "decided when the images have been read")
        reasons = [later if reason.key == "augment.flip" else reason for reason in reasons]
        found = apply(found, [later])
    refuse_unfit(found, info, info.count)
    return found, styles + reasons


def _check_metric(cfg: Config, kind: str, count: int) -> None:
    """Refuse a metric by which no best can be told.

    Raises:
        UserError: naming the nearest one that there is, or why it cannot be had here.
    """
    known, name = JUDGES[kind], cfg.evaluate.by
    if name not in known:
        raise UserError(
            f"evaluate.by {name!r} is no score of {kind}{nearest(name, known)}; "
            f"known: {', '.join(known)}"
        )
    if cfg.evaluate.every and name == "fd" and min(cfg.evaluate.samples, count) < ENOUGH:
        raise UserError(
            f"evaluate.by fd needs {ENOUGH} samples, real and generated: make evaluate.samples "
            "larger, or take evaluate.by=kid"
        )


def refuse_unfit(cfg: Config, info: DataInfo, count: int) -> None:
    """Refuse what the data, the nets or the task cannot take.

    Raises:
        UserError: with the first reason.
    """
    if info.kind == "points" and (cfg.augment.flip is True or cfg.augment.policy != "none"):
        raise UserError(
            f"{info.source} holds points, which are not augmented: "
            "leave augment.flip and augment.policy alone"
        )
    # Of two sides without pairs a few pictures that come again are no more of them to score.
    _check_metric(cfg, info.kind, min(count, info.fewest))
    check_fit(cfg.model.name, describe_generator(cfg, info).plan)
    refuse_unsound(cfg, *styled(cfg.model.name, cfg.model), info)
    if int(cfg.batch) > count:
        raise UserError(
            f"batch {cfg.batch} is larger than the data ({count} samples): make it smaller"
        )


def describe_generator(cfg: Config, info: DataInfo) -> Spec:
    """What it takes to build this run's generator again."""
    if cfg.model.conditional and not info.classes:
        raise UserError(f"{info.source} has no classes: model.conditional needs labelled data")
    g, d = styled(cfg.model.name, cfg.model)
    kind = TASKS[cfg.task]
    return Spec(
        name=cfg.model.name,
        shape=(info.shape[0] - info.given, *info.shape[1:]),
        z_dim=cfg.model.z_dim,
        width=int(cfg.model.width),
        depth=int(cfg.model.depth),
        classes=info.classes if cfg.model.conditional else (),
        kind={"hole": "completion", "picture": "translation"}.get(kind.reads, info.kind),
        spread=spread(info),
        prior=cfg.model.prior,
        g=g,
        d=d,
        in_channels=info.given,
        pairs=kind.sides == "paired",
    )


def spread(info: DataInfo) -> float:
    """The standard deviation of a mixture's coordinates about 0; 1 for images.

    The nets see points of unit spread, so that one recipe fits a ring of radius 1 and a grid that
    is 8 wide.
    """
    if info.kind == "images":
        return 1.0
    return float(np.sqrt(np.mean(np.square(info.modes)) + info.sigma**2))


def new_state(cfg: Config, engine: Engine, spec: Spec) -> tuple[Task, State]:
    """New nets, their optimisers and the task around them: a function of the settings alone."""
    torch.manual_seed(cfg.seed)
    kind = TASKS[cfg.task]
    G, D = spec.nets()
    dressed = kind.dress(spec, cfg, G, D) if kind.dress else (G, D)
    state = State.fresh(engine, cfg, dressed[0], dressed[1] if kind.has_d else None)
    judge = state.D.net if kind.has_d else None
    task = kind.build(state.G.net, judge, cfg, spec.range)
    return perceiving(task, engine.device), state


def giver(cfg: Config, spec: Spec) -> Give | None:
    """What the players are given, in tasks whose G reads more than noise."""
    give = TASKS[cfg.task].give
    return None if give is None else give(cfg, spec.range, spec.in_channels)


def set_up(cfg: Config, progress: Progress | None) -> Prepared:
    """Open the data, decide, build.

    Raises:
        UserError: for anything in the settings or the data that does not fit.
    """
    check_names(cfg)
    cfg, fitted = fit_to_device(cfg)
    data = main_first(lambda: open_run_data(cfg, progress))  # it may be decoded into a cache
    cfg, reasons = decide(cfg, data)
    reasons = fitted + reasons + left_out(cfg)
    spec = describe_generator(cfg, data.info)
    threads = cfg.threads if cfg.threads != "auto" else cores()
    engine = Engine.start(cfg.device, cfg.precision, threads, cfg.compile)
    task, state = new_state(cfg, engine, spec)
    refuse_unshared(cfg, state.D.bare if "D" in state.players else None)
    batches = Batches(
        engine=engine,
        data=data,
        seed=cfg.seed,
        batch=int(cfg.batch),
        accumulate=cfg.accumulate,
        z_dim=cfg.model.z_dim,
        conditional=cfg.model.conditional,
        flip=cfg.augment.flip is True,
        policy=cfg.augment.policy,
        spread=spec.spread,
        prior=spec.prior,
        range=spec.range,
        give=giver(cfg, spec),
        pac=cfg.model.d.pac,
        ahead=reading_ahead(engine),
    )
    return Prepared(cfg, tuple(reasons), data, engine, spec, task, state, batches)
