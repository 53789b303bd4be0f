"""One request at a time gets the GPU; the others wait in the queue and know their position."""

import asyncio
import contextvars
import logging
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from qwen_ui.engine.queue import RequestQueue
from qwen_ui.engine.zero.jobs import Job
from qwen_ui.errors import EngineFailed, NotReady, QwenUIError

log = logging.getLogger(__name__)

OnGpu = Callable[[Job], Generator[Any, None, None]]
"""Does a job where the GPU is: in a process of its own on ZeroGPU, right here elsewhere."""
CLOSE_SECONDS = 10
"""How long the closing waits for a job that can't be interrupted; the process ends without it then."""

_END = object()


@dataclass(frozen=True, slots=True)
class Position:
    """Where in the queue a request is; 0 is its turn."""

    number: int


class Gpu:
    """The function that has the GPU, and the queue in front of it. Used from one event loop; closed from anywhere."""

    def __init__(self, on_gpu: OnGpu, max_waiting: int) -> None:
        self.on_gpu = on_gpu
        self.queue = RequestQueue(1, max_waiting)
        self._closed = False
        self._turn: Turn | None = None

    def check_open(self) -> None:
        """Raises `NotReady` once the engine is closed."""
        if self._closed:
            raise _closing()

    def begin(self, turn: "Turn") -> None:
        """Notes whose turn it is. Raises `NotReady` once the engine is closed."""
        self.check_open()
        self._turn = turn

    def close(self) -> None:
        """Ends the job that runs, and waits for that. Blocks: not for the event loop."""
        self._closed = True
        if self._turn is not None:
            self._turn.stop(_closing())
            self._turn.join(CLOSE_SECONDS)


class Turn:
    """A request's way to the GPU and back: it is in the queue for as long as this context lasts.

    Iterate it for `Position`s while it waits, then the results of the job that was submitted.
    The sync generator that has the GPU is read in a thread of its own, so the event loop never waits for it. The place
    at the GPU is given back when that thread has ended: what was stopped may need until its next token.
    """

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._job: Job | None = None
        self._inbox: asyncio.Queue[Any] = asyncio.Queue()  # positions, then results, then _END or what went wrong
        self._loop = asyncio.get_running_loop()
        self._stopped = threading.Event()
        self._place = ExitStack()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Turn":
        """Raises `Busy` when the queue is full, `NotReady` when the engine is closed."""
        self._gpu.check_open()
        self._place.enter_context(self._gpu.queue.enter(self._moved))
        return self

    def __exit__(self, *exception: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Gives the place back, or has the thread that took it over do so soon. Leaving twice does no harm."""
        self._stopped.set()
        self._place.close()

    def submit(self, job: Job) -> None:
        """Hands in what is to be done on the GPU."""
        self._job = job

    def stop(self, error: QwenUIError | None = None) -> None:
        """Ends the job soon, with the error if there is one. Any thread may call it."""
        self._stopped.set()
        self._tell(self._inbox.put_nowait, error or _END)

    def join(self, seconds: float) -> None:
        """Waits until the GPU is free of the job."""
        if self._thread is not None:
            self._thread.join(seconds)

    def __aiter__(self) -> "Turn":
        return self

    async def __anext__(self) -> Any:
        """Raises `EngineFailed`, and `NotReady` when the engine is closed meanwhile."""
        event = await self._inbox.get()
        if event == Position(0):
            self._start()
            event = await self._inbox.get()
        if event is _END:
            raise StopAsyncIteration
        if isinstance(event, QwenUIError):
            raise event
        if isinstance(event, Exception):
            raise _failure(event) from event
        return event

    def _moved(self, position: int) -> None:
        self._inbox.put_nowait(Position(position))

    def _start(self) -> None:
        self._gpu.begin(self)
        # The context tells the platform which visitor asks: the GPU's time is counted against theirs.
        work = contextvars.copy_context().run
        self._thread = threading.Thread(
            target=work, args=(self._read, self._job, self._place.pop_all()), name="gpu-job", daemon=True
        )
        self._thread.start()

    def _read(self, job: Job, place: ExitStack) -> None:
        end: Any = _END
        try:
            results = self._gpu.on_gpu(job)
            try:
                while not self._stopped.is_set() and (result := next(results, _END)) is not _END:
                    self._tell(self._inbox.put_nowait, result)
            finally:
                results.close()
        except Exception as error:
            log.warning("The GPU did not finish a job", exc_info=error)
            end = error
        finally:
            self._tell(place.close)
            self._tell(self._inbox.put_nowait, end)

    def _tell(self, call: Callable[..., None], *args: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *args)


def _closing() -> NotReady:
    return NotReady("The server is shutting down.")


def _failure(error: Exception) -> EngineFailed:
    """What went wrong, for a person. The errors of ``spaces`` are Gradio's, with a title and a message for visitors."""
    message = getattr(error, "message", None)
    if message is None:
        return EngineFailed("The GPU could not finish this ({kind}). Try again.", kind=type(error).__name__)
    return EngineFailed("{title}: {message}", title=getattr(error, "title", "GPU"), message=message)
