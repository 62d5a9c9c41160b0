"""The doctor's monitor for a run: what it looks at, and how often, so that it costs 5 % at most."""

import time
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from gansmith.apps.scoring import FEATURES_FOR, HELD_OUT, reference
from gansmith.apps.setting_up import Prepared
from gansmith.config import Config
from gansmith.data import Dataset, Sides
from gansmith.doctor.diagnosis import Diagnosis, Facts
from gansmith.doctor.looking import (
    Coordinates,
    Crossing,
    Eye,
    Glance,
    Known,
    Reference,
    boundary_of,
    undecided,
)
from gansmith.doctor.looking.samples import FEW
from gansmith.doctor.monitor import Exhibit, Game, Monitor, Write
from gansmith.engine import Draw, indexed_noise, seeded
from gansmith.errors import UserError
from gansmith.losses import adversarial
from gansmith.metrics import load_features
from gansmith.models import PRIORS
from gansmith.models.translation import alike
from gansmith.recipes import Reason
from gansmith.recipes.automatic import apply
from gansmith.tasks import TASKS, generator_of
from gansmith.training import images_per_step
from gansmith.training.batches import to_network_range

IMAGES, POINTS = 128, 256  # samples of either kind in a look
LEAST = 16  # fewer real samples are not looked at
SHARE = 0.035  # of training time: on a busy machine it may then come to 5 %
MOST = 500  # steps between looks, however dear they are
MENDED = 25  # looks at least of a run under repair: what is seen late cannot be mended any more
FALLBACK = 200  # steps between looks of a run that began before there was a doctor


@dataclass(frozen=True)
class Watch:
    """All that a monitor needs but the log."""

    exhibit: Exhibit
    game: Game
    facts: Facts


def watch_of(ready: Prepared) -> Watch | None:
    """What a run's monitor looks at; None where it is switched off, or there is too little data.

    Nor is there one where ranks hold parts of the nets: what it looks at are whole ones.
    """
    cfg = ready.cfg
    if not cfg.doctor.monitor or len(ready.data) < LEAST or ready.state.divided:
        return None
    exhibit = _exhibit(ready)
    form = adversarial(cfg.loss, cfg.coding.a, cfg.coding.b, cfg.coding.c)
    if not TASKS[cfg.task].has_d:
        return Watch(exhibit, Game(None, None), _facts(ready, exhibit, Game(None, None)))
    game = Game(form, boundary_of(cfg.loss, form, cfg.coding.a, cfg.coding.b))
    return Watch(exhibit, game, _facts(ready, exhibit, game))


def monitor_of(ready: Prepared, watch: Watch, write: Write) -> Monitor:
    """The monitor itself; it writes to the log."""
    every = ready.cfg.doctor.every
    return Monitor(
        ready.state,
        generator_of(ready.state.G.bare),
        watch.exhibit,
        watch.game,
        Diagnosis(watch.facts),
        FALLBACK if every == "auto" else int(every),
        write,
    )


