"""Memory that is kept: no pages are faulted in again, and nobody's own choice is overruled."""

import os
import platform
import subprocess
import sys

import pytest

from gansmith import allocator

GLIBC = sys.platform == "linux" and platform.libc_ver()[0] == "glibc"
# Twenty tensors of 4 MB each, made and dropped, many times: the pages that had to be faulted in.
LOOP = """
import resource, sys, torch
from gansmith.allocator import keep_memory
assert keep_memory() == (sys.argv[1] == "keep")
torch.set_num_threads(1)
def once():
    held = [torch.ones(1_000_000) for _ in range(20)]
for _ in range(3):
    once()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    once()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
# What glibc begins with (mallopt(3)); by itself it moves them, by a rule that no test can rely on.
LEFT = {"MALLOC_TRIM_THRESHOLD_": "131072", "MALLOC_MMAP_THRESHOLD_": "131072"}


@pytest.mark.skipif(not GLIBC, reason="only glibc can be asked")
def test_a_step_that_was_made_before_faults_no_pages_in() -> None:
    faults = {}
    for how, more in (("keep", {}), ("leave", LEFT)):
        done = subprocess.run(
            [sys.executable, "-c", LOOP, how],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | more,
        )
        faults[how] = int(done.stdout)
    assert faults["keep"] < 100
    assert faults["leave"] > 300  # of the largest pages there are; of small ones 200,000


@pytest.mark.parametrize("name", [*allocator.THEIRS, "GLIBC_TUNABLES"])
def test_a_user_who_has_chosen_is_left_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "1")
    assert allocator.keep_memory() is False


def test_another_c_library_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator.platform, "libc_ver", lambda: ("musl", "1.2"))
    assert allocator.keep_memory() is False


def test_a_library_without_the_call_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda _: object())
    assert allocator.keep_memory() is False
