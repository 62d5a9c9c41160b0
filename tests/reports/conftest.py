"""A run folder as training leaves it, made without training: plausible curves, drawn digits."""

import functools
import io
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from gansmith.config import build, to_yaml
from gansmith.reports.sheets import sheet

CLASSES = tuple("0123456789")
BATCH = 128


def digits(count: int, blur: float = 0.0, seed: int = 0) -> np.ndarray:
    """uint8 [N, 28, 28, 1]: drawn digits, from clear (blur 0) to pure noise (blur 1)."""
    rng = np.random.default_rng(seed)
    font = ImageFont.load_default(24)
    images = []
    for index in range(count):
        picture = Image.new("L", (28, 28))
        place = (6 + int(rng.integers(-2, 3)), -1 + int(rng.integers(-2, 3)))
        ImageDraw.Draw(picture).text(place, str(index % 10), fill=255, font=font)
        noise = rng.integers(0, 256, (28, 28))
        images.append((1 - blur) * np.asarray(picture) + blur * noise)
    return np.stack(images).astype(np.uint8)[..., None]


@functools.cache
def sheet_file(share: float) -> bytes:
    """The PNG of 64 digits when that share of training is done."""
    buffer = io.BytesIO()
    sheet(digits(64, 0.9 * (1 - share) ** 2)).save(buffer, "PNG")
    return buffer.getvalue()


def start_event(**changes: object) -> dict[str, object]:
    return {
        "kind": "start", "time": "2025-06-01T12:30:05+00:00",
        "machine": {"cpu": "Example CPU 9000", "cores": 2, "memory_gb": 15.6,
                    "accelerator": None, "system": "Linux 6.1 x86_64"},
        "versions": {"python": "3.12.4", "torch": "2.8.0", "gansmith": "0.1.0"},
        "device": "cpu", "precision": "fp32", "threads": 1, "seed": 7,
        "data": {"source": "digits", "kind": "images", "count": 60000, "shape": [1, 28, 28],
                 "classes": list(CLASSES), "digest": "9f2c1a77b0de",
                 "notes": ["28x28 px grey, as the files have it",
                           "2 of 60,002 files skipped: broken.png (truncated), empty.png (empty)"]},
        "parameters": {"G": 412_345, "D": 398_210},
        "reasons": [
            {"key": "batch", "value": BATCH, "why": "the largest that keeps 2 cores fed at 28 px"},
            {"key": "penalty.gamma", "value": 0.3,
             "why": "0.05·(28/32)² for diverse data, more because digits are aligned"},
            {"key": "model.width", "value": 32, "why": "3 minutes on a CPU pay for a small net"},
            {"key": "augment.flip", "value": False, "why": "a mirrored digit is no digit"},
        ],
        **changes,
    }  # fmt: skip


def step_event(step: int, total: int) -> dict[str, object]:
    """A step of a healthy run: D settles, penalties shrink, the rate follows a cosine."""
    rng = np.random.default_rng(step)
    t = step / total
    jitter = 1 + 0.12 * float(rng.normal())
    margin = (0.5 + 0.9 * math.exp(-6 * t)) * jitter
    grad = (0.9 + 6 * math.exp(-9 * t)) * jitter
    adversarial = math.log1p(math.exp(-margin))
    gamma = 0.3 * 0.1**t
    return {
        "kind": "step", "step": step, "images": step * BATCH, "seconds": step * 0.045,
        "images_per_second": 2844.0 * (1 + 0.03 * float(rng.normal())),
        "lr": 0.002 * min(1, t / 0.02) * (0.525 + 0.475 * math.cos(math.pi * t)),
        "beta2": 0.9 + 0.09 * t, "gamma": gamma, "ema": 0.999,
        "adversarial_d": adversarial, "d_loss": adversarial + gamma * grad**2 / 2,
        "g_loss": 0.69 + margin / 2, "r1": gamma * grad**2 / 4, "r2": gamma * grad**2 / 5,
        "grad_real": grad, "grad_fake": 1.2 * grad,
        "d_real": 0.1 + margin / 2, "d_fake": 0.1 - margin / 2,
    }  # fmt: skip


SCORES = {
    "fd": {"value": 12.3456, "low": 11.81, "high": 12.94},
    "kid": {"value": 0.004312, "low": 0.00391, "high": 0.00471},
    "precision": {"value": 0.8127, "low": 0.801, "high": 0.824},
    "recall": {"value": 0.7316, "low": 0.718, "high": 0.745},
}


def score_event(step: int) -> dict[str, object]:
    basis = {"n": 10_000, "features": "digits-cnn-v1 (0a1b2c3d4e5f)", "resize": "none"}
    return {"kind": "scores", "step": step, "scores": {k: v | basis for k, v in SCORES.items()}}


def write_log(folder: Path, events: list[dict[str, object]], tail: str = "") -> None:
    lines = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events)
    (folder / "log.jsonl").write_text(lines + tail, encoding="utf-8")


MakeRun = Callable[..., Path]


def build_run(folder: Path, total: int = 4000, sheets: int = 9, **start: object) -> Path:
    """A finished run of ``total`` steps, logged every 20, in ``folder``."""
    (folder / "samples").mkdir(parents=True)
    settings = {
        "seed": 7, "batch": BATCH, "resolution": 28, "device": "cpu", "precision": "fp32",
        "threads": 1, "budget": "180s", "model": {"width": 32}, "penalty": {"gamma": 0.3},
        "augment": {"flip": False},
    }  # fmt: skip
    (folder / "config.yaml").write_text(to_yaml(build(settings)), encoding="utf-8")
    events = [start_event(**start), {"kind": "plan", "step": 40, "total_images": total * BATCH,
              "why": "178 s left at 2844 images/s"}]  # fmt: skip
    events += [step_event(step, total) for step in range(20, total + 1, 20)]
    for index in range(sheets):
        step = round(index * total / max(1, sheets - 1))
        name = f"step-{step:08d}.png"
        (folder / "samples" / name).write_bytes(sheet_file(round(step / total, 3)))
        events.append({"kind": "sample", "step": step, "images": step * BATCH, "file": name})
    events.append(score_event(total))
    events.append({"kind": "end", "step": total, "images": total * BATCH,
                   "seconds": total * 0.045 + 2, "why": "budget"})  # fmt: skip
    write_log(folder, events)
    scores = json.dumps(score_event(total)["scores"])
    (folder / "scores.json").write_text(scores, encoding="utf-8")
    (folder / "generator").mkdir()
    (folder / "generator" / "config.json").write_text('{"model": "resnet", "z_dim": 64}')
    return folder


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Make a run in a folder whose path has a space and Chinese characters."""

    def make(
        name: str = "手写 数字 run", total: int = 4000, sheets: int = 9, **start: object
    ) -> Path:
        return build_run(tmp_path / "我的 runs" / name, total, sheets, **start)

    return make
