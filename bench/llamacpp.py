"""llama.cpp's own server in a process of its own: ``python -m bench.llamacpp FILE.gguf PORT SLOTS THREADS``."""

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SLOT_TOKENS = 1024
START_SECONDS = 60


@contextmanager
def served(gguf: Path, port: int, slots: int = 4, threads: int = 1) -> Iterator[str]:
    """Serves the model to so many at once, and gives the address as ``--model`` takes it."""
    arguments = [str(gguf), *map(str, (port, slots, threads))]
    server = subprocess.Popen([sys.executable, "-m", "bench.llamacpp", *arguments])
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.kill()
        server.wait()


def wait_until_loaded(address: str) -> None:
    """Returns once the server answers. Raises `TimeoutError` when it doesn't in time."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{address}/models", timeout=5).close()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"No llama.cpp at {address} after {START_SECONDS} s.")


def main(gguf: str, port: str, slots: str, threads: str) -> None:
    """Serves until the process ends."""
    from xllamacpp import CommonParams, Server  # noqa: PLC0415  only in the child

    parameters = CommonParams()
    parameters.model.path, parameters.port = gguf, int(port)
    parameters.n_parallel, parameters.n_ctx = int(slots), int(slots) * SLOT_TOKENS
    parameters.cpuparams.n_threads = int(threads)
    server = Server(parameters)
    while server:
        time.sleep(3600)


if __name__ == "__main__":
    main(*sys.argv[1:])
