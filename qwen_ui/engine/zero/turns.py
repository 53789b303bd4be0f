"""One request at a time gets the GPU; the others wait in line and know their place."""

import asyncio
import contextvars
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from qwen_ui.engine.queue import WaitingLine
from qwen_ui.engine.zero.jobs import Job
from qwen_ui.errors import EngineFailed, NotReady, QwenUIError

log = logging.getLogger(__name__)

OnGpu = Callable[[Job], Generator[Any, None, None]]
"""Does a job where the GPU is: in a process of its own on ZeroGPU, right here elsewhere."""
CLOSE_SECONDS = 10
"""How long the closing waits for a job that can't be interrupted; the process ends without it then."""

_END = object()
_CLOSING = "The server is shutting down."


@dataclass(frozen=True, slots=True)
class Place:
    """Where in line a request is; 0 is its turn."""

    number: int


class Gpu:
    """The function that has the GPU, and the line in front of it. Used from one event loop; closed from anywhere."""

    def __init__(self, on_gpu: OnGpu, max_waiting: int) -> None:
        self.on_gpu = on_gpu
        self.queue = WaitingLine(1, max_waiting)
        self._closed = False
        self._turn: Turn | None = None

    def begin(self, turn: "Turn") -> None:
        """Notes whose turn it is. Raises `NotReady` once the engine is closed."""
        if self._closed:
            raise NotReady(_CLOSING)
        self._turn = turn

    def close(self) -> None:
        """Ends the job that runs, and waits for that. Blocks: not for the event loop."""
        self._closed = True
        if self._turn is not None:
            self._turn.stop(NotReady(_CLOSING))
            self._turn.join(CLOSE_SECONDS)


class Turn:
    """One job's way to the GPU and back.

    The sync generator that has the GPU is read in a thread of its own, so the event loop never waits for it. The place
    at the GPU is given back when that thread has ended: what was stopped may need until its next token.
    """

    def __init__(self, gpu: Gpu, job: Job) -> None:
        self._gpu = gpu
        self._job = job
        self._inbox: asyncio.Queue[Any] = asyncio.Queue()  # places, then results, then _END or what went wrong
        self._loop = asyncio.get_running_loop()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def stop(self, error: QwenUIError | None = None) -> None:
        """Ends the job soon, with the error if there is one. Any thread may call it."""
        self._stopped.set()
        self._tell(self._inbox.put_nowait, error or _END)

    def join(self, seconds: float) -> None:
        """Waits until the GPU is free of the job."""
        if self._thread is not None:
            self._thread.join(seconds)

    async def events(self) -> AsyncGenerator[Any, None]:
        """`Place`s while it waits, then the job's results. To be closed by whoever does not read it to its end.

        Raises `Busy` when the line is full, `NotReady` when the engine is closed, and `EngineFailed`.
        """
        try:
            with ExitStack() as place:
                place.enter_context(self._gpu.queue.enter(self._moved))
                while (event := await self._inbox.get()) != Place(0):
                    if event is _END:
                        return
                    yield event
                if self._stopped.is_set():
                    return
                self._gpu.begin(self)
                self._start(place.pop_all())
            while (event := await self._inbox.get()) is not _END:
                if isinstance(event, QwenUIError):
                    raise event
                if isinstance(event, Exception):
                    raise EngineFailed(_sentence(event)) from event
                yield event
        finally:
            self._stopped.set()

    def _moved(self, place: int) -> None:
        self._inbox.put_nowait(Place(place))

    def _start(self, place: ExitStack) -> None:
        # The context tells the platform which visitor asks: the GPU's time is counted against theirs.
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._read, place), name="gpu-job", daemon=True)
        self._thread.start()

    def _read(self, place: ExitStack) -> None:
        end: Any = _END
        try:
            results = self._gpu.on_gpu(self._job)
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


def _sentence(error: Exception) -> str:
    """What went wrong, for a person. The errors of ``spaces`` are Gradio's, with a title and a message for visitors."""
    message = getattr(error, "message", None)
    if message is None:
        return f"The GPU could not finish this ({type(error).__name__}). Try again."
    return f"{getattr(error, 'title', 'GPU')}: {message}"
