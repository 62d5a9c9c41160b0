"""Features on disk: kept, told apart, made again when damaged, and bounded."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from gansmith.metrics import feature_cache as module
from gansmith.metrics.feature_cache import cached_features, features_folder

ROWS = torch.arange(12.0).reshape(4, 3)
INDICES = np.array([3, 1, 0, 2])


class Extractor:
    name, digest, resize = "mine", "0123456789ab", "none"

    def __call__(self, images: Tensor) -> Tensor:
        raise AssertionError("the cache does not extract")


class Counted:
    """Computes rows, and counts how often it had to."""

    def __init__(self, rows: Tensor = ROWS) -> None:
        self.rows, self.calls = rows, 0

    def __call__(self) -> Tensor:
        self.calls += 1
        return self.rows


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_features_are_computed_once() -> None:
    compute = Counted()
    for _ in range(3):
        found = cached_features("data", INDICES, Extractor(), compute)
        assert torch.equal(found, ROWS)
        assert found.dtype == torch.float32
    assert compute.calls == 1
    assert len(list(features_folder().iterdir())) == 1


@pytest.mark.parametrize("what", ["data", "order", "choice", "name", "digest", "resize"])
def test_other_features_are_not_mistaken_for_these(what: str) -> None:
    cached_features("data", INDICES, Extractor(), Counted())
    features, indices = Extractor(), INDICES
    if what in {"name", "digest", "resize"}:
        setattr(features, what, "another")
    if what == "order":
        indices = INDICES[::-1]
    if what == "choice":
        indices = INDICES + 1
    compute = Counted(ROWS + 1)
    found = cached_features("other" if what == "data" else "data", indices, features, compute)
    assert torch.equal(found, ROWS + 1)
    assert compute.calls == 1


def test_indices_count_by_value_not_by_type() -> None:
    compute = Counted()
    for indices in (INDICES, INDICES.astype(np.int32), np.stack([INDICES, INDICES], 1)[:, 0]):
        cached_features("data", indices, Extractor(), compute)
    assert compute.calls == 1


@pytest.mark.parametrize("harm", ["cut", "flipped", "empty", "other", "short"])
def test_damaged_features_are_computed_again(harm: str) -> None:
    cached_features("data", INDICES, Extractor(), Counted())
    (path,) = features_folder().iterdir()
    content = bytearray(path.read_bytes())
    place = content.find(ROWS.numpy().tobytes())
    assert place > 0
    if harm == "flipped":
        content[place + 6] ^= 4
    if harm == "cut":
        del content[-5:]
    if harm == "empty":
        content.clear()
    if harm == "other":
        content = bytearray(module.save({"features": ROWS, "sha256": torch.tensor(3.5)}))
    path.write_bytes(content)
    if harm == "short":
        path.unlink()
        cached_features("data", INDICES, Extractor(), Counted(ROWS[:2]))
    compute = Counted()
    for _ in range(2):
        assert torch.equal(cached_features("data", INDICES, Extractor(), compute), ROWS)
    assert compute.calls == 1


def test_a_cache_that_cannot_be_written_costs_time_only(cache: Path) -> None:
    cache.write_bytes(b"a file where the folder should be")
    compute = Counted()
    for _ in range(2):
        assert torch.equal(cached_features("data", INDICES, Extractor(), compute), ROWS)
    assert compute.calls == 2


def test_the_longest_unused_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    def keep(name: str) -> int:
        compute = Counted()
        cached_features(name, INDICES, Extractor(), compute)
        return compute.calls

    def age(name_calls: int, seconds: int) -> None:
        newest = max(features_folder().iterdir(), key=lambda path: path.stat().st_mtime_ns)
        os.utime(newest, (seconds, seconds))

    age(keep("a"), 1000)
    size = next(features_folder().iterdir()).stat().st_size
    age(keep("b"), 2000)
    assert keep("a") == 0  # used again: now younger than b
    monkeypatch.setattr(module, "LARGEST", 2 * size)
    assert keep("c") == 1
    assert len(list(features_folder().iterdir())) == 2
    assert keep("a") == 0
    assert keep("b") == 1
    monkeypatch.setattr(module, "LARGEST", 0)
    assert keep("d") == 1
    assert keep("d") == 0  # the newest stays, whatever its size
    assert len(list(features_folder().iterdir())) == 1


def test_features_from_a_graph_or_in_double_are_kept_as_float32() -> None:
    rows = ROWS.double().requires_grad_()
    found = cached_features("data", INDICES, Extractor(), lambda: rows * 1)
    assert (found.dtype, found.requires_grad) == (torch.float32, False)
