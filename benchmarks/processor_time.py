"""Run `gansmith` or a script by processor time, on one thread.

    python benchmarks/processor_time.py train digits --budget 60s
    python benchmarks/processor_time.py reference/textbook_dcgan.py digits --seconds 600

The clocks of the process tell the processor time that it has used, so a budget in seconds holds
the same work whatever else the machine does. It must be one thread's: the time of several is their
sum.
"""

import os
import runpy
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def command(*words: str) -> list[str]:
    """What starts this file in a process of its own."""
    return [sys.executable, str(HERE / "processor_time.py"), *words]


def main() -> None:
    """Change the clocks before anything else is imported, and go."""
    os.environ["OMP_NUM_THREADS"] = "1"
    time.monotonic = time.perf_counter = time.process_time
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name.endswith(".py"):
        sys.argv = sys.argv[1:]
        runpy.run_path(str(HERE / name), run_name="__main__")
        return
    from gansmith.__main__ import main as gansmith

    gansmith()


if __name__ == "__main__":
    main()
