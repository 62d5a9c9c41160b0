"""A trained completion against Telea, Navier–Stokes and the same net without its adversary.

    python benchmarks/completion.py [--data fashion] [--steps 5000] [--pictures 2000] [--out DIR]
        [--set KEY=VALUE ...]

Boxes of a quarter of held-out pictures, the same for all. LPIPS (AlexNet) of each completed picture
and its original; the Fréchet distance, on EfficientNet-Lite0's features, of the completed pictures
to other held-out ones. Without the adversary means: the same net, data, masks, steps and losses but
the adversarial one and the match of D's features. A run that was stopped goes on where it was.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor

from gansmith.apps import runs
from gansmith.apps.completing import Completions, shown_on
from gansmith.apps.sheets import HOLE_GREY
from gansmith.apps.train import train
from gansmith.data.pictures.classical import CLASSICAL, RADIUS
from gansmith.metrics import LPIPS, extract, load_features
from gansmith.metrics.completion import filling_card, measure_fillings
from gansmith.metrics.frechet import frechet_interval
from gansmith.reports.sheets import picture_bytes, sheet

SETTINGS: Mapping[str, Any] = {
    "resolution": 32,
    "masks.kinds": "boxes",
    "masks.area": 0.25,
    "threads": 1,
    "seed": 0,
}
ALONE: Mapping[str, Any] = {"matching.adversarial": 0.0, "matching.weight": 0.0}
SHOWN = 14  # pictures on the sheet
BATCH = 250
Made = dict[str, Tensor]  # by way, uint8 NCHW


def trained(name: str, data: str, steps: int, out: Path, changes: Mapping[str, Any]) -> float:
    """Train, or go on; the CPU-seconds of all of this run's lives."""
    clock, begun = out / f"{name}-cpu.json", time.process_time()
    before = float(json.loads(clock.read_text())) if clock.exists() else 0.0
    train(
        data,
        recipe="inpaint",
        budget=f"{steps}-steps",
        out=out / name,
        changes=dict(SETTINGS) | dict(changes),
        resume=True,
        score=False,
    )
    spent = before + time.process_time() - begun
    clock.write_text(json.dumps(spent))
    return spent


def completions(folder: Path) -> Completions:
    """The net of a run with its held-out pictures."""
    found = shown_on(runs.load(folder), runs.read_settings(folder))
    assert isinstance(found, Completions)
    return found


def by_classical(way: str, real: Tensor, hole: Tensor) -> Tensor:
    """Each picture by one of OpenCV's."""
    fill = CLASSICAL[way]
    made = [
        fill(x.permute(1, 2, 0).numpy(), each.numpy()) for x, each in zip(real, hole, strict=True)
    ]
    return torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2)


def scored(made: Made, real: Tensor, hole: Tensor, others: Tensor) -> dict[str, dict[str, Any]]:
    """By way, LPIPS, PSNR, SSIM and the Fréchet distance, each with its interval."""
    perceptual, eye = ("alex", LPIPS("alex")), load_features("efficientnet-lite0")
    known = extract(others.split(BATCH), eye)
    found: dict[str, dict[str, Any]] = {}
    for way, x in made.items():
        card = filling_card(measure_fillings([(x, real, hole)], perceptual))
        found[way] = {key: [score.value, score.low, score.high] for key, score in card.items()}
        found[way]["fd"] = list(frechet_interval(known, extract(x.split(BATCH), eye)))
        print(way, json.dumps(found[way]), flush=True)
    return found


def drawn(made: Made, real: Tensor, hole: Tensor) -> bytes:
    """Rows: the originals, with their holes, and completed each way."""
    rows = [real, real.masked_fill(hole[:, None], HOLE_GREY), *made.values()]
    laid = torch.cat([x[:SHOWN] for x in rows]).permute(0, 2, 3, 1).numpy()
    return picture_bytes(sheet(laid, columns=SHOWN, scale=2))


def main(argv: list[str]) -> None:
    """Train both, complete every way, print the table, draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="fashion")
    parser.add_argument("--steps", type=int, default=5_000)
    parser.add_argument("--pictures", type=int, default=2_000)
    parser.add_argument("--out", type=Path, default=Path("runs/completion"))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    told = parser.parse_args(argv)
    told.out.mkdir(parents=True, exist_ok=True)
    pairs = (each.split("=", 1) for each in told.set)
    changes = {key: yaml.safe_load(value) for key, value in pairs}
    spent = {}
    for name, more in (("adversarial", {}), ("alone", ALONE)):
        spent[name] = trained(name, told.data, told.steps, told.out, changes | dict(more))
        print(f"{name}: {spent[name]:.0f} CPU-seconds", flush=True)
    nets = {name: completions(told.out / name) for name in spent}
    count, made = told.pictures, {}
    for name in reversed(nets):  # picture, hole and noise hang on the number alone
        parts = zip(*nets[name].filled(count, batch=BATCH), strict=True)
        made[name], real, hole = (torch.cat(part) for part in parts)
    others = torch.cat([x for _, x, _ in nets["alone"].filled(count, batch=BATCH, start=count)])
    ways = {f"{way} (radius {RADIUS:g})": by_classical(way, real, hole) for way in CLASSICAL}
    made = ways | made
    (told.out / "sheet.png").write_bytes(drawn(made, real, hole))
    found = {"cpu_seconds": spent, "scores": scored(made, real, hole, others)}
    (told.out / "scores.json").write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])
