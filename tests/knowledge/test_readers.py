"""Turns at reading: so many at a time, shared among visitors, and kept until a thread has ended."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from qwen_ui.knowledge.library import Collection, Library, Upload
from qwen_ui.knowledge.passages import Part
from qwen_ui.knowledge.readers import Readers

T = TypeVar("T")

PATIENCE = 20
"""Seconds after which a test takes it that nothing will happen any more."""


class Slow:
    """Reads until the test lets it end, and counts how many do."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.running = self.most = 0
        self._lock = threading.Lock()

    def read(self) -> str:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.go.wait(2 * PATIENCE)
        with self._lock:
            self.running -= 1
        return "slow"


async def run(readers: Readers, visitor: str, work: Callable[[], T]) -> T:
    """The work, done in the visitor's turn."""
    async with readers.turn(visitor):
        return await readers.read(work)


async def until(state) -> None:
    async with asyncio.timeout(PATIENCE):
        while not state():
            await asyncio.sleep(0.01)


async def test_at_most_so_many_are_read_at_a_time_and_of_one_visitor_fewer():
    readers, slow = Readers(3, each=2), Slow()
    ann = [asyncio.create_task(run(readers, "ann", slow.read)) for _ in range(5)]
    await until(lambda: slow.running == 2)
    bob = [asyncio.create_task(run(readers, "bob", slow.read)) for _ in range(5)]
    await until(lambda: slow.running == 3)
    slow.go.set()
    assert await asyncio.gather(*ann, *bob) == ["slow"] * 10
    assert slow.most == 3


async def test_a_visitors_next_file_waits_behind_those_that_wait():
    readers, slow, order = Readers(1, each=1), Slow(), list[str]()
    first = asyncio.create_task(run(readers, "ann", slow.read))
    await until(lambda: slow.running)
    rest = [asyncio.create_task(run(readers, who, partial(order.append, who))) for who in ("ann", "bob", "cat")]
    await asyncio.sleep(0)
    slow.go.set()
    await asyncio.gather(first, *rest)
    assert order == ["bob", "cat", "ann"]


async def test_a_file_that_was_begun_keeps_its_turn_and_one_that_was_not_never_is():
    readers, slow, read = Readers(1), Slow(), list[str]()
    begun = asyncio.create_task(run(readers, "", slow.read))
    await until(lambda: slow.running)
    waiting = asyncio.create_task(run(readers, "", lambda: read.append("cancelled")))
    following = asyncio.create_task(run(readers, "", lambda: read.append("followed")))
    await asyncio.sleep(0)
    for task in (begun, waiting):
        task.cancel()
    await asyncio.wait({begun, waiting, following}, timeout=0.05)
    assert waiting.cancelled()
    assert not begun.done(), "its thread still works"
    assert not following.done()
    slow.go.set()
    await following
    assert begun.cancelled()
    assert read == ["followed"]


async def test_a_reader_that_fails_gives_its_turn_back():
    readers = Readers(1)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(run(readers, "ann", lambda: 1 / 0), PATIENCE)


async def test_one_who_adds_many_slow_files_does_not_block_anothers_single_one(tmp_path: Path, monkeypatch):
    slow = Slow()

    def convert(data, name, limits, encoding):
        return [Part(slow.read() if name == "slow.txt" else data.decode())]

    monkeypatch.setattr("qwen_ui.knowledge.library.convert", convert)
    library = Library(tmp_path / "data")
    for number in range(20):
        (tmp_path / str(number)).write_text(f"content {number}")

    async def fill(collection: Collection, name: str, numbers: range, address: str) -> list[str]:
        uploads = [Upload(tmp_path / str(number), name) for number in numbers]
        return [step.state async for step in collection.add(uploads, address) if step.state != "reading"]

    cookies = [library.create("Ann's", owner=f"ann {number}") for number in range(6)]
    many = [
        asyncio.create_task(fill(each, "slow.txt", range(3 * n, 3 * n + 3), "1.2.3.4"))
        for n, each in enumerate(cookies)
    ]
    await until(lambda: slow.running)
    one = fill(library.create("Bob's", owner="bob"), "quick.txt", range(19, 20), "5.6.7.8")
    assert await asyncio.wait_for(one, PATIENCE) == ["added"]
    slow.go.set()
    assert await asyncio.gather(*many) == [["added"] * 3] * 6
