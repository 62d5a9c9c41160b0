"""The way out of the command ``gansmith``."""

import os
import shlex
import subprocess
import sys

import pytest

BUSY = """
import atexit, threading, time, torch
def work():
    x = torch.randn(100)
    while True:
        x + x
threading.Thread(target=work, daemon=True).start()
atexit.register(lambda: (time.sleep(0.2), print("at the end")))
from gansmith.__main__ import main
main()
"""


@pytest.mark.parametrize(("word", "code"), [("--version", 0), ("nonsense", 2)])
def test_a_thread_that_still_computes_does_not_abort_the_process(begin, word, code):
    process = begin(word, code=BUSY)
    out, err = process.communicate(timeout=120)
    assert process.returncode == code
    assert ("no such command" in err) == (code == 2)
    assert out.splitlines()[-1] == "at the end"
    assert len(out.splitlines()) == (2 if code == 0 else 1)


def test_without_streams_it_goes_its_way():
    command = f"{shlex.quote(sys.executable)} -m gansmith --version >&- 2>&-"
    assert subprocess.run(command, shell=True, timeout=120, check=False).returncode == 0


@pytest.fixture(params=["", "1"], ids=["in blocks", "at once"])
def printed_to(request):
    """Starts a command that prints to a file, when its buffer is full or at once."""

    def run(file):
        return subprocess.run(
            [sys.executable, "-m", "gansmith", "--version"],
            stdout=file,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            env=os.environ | {"PYTHONUNBUFFERED": request.param},
        )

    return run


def test_a_reader_who_has_gone_is_no_crash(printed_to):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as nobody:
        done = printed_to(nobody)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device here")
def test_a_full_disk_is_one_line(printed_to):
    with open("/dev/full", "w") as full:
        done = printed_to(full)
    assert done.returncode == 2
    assert done.stderr == "gansmith: what this prints to: no space is left\n"


def test_a_fault_of_the_program_shows_where_it_was(begin):
    code = "import gansmith.cli as cli\ncli.main = lambda: 1 / 0\n"
    process = begin(code=code + "from gansmith.__main__ import main\nmain()")
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert err.rstrip().endswith("ZeroDivisionError: division by zero")
