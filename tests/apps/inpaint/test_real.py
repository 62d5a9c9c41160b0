"""On a real run and at a real size: what the page promises. Minutes each, so `make test-slow`."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from gansmith.apps.inpaint import Way, fill, open_filler
from gansmith.apps.train import train
from gansmith.data import open_data
from gansmith.data.pictures.blending import BLENDS
from gansmith.data.pictures.classical import telea
from gansmith.metrics.features import ClassifierFeatures

pytestmark = pytest.mark.slow
DIGITS = 60


def halves(count: int) -> np.ndarray:
    """The upper, lower, left and right half in turn."""
    hole = np.zeros((count, 28, 28), bool)
    for index, rows in enumerate(hole):
        (rows[:14], rows[14:], rows[:, :14], rows[:, 14:])[index % 4][:] = True
    return hole


def scores(filled: np.ndarray, truth: np.ndarray, hole: np.ndarray, labels: Tensor) -> np.ndarray:
    """(PSNR in the hole in dB, share whose class the classifier still sees)."""
    square = (filled.astype(float) - truth)[:, :, :, 0] ** 2
    error = (square * hole).sum((1, 2)) / hole.sum((1, 2))
    logits = ClassifierFeatures("digits-cnn").logits(torch.from_numpy(filled).permute(0, 3, 1, 2))
    right = (logits.argmax(1) == labels).float().mean()
    return np.array([(10 * np.log10(255**2 / error)).mean(), float(right)])


def test_completed_halves_of_digits_beat_grey_and_telea(tmp_path: Path) -> None:
    pytest.importorskip("cv2")
    changes = {"threads": 1, "doctor.monitor": False}
    run = tmp_path / "run"
    train("digits", budget="40k-images", out=run, changes=changes, score=False)
    x, labels = open_data("digits", split="test", labels=True).batch(np.arange(DIGITS))
    truth, hole = x.permute(0, 2, 3, 1).numpy(), halves(DIGITS)
    filler = open_filler(run)
    ours = fill(Way(filler, BLENDS[filler.blend]), list(truth), list(hole))
    found = scores(np.stack(ours), truth, hole, labels)
    grey = scores(np.where(hole[..., None], 128, truth).astype(np.uint8), truth, hole, labels)
    classical = np.stack([telea(*pair) for pair in zip(truth, hole, strict=True)])
    others = scores(classical, truth, hole, labels)
    print(f"PSNR in the hole, right: ours {found}, grey {grey}, Telea {others}")
    assert (found - grey > [3.0, 0.1]).all()
    assert (found - others > [1.5, 0.1]).all()


LARGE = """
import sys
from pathlib import Path
from gansmith.apps.inpaint import inpaint

folder = Path(sys.argv[1])
def peak():  # of this program alone: ru_maxrss begins with its parent's
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("VmHWM"))

before = peak()
inpaint(sys.argv[2], folder / "photo.png", folder / "mask.png", folder / "out.png")
print(before, peak())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("kind", ["latent", "trained"])
def test_8000_by_8000_pixels_take_less_than_2_gb(
    kind: str, tiny_run: Path, completer: Path, tmp_path: Path
) -> None:
    import subprocess

    from PIL import Image

    side = 8000
    ramp = (np.arange(side) * 255 // side).astype(np.uint8)
    pixels = np.empty((side, side, 3), np.uint8)
    pixels[:, :, 0], pixels[:, :, 1], pixels[:, :, 2] = ramp, ramp[:, None], 128
    Image.fromarray(pixels).save(tmp_path / "photo.png", compress_level=1)
    hole = np.zeros((side, side), bool)
    hole[1000:3500, 2000:5000] = True  # far larger than a window
    rng = np.random.default_rng(0)
    for top, left in rng.integers(0, side - 20, (300, 2)):  # spots, each in a window of its own
        hole[top : top + 7, left : left + 7] = True
    Image.fromarray(hole).save(tmp_path / "mask.png")
    net = tiny_run if kind == "latent" else completer
    done = subprocess.run(
        [sys.executable, "-c", LARGE, str(tmp_path), str(net)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    before, peak = (int(word) / 2**20 for word in done.stdout.split())
    print(f"{kind}: {peak:.2f} GB at the most, {before:.2f} before")
    assert peak < 2.0
    with Image.open(tmp_path / "out.png") as image:
        out = np.asarray(image)
    assert np.array_equal(out[~hole], pixels[~hole])
