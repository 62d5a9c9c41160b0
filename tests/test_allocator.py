"""Memory that is kept: no pages are faulted in again, and nobody's own choice is overruled."""

import platform
import subprocess
import sys

import pytest

from gansmith import allocator

GLIBC = sys.platform == "linux" and platform.libc_ver()[0] == "glibc"
# A tensor of 40 MB, which glibc by itself always takes from the system anew (mallopt(3): 32 MB is
# the most that it comes to take from its heap), made and dropped: the pages faulted in.
LOOP = """
import resource, sys, torch
from gansmith.allocator import keep_memory
if sys.argv[1] == "keep":
    assert keep_memory()
torch.set_num_threads(1)
def once():
    torch.ones(10_000_000)
once()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    once()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not GLIBC, reason="only glibc can be asked")
def test_a_step_that_was_made_before_faults_no_pages_in() -> None:
    faults = {}
    for how in ("keep", "leave"):
        done = subprocess.run(
            [sys.executable, "-c", LOOP, how], capture_output=True, text=True, check=True
        )
        faults[how] = int(done.stdout)
    assert faults["keep"] < 20
    assert faults["leave"] > 50  # of the largest pages there are; of small ones 50,000


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
