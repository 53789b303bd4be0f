"""Confined processes that are kept: for many small questions, each within a time of its own.

What `qwen_ui.text.confined` does for a file takes the start of a process, which is too long for what is asked at each
key. A module's own ``main`` is one call of `serve`; questions and answers are values of JSON.
"""

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from qwen_ui.text.confined import allow, command, confine, surroundings

_QUESTIONS = 500
"""A process is done after so many: what its parsers leave behind goes with it."""
_SLOWER = 3
"""How much longer than its processor time a question may take, on a machine with other work."""


class GaveUp(Exception):
    """The process took too long over a question, or broke down."""


class TooMany(Exception):
    """So many questions wait already that another would wait long."""


class Kept:
    """Processes of a module, started when they are needed. They end with this one."""

    def __init__(self, module: str, *, seconds: int, memory: int, processes: int = 2, waiting: int = 16) -> None:
        """``seconds`` of processor time for a question, ``memory`` in bytes of address space."""
        self._command = command(module, seconds, memory)
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(processes, "kept")
        self._idle: list[_Process] = []
        self._room = threading.BoundedSemaphore(processes + waiting)

    def ask(self, question: Any) -> Future[Any]:
        """The answer, once it is there. It raises `GaveUp`. Raises `TooMany`."""
        if not self._room.acquire(blocking=False):
            raise TooMany
        asked = self._threads.submit(self._ask, question)
        asked.add_done_callback(lambda _: self._room.release())
        return asked

    def _ask(self, question: Any) -> Any:
        process = self._take()
        try:
            answer = process.ask(question, _SLOWER * self._seconds)
        except BaseException:
            process.end()
            raise
        if process.asked < _QUESTIONS:
            self._idle.append(process)
        else:
            process.end()
        return answer

    def _take(self) -> "_Process":
        while self._idle:
            process = self._idle.pop()
            if process.lives:
                return process
            process.end()
        return _Process(self._command)


class _Process:
    """One of them, used by one thread at a time."""

    def __init__(self, arguments: list[str]) -> None:
        self._process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **surroundings()
        )
        self.asked = 0

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    def ask(self, question: Any, seconds: float) -> Any:
        """The answer. Raises `GaveUp`."""
        assert self._process.stdin and self._process.stdout
        self.asked += 1
        deadline = threading.Timer(seconds, self._process.kill)
        deadline.start()
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = b""
        finally:
            deadline.cancel()
        if not answer.endswith(b"\n"):
            raise GaveUp
        return json.loads(answer)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):  # what could not be written to it any more
                pipe.close()  # type: ignore[union-attr]


def serve(answer: Callable[[Any], Any]) -> None:
    """Answers each line of standard input with one of standard output, confined: all that `Kept` waits for."""
    seconds, memory = map(int, sys.argv[1:])
    logging.disable()  # parsers quote what they read
    if hasattr(os, "nice"):
        os.nice(5)  # the model goes first
    confine(memory)
    questions, out = sys.stdin.buffer, sys.stdout
    with contextlib.redirect_stdout(sys.stderr):  # standard output is for the answers alone
        for question in questions:
            allow(seconds)
            out.write(json.dumps(answer(json.loads(question))) + "\n")
            out.flush()
