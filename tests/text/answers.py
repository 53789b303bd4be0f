"""What the tests of kept processes ask."""

import os
import re
import signal
import time
from collections.abc import Sequence
from typing import Any

from qwen_ui.text.kept import serve


def answer(question: Sequence[Any]) -> Any:
    kind, value = question
    if kind == "compute":
        while True:
            value += 1
    if kind == "compute for":
        end = time.process_time() + value
        while time.process_time() < end:
            pass
    if kind == "hold the interpreter":
        re.match("(?:a|a)+b", "a" * 99)
    if kind == "sleep":
        time.sleep(60)
    if kind == "fill the memory":
        return "a" * 10**9
    if kind == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if kind == "exit":
        raise SystemExit
    return [value, os.getpid()]


if __name__ == "__main__":
    serve(answer)
