"""Pretrained weights for the tests that need them: what the user has fetched, never more."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gansmith.data import weights
from gansmith.data.cache import cache_dir
from gansmith.data.weights import Pretrained


@pytest.fixture
def users_cache(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache folder of whoever runs the tests; the tests have one of their own."""
    with monkeypatch.context() as patch:
        if named := os.environ.get("GANSMITH_TEST_USERS_CACHE"):
            patch.setenv("GANSMITH_CACHE", named)
        else:
            patch.delenv("GANSMITH_CACHE")
        return cache_dir()


@pytest.fixture
def fetched(users_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Pretrained], None]:
    """Let these weights be read from the user's cache, or skip the test.

    With ``GANSMITH_TEST_DOWNLOADS=1`` they are fetched into it.
    """

    def use(known: Pretrained) -> None:
        monkeypatch.setattr(weights, "weights_folder", lambda: users_cache / "weights")
        allowed = os.environ.get("GANSMITH_TEST_DOWNLOADS") == "1"
        if not allowed and not weights.kept_file(known).is_file():
            pytest.skip(f"{known.name} is not in the cache; GANSMITH_TEST_DOWNLOADS=1 fetches it")

    return use
