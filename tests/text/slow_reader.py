"""A reader of files that hardly comes to an end, for a process of its own. It says which one in a file."""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from qwen_ui.text.confined import serve


def read(data: bytes, arguments: Sequence[str]) -> Iterator[Any]:
    Path(arguments[0]).write_text(f"{os.getpid()}\n", "utf-8")
    time.sleep(600)
    yield None


if __name__ == "__main__":
    serve(read)
