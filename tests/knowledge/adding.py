"""Adding files for tests that are not about time."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from qwen_ui.knowledge.library import Collection, Step, Upload


def add(collection: Collection, uploads: Sequence[Upload], address: str = "") -> list[Step]:
    """All steps of adding the files."""

    async def steps() -> list[Step]:
        return [step async for step in collection.add(uploads, address)]

    with ThreadPoolExecutor(1) as thread:  # a browser's test has a loop in its own
        return thread.submit(asyncio.run, steps()).result()


def outcomes(collection: Collection, uploads: Sequence[Upload], address: str = "") -> list[Step]:
    """How each file went."""
    return [step for step in add(collection, uploads, address) if step.state != "reading"]


def states(collection: Collection, uploads: Sequence[Upload], address: str = "") -> list[str]:
    """The same in a word."""
    return [step.state for step in outcomes(collection, uploads, address)]
