"""Keeps the memory that loading passes through from staying with the process."""

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""From glibc's malloc.h; see mallopt(3)."""
LOADING_THRESHOLD = 1 << 20
USUAL_THRESHOLD = 32 << 20
"""Where glibc's own threshold ends up once large blocks have been freed; the trim threshold is twice that."""


@contextmanager
def returned() -> Iterator[None]:
    """While it lasts, glibc gives each large block back to the system as soon as it is freed.

    Packing weights makes large temporary copies between small lasting ones. By default the holes that these
    leave in the heap are never used again: a model of 0.5 billion parameters then peaks at 1.4 GB instead of 0.3.
    Other C libraries are left alone.
    """
    if platform.libc_ver()[0] != "glibc":
        yield
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(M_MMAP_THRESHOLD, LOADING_THRESHOLD)
    try:
        yield
    finally:
        libc.mallopt(M_MMAP_THRESHOLD, USUAL_THRESHOLD)
        libc.mallopt(M_TRIM_THRESHOLD, 2 * USUAL_THRESHOLD)
