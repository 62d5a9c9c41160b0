"""What every test may rely on: one quiet thread, fixed seeds, no network, no user's folders."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# Before torch is imported: several workers share few cores, and OpenMP's barriers spin.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ["MPLBACKEND"] = "Agg"
os.environ["HF_HUB_OFFLINE"] = "1"
if os.environ.get("GANSMITH_TEST_DOWNLOADS") != "1":
    os.environ["PIP_NO_INDEX"] = "1"  # pip, too, has no network

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

# The same examples in each run, and no limit on one example's time: neighbours are noisy.
settings.register_profile("house", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "house"))

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def pytest_configure(config: pytest.Config) -> None:
    """Packed data go to a folder of this session, which its workers share, not to the user's."""
    if not hasattr(config, "workerinput"):
        # Weights that the user has fetched before may be read (tests/metrics/conftest.py).
        os.environ["GANSMITH_TEST_USERS_CACHE"] = os.environ.get("GANSMITH_CACHE", "")
        folder = tempfile.TemporaryDirectory(prefix="gansmith-tests-", ignore_cleanup_errors=True)
        os.environ["GANSMITH_CACHE"] = folder.name
        config.add_cleanup(folder.cleanup)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this machine cannot run, each with its reason."""
    gpu = [item for item in items if item.get_closest_marker("gpu")]
    if gpu:
        import torch

        if not torch.cuda.is_available():
            for item in gpu:
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))
    if not any(shutil.which(name) for name in BROWSERS):
        for item in items:
            if item.get_closest_marker("chromium"):
                item.add_marker(pytest.mark.skip(reason="needs Chromium (make chromium)"))


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """A test's random numbers depend neither on its neighbours nor on their order."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - for libraries that draw from the global state
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 colour images of 8x8 px in the sub-folders ``bright`` and ``dark``."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("data") / "pictures"
    rng = np.random.default_rng(0)
    for name, least in (("bright", 130), ("dark", 0)):
        (folder / name).mkdir(parents=True)
        for index in range(24):
            pixels = rng.integers(least, least + 120, (8, 8, 3), dtype=np.uint8)
            pixels[:, :4] //= 2  # the left half is darker: not mirror-symmetric
            Image.fromarray(pixels).save(folder / name / f"{index:02d}.png")
    return folder


TINY = {
    "batch": 8,
    "model.width": 4,
    "model.z_dim": 8,
    "threads": 1,
    "save_every": 2,
    "sample_every": 3,
    "log_every": 1,
}


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Path:
    """A run of 4 steps on `pictures`, not scored; copy it before changing anything in it."""
    from gansmith.apps.train import train

    out = tmp_path_factory.mktemp("runs") / "tiny"
    train(str(pictures), budget="4-steps", out=out, changes=TINY, score=False)
    return out


@pytest.fixture
def gansmith(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Runs a command line in this process, in an empty folder: (exit code, stdout, stderr)."""
    from gansmith import cli

    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gansmith", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return run


@pytest.fixture
def stopped() -> Callable[..., tuple[int, str, str]]:
    """Sends a signal to a command that has written two pictures: (exit code, stdout, stderr).

    Afterwards every picture there is whole, and nothing half done lies beside them.
    """

    def run(
        words: list[str], folder: Path, number: signal.Signals = signal.SIGINT
    ) -> tuple[int, str, str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "gansmith", *words],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Who runs the tests in the background has Ctrl-C ignored, and hands that on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        until = time.monotonic() + 300
        while len(list(folder.glob("out/*.png"))) < 2 and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(number)
        try:
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
            process.communicate()
        assert sorted(folder.glob("out/.*")) == []
        for path in folder.glob("out/*.png"):
            with Image.open(path) as image:
                image.load()
        return process.returncode, out, err

    return run
