"""Work in a thread gives its result, and ends early when nobody waits for it."""

import asyncio
import threading

import pytest

from qwen_ui.engine.threads import Checkpoint, in_thread


async def test_the_result_and_an_error_come_back() -> None:
    assert await in_thread(lambda checkpoint: threading.current_thread() is threading.main_thread()) is False
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda checkpoint: 1 // 0)


async def test_cancelled_work_ends_at_its_next_checkpoint() -> None:
    begun, cancelled, ended = threading.Event(), threading.Event(), threading.Event()

    def work(checkpoint: Checkpoint) -> None:
        try:
            checkpoint()
            begun.set()
            cancelled.wait()
            checkpoint()
            begun.clear()
        finally:
            ended.set()

    waiting = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(begun.wait)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    cancelled.set()
    await asyncio.to_thread(ended.wait)
    assert begun.is_set()
