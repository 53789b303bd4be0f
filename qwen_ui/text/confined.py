"""Complex files are read by a process of their own, within limits: whatever they do to it, this one stays well.

`run` starts a module as that process; the module's own `main` is one call of `serve`. The file's bytes go to its
standard input, and values come back from its standard output, as JSON, one a line.
"""

import contextlib
import io
import json
import logging
import math
import os
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.sentences import Sentence
from qwen_ui.text.decode import Candidate, UncertainEncoding

_ROOT = Path(__file__).resolve().parents[2]
_MAX_ENTRIES = 10_000
LOOK = 0.5
"""Seconds between two looks for the process that waits for this one."""


class Unreadable(InvalidInput):
    """A file that can't be used. Its sentence names the file as {file}."""


class Refused(Exception):
    """The file can't be used, says the process that reads it.

    The template is a literal where this is raised, as with the app's own errors; {file} in it stands for the file's
    name, which only the process that waits for this one knows.
    """

    def __init__(self, template: str, /, **values: str | int) -> None:
        super().__init__(template)
        self.template = template
        self.values = values


def run(module: str, arguments: Sequence[str], data: bytes, file: str, *, seconds: int, memory: int) -> list[Any]:
    """What the module makes of the file's data. ``memory`` is in bytes of address space.

    A system may not be able to hold a process to its memory; Windows is one that can't. Raises `Unreadable` for what
    the process refuses, breaks down over, or takes too long for, and `UncertainEncoding` where it does.
    """
    try:
        done = subprocess.run(
            command(module, seconds, memory, *arguments),
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
            **surroundings(),
        )
    except subprocess.TimeoutExpired:
        raise Unreadable(
            "{file} takes longer to read than the {limit:,} seconds that are allowed.", file=file, limit=seconds
        ) from None
    if done.returncode:
        raise Unreadable("{file} can't be read: its reader broke down over it, or ran out of memory.", file=file)
    answer = [json.loads(line) for line in io.BytesIO(done.stdout)]
    last = answer[-1] if answer and isinstance(answer[-1], dict) else {}
    if candidates := last.get("uncertain"):
        raise UncertainEncoding(file, [Candidate(encoding, tuple(preview)) for encoding, *preview in candidates])
    if refused := last.get("refused"):
        # No literal here, as everywhere else: it stands where the reader, in its own process, refused the file.
        raise Unreadable(refused["template"], **{**refused["values"], "file": file})
    return answer


def command(module: str, seconds: int, memory: int, *arguments: str) -> list[str]:
    """What starts a module as a confined process."""
    return [sys.executable, "-m", module, str(seconds), str(memory), *arguments]


def surroundings() -> dict[str, Any]:
    """Where it runs, as `subprocess` takes it."""
    # Each thread of these libraries would set address space aside, for work that needs one.
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONUTF8": "1"}
    return {"cwd": _ROOT, "env": environment}


def packed(sentence: Sentence) -> dict[str, Any]:
    """A sentence on its way between two processes. Its values are text, numbers or sentences."""
    values = {name: packed(value) if isinstance(value, Sentence) else value for name, value in sentence.values.items()}
    return {"template": sentence.template, "values": values}


def unpacked(data: dict[str, Any]) -> Sentence:
    """The sentence that `packed` packed."""
    values = {name: unpacked(value) if isinstance(value, dict) else value for name, value in data["values"].items()}
    return Sentence(data["template"], **values)


def serve(read: Callable[[bytes, Sequence[str]], Iterable[Any]]) -> None:
    """Answers with what `read` makes of standard input and of the arguments, confined: all that `run` waits for."""
    seconds, memory, *arguments = sys.argv[1:]
    logging.disable()  # parsers log each oddity of a file
    data, out = sys.stdin.buffer.read(), sys.stdout
    threading.Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    confine(int(memory))
    allow(int(seconds))
    with contextlib.redirect_stdout(sys.stderr):  # standard output is for the answer alone
        for value in _answers(read, data, arguments):
            out.write(json.dumps(value) + "\n")


def check_package(data: bytes, max_unpacked: int) -> None:
    """Refuses packages (zip) that are damaged or encrypted, or that would unpack to more than is safe."""
    try:
        entries = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except zipfile.BadZipFile:
        raise Refused("{file} is damaged, or not what its extension says.") from None
    if len(entries) > _MAX_ENTRIES:
        raise Refused("{file} unpacks to more than {limit:,} files.", limit=_MAX_ENTRIES)
    if (size := sum(entry.file_size for entry in entries)) > max_unpacked:
        raise Refused(
            "{file} unpacks to more than is possible: it unpacks to {size:,} MB, and {limit:,} MB are allowed.",
            size=size // 1_000_000,
            limit=max_unpacked // 1_000_000,
        )
    if any(entry.flag_bits & 1 for entry in entries):
        raise Refused("{file} is protected with a password. Save it without one.")


def _answers(
    read: Callable[[bytes, Sequence[str]], Iterable[Any]], data: bytes, arguments: Sequence[str]
) -> Iterable[Any]:
    """What is read, ended by a refusal where a parser raises whatever it may raise."""
    try:
        yield from read(data, arguments)
    except Refused as refused:
        yield {"refused": {"template": refused.template, "values": refused.values}}
    except UncertainEncoding as error:
        yield {"uncertain": [[candidate.encoding, *candidate.preview] for candidate in error.candidates]}
    except QwenUIError as error:
        yield {"refused": packed(error.sentence)}
    except MemoryError:
        yield {"refused": packed(Sentence("{file} needs more memory to be read than is allowed."))}
    except Exception as error:  # noqa: BLE001  the parsers of damaged files raise anything
        damaged = Sentence(
            "{file} can't be read: damaged, or not what its extension says ({error}).", error=type(error).__name__
        )
        yield {"refused": packed(damaged)}


def confine(memory: int) -> None:
    """Takes from this process what a hostile text could use: memory, the network, other programs."""
    _limit("RLIMIT_AS", memory)
    _limit("RLIMIT_CORE", 0)
    sys.addaudithook(_refuse)


def _end_with(parent: int) -> None:
    """Ends this process once its parent has, which nobody can wait for any more. Windows does not tell of that."""
    while os.getppid() == parent:
        time.sleep(LOOK)
    os._exit(1)


def allow(seconds: int) -> None:
    """Gives this process so many more seconds of processor time, whatever it is in when they are over."""
    _limit("RLIMIT_CPU", math.ceil(time.process_time()) + seconds)


def _limit(kind: str, limit: int) -> None:
    with contextlib.suppress(ImportError):  # Windows
        import resource  # noqa: PLC0415

        with contextlib.suppress(AttributeError, ValueError, OSError):  # some systems don't have them all
            number = getattr(resource, kind)
            resource.setrlimit(number, (limit, resource.getrlimit(number)[1]))


def _refuse(event: str, _: tuple[Any, ...]) -> None:
    if event in {"socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn"}:
        raise PermissionError(f"{event} is not allowed while a document is read")
