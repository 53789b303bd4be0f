"""Lets whoever chats go first: training takes what the machine has left."""

import os
import sys

import psutil

LOWEST = 19


def lower(niceness: int) -> None:
    """Lowers this process and the threads that it will start; 0 leaves it as it is. Before torch is imported, or its
    threads keep theirs."""
    if sys.platform == "win32":
        psutil.Process().nice(psutil.IDLE_PRIORITY_CLASS if niceness else psutil.NORMAL_PRIORITY_CLASS)
    else:
        os.nice(niceness)
