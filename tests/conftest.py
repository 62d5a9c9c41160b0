"""What every test may rely on: one quiet thread, fixed seeds, no network, no user's folders."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
from hypothesis import HealthCheck, settings
from PIL import Image

from gansmith.config import Config

# The same examples in each run, and no limit on their time: neighbours are noisy. `make test-slow`
# takes more of them.
SLOW_IS_WELL = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile(
    "house", max_examples=30, derandomize=True, print_blob=True, **SLOW_IS_WELL
)
settings.register_profile("explore", max_examples=1000, **SLOW_IS_WELL)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "house"))

# A few tests of a minute or more in each: begun last, they would keep one worker alone at the end.
LONG = ("test_ranks", "test_sharded", "test_kill", "test_study", "test_sharing", "test_script")
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
    """Long files first; skip what this machine cannot run, each with its reason."""
    items.sort(key=lambda item: item.path.stem not in LONG)
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
        torch = sys.modules["torch"]
        # `torch.manual_seed` also notes the whole stack for a CUDA that is not begun.
        (torch if torch.cuda.is_available() else torch.default_generator).manual_seed(0)


@pytest.fixture(scope="session", autouse=True)
def _paced_at_once() -> Iterator[None]:
    """A run measures for a second how fast it is: a few steps do where no budget is in seconds."""
    with pytest.MonkeyPatch.context() as patch:
        if "gansmith.training" in sys.modules:  # as it is when a module of tests has named it
            from gansmith.apps import planning

            measure = planning.measure

            def quickly(engine: object, cfg: Config, *rest: object, seconds: float) -> object:
                if cfg.budget.unit != "seconds":
                    seconds = 0.01
                return measure(engine, cfg, *rest, seconds=seconds)

            patch.setattr(planning, "measure", quickly)
        yield


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


@dataclass
class Life:
    """A process that was forked from one that has loaded torch."""

    zygote: subprocess.Popen
    pid: int
    out: Path
    err: Path
    returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, or minus the signal that ended it; None as long as it lives."""
        if self.returncode is None:
            self.returncode = ask(self.zygote, {"wait": self.pid})
        return self.returncode

    def communicate(self, timeout: float = 240) -> tuple[str, str]:
        """What it has printed, when it has ended."""
        deadline = time.monotonic() + timeout
        while self.poll() is None:
            assert time.monotonic() < deadline, self.err.read_text("utf-8")
            time.sleep(0.01)
        return self.out.read_text("utf-8"), self.err.read_text("utf-8")

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Of it and of all that it has started, nothing is left."""
        if self.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
            self.communicate()


def ask(zygote: subprocess.Popen, request: dict) -> int | None:
    assert zygote.stdin is not None
    assert zygote.stdout is not None
    zygote.stdin.write(json.dumps(request) + "\n")
    zygote.stdin.flush()
    return json.loads(zygote.stdout.readline())


@pytest.fixture(scope="session")
def zygote() -> Iterator[subprocess.Popen]:
    """See zygote.py."""
    if not hasattr(os, "fork"):
        pytest.skip("processes are not forked here")
    with subprocess.Popen(
        [sys.executable, "-P", str(Path(__file__).with_name("zygote.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TORCHDYNAMO_DISABLE": "1"},
    ) as process:
        yield process


COMMAND = "from gansmith.__main__ import main\nmain()"


@pytest.fixture
def begin(
    zygote: subprocess.Popen, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Life]]:
    """Begins a command, or Python code, in a process of its own, whose torch is loaded already."""
    lives = []

    def fork(*words: object, cwd: Path | str = ".", code: str = COMMAND) -> Life:
        folder = tmp_path_factory.mktemp("life")
        out, err = folder / "out", folder / "err"
        argv = ["gansmith", *map(str, words)]
        streams = {"out": str(out), "err": str(err)}
        pid = ask(zygote, {"code": code, "argv": argv, "cwd": str(Path(cwd).resolve()), **streams})
        assert pid
        lives.append(Life(zygote, pid, out, err))
        return lives[-1]

    yield fork
    for life in lives:
        life.kill()


@pytest.fixture
def stopped(begin: Callable[..., Life]) -> Callable[..., tuple[int, str, str]]:
    """Sends a signal to a command that has written two pictures: (exit code, stdout, stderr).

    Afterwards every picture there is whole, and nothing half done lies beside them.
    """

    def run(
        words: list[str], folder: Path, number: signal.Signals = signal.SIGINT
    ) -> tuple[int, str, str]:
        process = begin(*words, cwd=folder)
        until = time.monotonic() + 300
        while len(list(folder.glob("out/*.png"))) < 2 and time.monotonic() < until:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
        assert sorted(folder.glob("out/.*")) == []
        for path in folder.glob("out/*.png"):
            with Image.open(path) as image:
                image.load()
        assert process.returncode is not None
        return process.returncode, out, err

    return run
