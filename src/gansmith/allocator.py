"""What the C library does with memory that is given back: by default it hands it to the system.

A training step asks for the same few hundred tensors as the one before. glibc takes a large one
from the system by itself (mmap), and gives the end of its heap back as soon as it is free, so that
each step faults its pages in again, zeroed by the kernel: a tenth of a step of the default net on
two CPU cores, in the system's time (docs/performance.md). What is computed does not depend on it.
"""

import ctypes
import os
import platform
import sys

# Of <malloc.h>: parameters of mallopt(3).
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
KEPT = 2**31 - 1  # bytes at the end of the heap that are not given back: as much as an int can say
AT_ONCE = 64 * 2**20  # bytes by which the heap grows
THEIRS = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_MMAP_MAX_", "LD_PRELOAD")


def keep_memory() -> bool:
    """Let this process keep what it frees, for the next step: whether that could be asked for.

    Only of glibc (Linux), and not where the user has chosen: by glibc's own variables, or by
    another allocator that is loaded before it. It may be called again.
    """
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return False
    if any(name in os.environ for name in (*THEIRS, "GLIBC_TUNABLES")):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    wanted = ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, KEPT), (M_TOP_PAD, AT_ONCE))
    answers = [mallopt(name, value) for name, value in wanted]  # ask for each, whatever the others
    return answers == [1] * len(wanted)
