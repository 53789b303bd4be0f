"""Visitors for the load test: each does one thing with the running app, over plain HTTP, and says how it went."""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

import httpx

Outcome = Literal["whole", "refused", "left", "wrong"]
MARK = re.compile(r"\bzq[0-9a-f]{8}\b")
"""Every prompt carries one of these: an answer with another's holds another's text."""
PATIENCE = 180.0
"""Seconds that a visitor waits for the next news."""


@dataclass(frozen=True, slots=True)
class Visited:
    """How one request went."""

    kind: str
    outcome: Outcome
    detail: str = ""
    """Of a refusal its sentence; of what is wrong, what."""


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event of a call."""

    name: str
    data: Any


def address_of(number: int) -> str:
    """Where the visitor of that number comes from."""
    return f"10.64.{number // 250}.{number % 250 + 1}"


class Visitor:
    """A visitor with an address of its own, which the app takes from a trusted proxy's header."""

    def __init__(self, http: httpx.AsyncClient, number: int, dice: random.Random, marks: set[str]) -> None:
        """``marks`` are everybody's; a visitor adds its own."""
        self._http = http
        self._dice = dice
        self._marks = marks
        self._headers = {"x-forwarded-for": address_of(number)}

    async def visit(self) -> Visited:
        """Does one of the things that visitors do."""
        kinds: tuple[tuple[int, Callable[[], Coroutine[Any, Any, Visited]]], ...] = (
            (6, self._chat),
            (2, self._translate),
            (3, self._sentiment),
            (2, self._ask),
            (2, self._close),
            (1, self._never_read),
            (2, self._nonsense),
        )
        (does,) = self._dice.choices([does for _, does in kinds], [weight for weight, _ in kinds])
        kind = does.__name__.strip("_")
        try:
            return await does()
        except (httpx.HTTPError, TimeoutError, ValueError) as error:
            return Visited(kind, "wrong", f"{type(error).__name__}: {error}")

    async def _chat(self) -> Visited:
        mark = self._mark()
        topic = self._dice.choice(["the sea", "a cat", "bread", "a journey", "rain", "old books"])
        prompt = f"The word of the day is {mark}. Write about {topic} and use the word of the day."
        return await self._judged("chat", mark, [prompt, [], "", self._dice.randint(8, 48), 0.7, 0.8, 20])

    async def _translate(self) -> Visited:
        mark = self._mark()
        return await self._judged("translate", mark, [f"Good morning, {mark}. It rains.", "French", "en", ""])

    async def _ask(self) -> Visited:
        mark = self._mark()
        return await self._judged("ask", mark, ["What is the code?", f"The code of the door is {mark}.", ""])

    async def _sentiment(self) -> Visited:
        mark = self._mark()
        return await self._judged("sentiment", mark, [f"I love this, {mark}!", "positive,negative"])

    async def _nonsense(self) -> Visited:
        bad: tuple[tuple[str, list[Any]], ...] = (
            ("chat", ["", [], "", 16, 0.7, 0.8, 20]),
            ("chat", ["x " * 200_000, [], "", 16, 0.7, 0.8, 20]),
            ("chat", ["hi", "nonsense", "", 16, 0.7, 0.8, 20]),
            ("chat", ["hi", [], "", -5, 99, 0.8, 20]),
            ("translate", ["hello", "Klingon", "auto", ""]),
            ("sentiment", ["hello", "one"]),
            ("ask", ["hello", "", "no such collection"]),
            ("code", ["x", "cobol-2099", "generate", ""]),
        )
        name, values = self._dice.choice(bad)
        last = await self._last(name, values)
        sentence = str(last.data)
        if last.name == "error" and sentence not in {"", "None"}:
            return Visited("nonsense", "refused", sentence[:80])
        return Visited("nonsense", "wrong", f"{name} took {values!r:.60}")

    async def _close(self) -> Visited:
        """Closes the tab after some news."""
        async with self._events("chat", self._story()) as events:
            for _ in range(self._dice.randint(1, 6)):
                if (await anext(events, None)) is None:
                    break
        return Visited("close", "left")

    async def _never_read(self) -> Visited:
        """Opens the stream, and reads nothing of it for a while."""
        async with self._events("chat", self._story()):
            await asyncio.sleep(self._dice.uniform(2, 8))
        return Visited("never_read", "left")

    def _story(self) -> list[Any]:
        return [f"Tell a long story about {self._mark()}.", [], "", 256, 0.7, 0.8, 20]

    def _mark(self) -> str:
        mark = f"zq{self._dice.getrandbits(32):08x}"
        self._marks.add(mark)
        return mark

    async def _judged(self, name: str, mark: str, values: list[Any]) -> Visited:
        """The last news: whole, with no mark of another's; or a refusal."""
        last = await self._last(name, values)
        if last.name == "error":
            sentence = str(last.data)
            return Visited(name, "refused" if sentence not in {"", "None"} else "wrong", sentence[:80])
        # A small model makes mistakes when it copies its own mark: only one that was given out is another's.
        if foreign := (set(MARK.findall(json.dumps(last.data))) & self._marks) - {mark}:
            return Visited(name, "wrong", f"another's mark: {foreign}")
        if last.name != "complete" or not last.data or last.data[0] is None:
            return Visited(name, "wrong", f"it ended with {last.name}: {last.data!r:.60}")
        return Visited(name, "whole")

    async def _last(self, name: str, values: list[Any]) -> Event:
        last = Event("nothing", None)
        async with self._events(name, values) as events:
            async for last in events:
                if last.name in {"complete", "error"}:
                    break
        return last

    @asynccontextmanager
    async def _events(self, name: str, values: list[Any]) -> AsyncIterator[AsyncIterator[Event]]:
        """Calls the endpoint as Gradio's own clients do: https://www.gradio.app/guides/querying-gradio-apps-with-curl."""
        call = f"/gradio_api/call/{name}"
        answer = await self._http.post(call, json={"data": values}, headers=self._headers)
        answer.raise_for_status()
        path = f"{call}/{answer.json()['event_id']}"
        async with self._http.stream("GET", path, headers=self._headers, timeout=PATIENCE) as stream:
            yield _parsed(stream.aiter_lines())


async def _parsed(lines: AsyncIterator[str]) -> AsyncIterator[Event]:
    name = ""
    async for line in lines:
        if line.startswith("event:"):
            name = line.removeprefix("event:").strip()
        elif line.startswith("data:") and name != "heartbeat":
            yield Event(name, json.loads(line.removeprefix("data:")))
