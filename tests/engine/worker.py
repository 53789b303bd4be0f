"""A child process that stands in for ZeroGPU's worker."""

import multiprocessing
from collections.abc import Callable, Generator
from multiprocessing.connection import Connection
from typing import Any

import torch

from qwen_ui.engine.zero.jobs import Job
from qwen_ui.engine.zero.turns import OnGpu

END_SECONDS = 60


class Forked:
    """Takes the place of `spaces.GPU`: each call runs in a forked process, its job and results go through a pipe."""

    def __init__(self) -> None:
        self.children: list[Any] = []

    def __call__(self, on_gpu: OnGpu, duration: Callable[[Job], int]) -> OnGpu:
        context = multiprocessing.get_context("fork")

        def call(job: Job) -> Generator[Any, None, None]:
            assert duration(job) > 0
            ours, theirs = context.Pipe()
            child = context.Process(target=_work, args=(on_gpu, ours, theirs), daemon=True)
            self.children.append(child)
            child.start()
            theirs.close()
            try:
                ours.send(job)
                while (message := ours.recv())[0] == "result":
                    yield message[1]
                if message[0] == "error":
                    raise RuntimeError(message[1])  # the error itself may not survive the way
            finally:
                ours.close()
                child.join(END_SECONDS)

        return call


def _work(on_gpu: OnGpu, theirs: Connection, ours: Connection) -> None:
    theirs.close()
    torch.set_num_threads(1)  # the parent's OpenMP threads were not forked: waiting for them would never end
    results = on_gpu(ours.recv())
    try:
        for result in results:
            ours.send(("result", result))
        ours.send(("end", None))
    except BrokenPipeError:  # nobody listens any more: the request was stopped
        results.close()
    except Exception as error:  # noqa: BLE001  crosses over
        ours.send(("error", type(error).__name__))
