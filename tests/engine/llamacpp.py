"""llama.cpp's own server in a process of its own: ``python -m tests.engine.llamacpp FILE.gguf PORT``."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SLOTS = 4


@contextmanager
def served(gguf: Path, port: int) -> Iterator[str]:
    """Serves the model, and gives the address as ``--model`` takes it."""
    server = subprocess.Popen([sys.executable, "-m", "tests.engine.llamacpp", str(gguf), str(port)])
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.kill()
        server.wait()


def main(gguf: str, port: str) -> None:
    from xllamacpp import CommonParams, Server

    parameters = CommonParams()
    parameters.model.path, parameters.port = gguf, int(port)
    parameters.n_parallel, parameters.n_ctx, parameters.cpuparams.n_threads = SLOTS, SLOTS * 1024, 1
    server = Server(parameters)
    while server:  # it ends with the process
        time.sleep(3600)


if __name__ == "__main__":
    main(*sys.argv[1:])
