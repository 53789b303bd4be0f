"""Lets whoever chats go first: training takes what the machine has left."""

import os
import sys

import psutil

LOWEST = 19


def lower() -> None:
    """Lowers this process and the threads that it will start. Before torch is imported, or its threads keep theirs."""
    if sys.platform == "win32":
        psutil.Process().nice(psutil.IDLE_PRIORITY_CLASS)
        return
    os.nice(LOWEST)
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