def spaced(ready: Prepared, watch: Watch | None) -> Prepared:
    """The run with ``doctor.every`` decided: so many steps between looks that they cost 3.5 %.

    A short run under repair is looked at `MENDED` times, though it cost more. A look is timed,
    which changes nothing. The number stands in ``config.yaml``: a run that is
    resumed looks at the steps that it would have looked at.
    """
    if watch is None or ready.cfg.doctor.every != "auto":
        return ready
    monitor = monitor_of(ready, watch, lambda *_, **__: None)
    monitor.look()  # the first one allocates
    ready.engine.wait()
    begun = time.perf_counter()
    monitor.look()
    ready.engine.wait()
    seconds = time.perf_counter() - begun
    each = images_per_step(ready.cfg) / ready.images_per_second
    every = min(MOST, max(10, 5 * round(seconds / (SHARE * each) / 5)))
    if ready.cfg.doctor.repair == "auto":
        steps = ready.state.total_images // images_per_step(ready.cfg)
        every = min(every, max(10, steps // MENDED))
    why = f"a look takes as long as {seconds / each:.1f} steps: {seconds / each / every:.1%}"
    reason = Reason("doctor.every", every, why)
    return replace(ready, cfg=apply(ready.cfg, [reason]), reasons=(*ready.reasons, reason))


def _facts(ready: Prepared, exhibit: Exhibit, game: Game) -> Facts:
    cfg, info = ready.cfg, ready.data.info
    ideal = (None, None) if game.loss is None else undecided(game.loss, game.boundary)
    critic = game.loss is not None and game.loss.lipschitz
    games = 2 if cfg.task == "unpaired" and cfg.translation.method == "cycle" else 1
    weight = cfg.matching.adversarial  # of none G does not play, and all that it pays is distances
    part = games * weight
    return Facts(
        loss=cfg.loss if game.loss is not None else "",
        boundary=game.boundary,
        ideal_d=None if critic or ideal[0] is None else games * ideal[0],
        ideal_g=None if critic or ideal[1] is None or not part else part * ideal[1],
        critic=critic,
        penalty=cfg.penalty.name,
        gamma=float(cfg.penalty.gamma),
        batch=int(cfg.batch),
        samples=len(ready.data.target if isinstance(ready.data, Sides) else ready.data),
        kinds=len(info.modes) or len(info.classes),
        held=exhibit.held is not None,
        kind="points" if info.kind == "points" else "images",
        part=part,
        guided=_guided(cfg),
    )


def _guided(cfg: Config) -> bool:
    """Whether G minimises more than the game: whether any such term of its task has a weight."""
    told, kept = cfg.translation, cfg.completion
    beside = {
        "inpainting": (kept.hole, kept.rest, kept.perceptual, cfg.matching.weight),
        "translation": (told.l1, cfg.matching.weight),
        "unpaired": (told.cycle,) if told.method == "cycle" else (told.nce, told.identity),
        "vae-gan": (cfg.vae.reconstruction,),
    }
    return any(beside.get(cfg.task, ()))


def _drawn(data: Dataset, count: int) -> np.ndarray:
    """The same numbers each time, spread over the data, in a random order."""
    return np.random.default_rng(0).permutation(len(data))[:count]


def _exhibit(ready: Prepared) -> Exhibit:
    cfg, data, batches = ready.cfg, ready.data, ready.batches
    most = POINTS if data.info.kind == "points" else IMAGES
    pac = cfg.model.d.pac
    count = min(most, len(data)) // pac * pac

    def seen(source: Dataset, indices: np.ndarray) -> tuple[Tensor, Tensor | None]:
        raw, labels_B = source.batch(indices)
        x = to_network_range(ready.engine.place(raw), *batches.range) / batches.spread
        return x, ready.engine.place(labels_B) if batches.conditional else None

    real, labels_B = seen(data, _drawn(data, count))
    held = held_labels_B = train = None
    other = _held_out(ready)
    if other is not None:
        # However few there are to train on: what D says of 20 others is mostly chance.
        enough = min(most, len(other)) // pac * pac
        held, held_labels_B = seen(other, _drawn(other, enough))
    given, pairs = None, TASKS[cfg.task].sides == "paired"
    if batches.give is not None:
        whole = real
        real, given = batches.give(
            real,
            lambda stream: Draw(seeded(cfg.seed, f"exhibit-{stream}")),
            lambda order: whole[order.to(whole.device)],
        )
    elif len(data) <= FEW:  # what is made of a given picture is near to that picture, as it should
        train = seen(data, np.arange(len(data)))[0]
    hole = None
    if given is not None and TASKS[cfg.task].reads == "hole":
        hole = given[:, -1:] > 0.5
    made = real[:, given.shape[1] :] if pairs and given is not None else real  # what G is to make
    crossing = None
    if given is not None and TASKS[cfg.task].sides:
        crossing = Crossing(alike(given, made.shape[1]), made, batches.range, pairs)
    noise_BZ = PRIORS[batches.prior](indexed_noise(cfg.seed, 0, count, batches.z_dim))
    return Exhibit(
        real=real,
        noise_BZ=ready.engine.place(noise_BZ),
        labels_B=labels_B,
        held=held,
        held_labels_B=held_labels_B,
        reference=Reference(
            made,
            _eye(data, made, batches.range),
            centres=_centres(ready),
            held=held,
            train=train,
        ),
        given=given,
        hole=hole,
        crossing=crossing,
        pairs=pairs,
    )


def _eye(data: Dataset, real: Tensor, span: tuple[float, float]) -> Eye:
    """Coordinates of points; classifiers' features of digits and fashion; else random filters."""
    if data.info.kind == "points":
        return Coordinates()
    source = data.target.info.source if isinstance(data, Sides) else data.info.source
    if source in FEATURES_FOR:
        return Known(load_features(FEATURES_FOR[source], real.device), span)
    return Glance(real)


def _centres(ready: Prepared) -> Tensor | None:
    modes = ready.data.info.modes
    return torch.tensor(modes, dtype=torch.float64) / ready.batches.spread if modes else None


def _held_out(ready: Prepared) -> Dataset | None:
    """The test split where the source has one; real data are never kept from training for this."""
    cfg = ready.cfg
    if cfg.data.source not in HELD_OUT or ready.batches.conditional or TASKS[cfg.task].sides:
        return None
    try:
        return reference(cfg.data.source, ready.spec.shape, cfg.data.crop)
    except UserError:
        return None
