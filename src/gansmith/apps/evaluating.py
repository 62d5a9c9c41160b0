"""Scores while a run trains, and the best generator kept by one of them."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gansmith.apps import runs
from gansmith.apps.galleries import draw_galleries
from gansmith.apps.scoring import (
    FEATURES_FOR,
    HELD_OUT,
    POINT_SAMPLES,
    SAMPLES,
    ScoreOptions,
    Scorer,
    reference,
)
from gansmith.apps.setting_up import Prepared
from gansmith.apps.showing import OfPictures, counted, maker_of
from gansmith.apps.streams import BATCH
from gansmith.apps.translating import shown_sides
from gansmith.data import Sides
from gansmith.errors import UserError
from gansmith.files import write_atomically
from gansmith.metrics import DIRECTIONS, MODE_SAMPLES, MODE_SCORES, QUICK, Score
from gansmith.models import Generator
from gansmith.reports.sheets import write_file
from gansmith.training import Log, State

BEST_SCORE = "score.json"
SAME = ("n", "features", "resize")  # in what two scores must agree to be compared
Best = dict[str, Any]
Scores = Callable[[Scorer, Generator], dict[str, Score]]
FILLINGS = 1_000  # pictures made of others that are held against what they were to be
COLOUR_SAMPLES = 2_000  # the net that sees colour takes 20 times as long as that for digits


def scorer_of(ready: Prepared, count: int, mode_count: int | None = None) -> Scorer:
    """What a run's generator is scored against: its own data, held out where there is a split.

    Args:
        count: samples of either side, at most.
        mode_count: in which modes are counted; by default ``count``.
    """
    cfg = ready.cfg
    if isinstance(ready.data, Sides):
        sides = shown_sides(cfg, ready.spec, ready.data)
        known = None if sides is ready.data else ready.data.target
        return Scorer.of(sides.target, known, ScoreOptions(count=count, seed=cfg.seed, fetch=False))
    held_out = cfg.data.source in HELD_OUT
    limit = None if held_out else cfg.data.limit
    real = reference(cfg.data.source, ready.spec.shape, cfg.data.crop, limit=limit)
    train = ready.data if held_out and ready.spec.kind != "points" else None
    options = ScoreOptions(count=count, mode_count=mode_count or count, seed=cfg.seed, fetch=False)
    return Scorer.of(real, train, options)


def quick_scores(scorer: Scorer, generator: Generator) -> dict[str, Score]:
    """The scores that are cheap enough to be taken while a run trains."""
    options = scorer.options
    if generator.spec.kind == "points":
        return scorer.points(generator.sample(POINT_SAMPLES, options.seed, batch=POINT_SAMPLES))
    fake = scorer.take(generator.batches(options.count, options.seed, batch=BATCH))
    quick: tuple[str, ...] = QUICK
    if isinstance(generator, OfPictures):
        quick = tuple(set(QUICK) & set(generator.card))
    elif scorer.modes:
        quick = (*MODE_SCORES, *QUICK)
    return scorer.card(fake, only=quick, with_train=False)[0]


def final_scores(
    ready: Prepared, state: State, folder: Path, log: Log, say: Callable[[str], None] | None
) -> dict[str, dict[str, Any]]:
    """Score what the run ended with: log, ``scores.json`` and the galleries.

    Too few images to score do not spoil a run: the generator is good all the same.
    """
    generator = maker_of(ready)(state)
    left_out: dict[str, str] = {}
    try:
        slow = ready.spec.shape[0] == 3 and ready.data.info.source not in FEATURES_FOR
        scorer = scorer_of(ready, COLOUR_SAMPLES if slow else SAMPLES, MODE_SAMPLES)
        if ready.spec.kind == "points":
            found = quick_scores(scorer, generator)
        else:
            count = counted(generator, scorer.wanted)
            fake = scorer.take(generator.batches(count, scorer.options.seed, batch=BATCH))
            if isinstance(generator, OfPictures):
                found, left_out = scorer.card(fake, only=generator.card, with_train=False)
                found |= generator.own_scores(min(count, FILLINGS), scorer.options.seed)
                found |= generator.by_part(scorer, fake, scorer.options.seed)
            else:
                found, left_out = scorer.card(fake)
                draw_galleries(scorer, fake, folder / runs.GALLERY)
    except UserError as error:
        if say:
            say(f"no scores: {error}")
        return {}
    scores = {name: asdict(score) for name, score in found.items()}
    log.write("scores", step=state.step, images=state.images, final=True, scores=scores)
    told = {"step": state.step, "scores": scores, "left_out": left_out}
    write_file(folder / "scores.json", json.dumps(told, indent=2).encode())
    return scores


def evaluator(
    ready: Prepared,
    folder: Path,
    log: Log,
    say: Callable[[str], None] | None,
    scores_of: Scores = quick_scores,
) -> Callable[[State], None]:
    """The loop's hook: scores the average on a fixed seed, logs, keeps the best in ``best/``.

    The noise of a sample is a function of its number, and nothing is drawn from a stream that
    training uses, so the weights after are those of a run that was never evaluated.
    """
    cfg = ready.cfg
    scorer: Scorer | None = None
    maker = maker_of(ready)

    def evaluate(state: State) -> None:
        nonlocal scorer
        if scorer is None:  # a run that is not evaluated does not pay for it
            scorer = scorer_of(ready, cfg.evaluate.samples)
        generator = maker(state)
        scores = {name: asdict(score) for name, score in scores_of(scorer, generator).items()}
        log.write("scores", step=state.step, images=state.images, scores=scores)
        score = scores.get(cfg.evaluate.by)
        if score is None:  # a metric may refuse what it is given
            if say:
                say(f"step {state.step:,}: {cfg.evaluate.by} cannot be had on these samples")
            return
        now = {"metric": cfg.evaluate.by, "step": state.step}
        now |= {key: score[key] for key in ("value", *SAME)}
        better = improves(now, read_best(folder))
        if better:
            keep_best(folder, generator, now)
        if say:
            mark = ", the best so far" if better else ""
            say(f"step {state.step:,}: {cfg.evaluate.by} {score['value']:.4g}{mark}")

    return evaluate


def improves(now: Best, best: Best | None) -> bool:
    """Whether a score beats the best; one that was measured in another way is no rival."""
    if best is None or any(now[key] != best.get(key) for key in ("metric", *SAME)):
        return True
    if DIRECTIONS[now["metric"]] == "lower":
        return bool(now["value"] < best["value"])
    return bool(now["value"] > best["value"])


def keep_best(folder: Path, generator: Generator, now: Best) -> None:
    """Save the generator as the run's best.

    The older score goes first and the new one comes last, so that a score never stands beside
    another generator than its own.
    """
    (folder / runs.BEST / BEST_SCORE).unlink(missing_ok=True)
    generator.save_pretrained(folder / runs.BEST)
    write_atomically(folder / runs.BEST / BEST_SCORE, json.dumps(now).encode())


def read_best(folder: Path) -> Best | None:
    """The score of the best generator so far: metric, value, step, and how it was measured."""
    try:
        best = json.loads((folder / runs.BEST / BEST_SCORE).read_text("utf-8"))
        return best | {"metric": str(best["metric"]), "value": float(best["value"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None
