"""One answer of a remote server, as it comes."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, suppress
from typing import Any

from openai import AsyncStream

from qwen_ui.engine.remote.calling import Calls
from qwen_ui.errors import EngineFailed
from qwen_ui.messages import Chunk, Ended, Usage
from qwen_ui.text.growing import SureText

Events = AsyncStream[object]
"""What the server sends as it is in JSON: an object of openai's classes for each token takes ten times as long."""
Open = Callable[[], Awaitable[Events]]
"""Sends the request; what it gives is the answer's beginning."""


class RemoteStream:
    """See `qwen_ui.engine.base.Stream`. What the server sends is taken in by a task of its own.

    So it can be stopped while nothing comes, and what came together is passed on together.
    """

    def __init__(self, open_: Open, told: Callable[[], AbstractContextManager[None]], cost: "Cost", text: SureText):
        self._open, self._told, self._cost, self._text = open_, told, cost, text
        self._loop = asyncio.get_running_loop()
        self._news: asyncio.Queue[int | str | Exception | None] = asyncio.Queue()
        """Positions in the queue, pieces of text, and at the end None or an error."""
        self._taking: asyncio.Task[None] | None = None
        self._cancelled = False
        self._over = False
        self.leave: Callable[[], None] = lambda: None
        """Called once nothing is asked of the server any more."""

    def moved(self, position: int) -> None:
        """Its place in the queue is another one; at 0 it is asked."""
        if position:
            self._news.put_nowait(position)
        elif not self._cancelled:
            self._taking = self._loop.create_task(self._take())

    def __aiter__(self) -> AsyncIterator[Chunk]:
        return self

    async def __anext__(self) -> Chunk:
        while not self._over:
            news = await self._news.get()
            if isinstance(news, int):
                return Chunk(position=news)
            if isinstance(news, str):
                text = self._text.push(self._all_that_came(news))
                if self._text.stopped:  # the server goes on where it should have ended
                    self._stop()
                if text:
                    return Chunk(text)
                continue
            self._over = True
            await self.close()
            if isinstance(news, Exception):
                raise news
            ended: Ended = "stop" if self._text.stopped else "cancelled" if self._cancelled else self._cost.ended
            return Chunk(self._text.finish(), usage=self._cost.usage(ended))
        raise StopAsyncIteration

    def cancel(self) -> None:
        """Ends the generation soon; what is left of its text and its usage still come. Any thread may call it."""
        self._loop.call_soon_threadsafe(self._cancel)

    async def close(self) -> None:
        """Ends the request, whose connection is closed then: the server computes no more for it."""
        if self._taking is not None:
            self._taking.cancel()
            with suppress(asyncio.CancelledError):
                await self._taking
        self.leave()

    def _cancel(self) -> None:
        self._cancelled = True
        self._stop()

    def _stop(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
        self._news.put_nowait(None)

    def _all_that_came(self, first: str) -> str:
        parts = [first]
        while not self._news.empty():
            news = self._news.get_nowait()
            if not isinstance(news, str):
                self._news.put_nowait(news)  # nothing comes after it
                break
            parts.append(news)
        return "".join(parts)

    async def _take(self) -> None:
        try:
            with self._told():
                async with await self._open() as events:
                    async for event in events:
                        if text := self._cost.take(event):
                            self._news.put_nowait(text)
                self._cost.check()
                if text := self._cost.calls.text:
                    self._news.put_nowait(text)
        except Exception as error:  # noqa: BLE001  crosses over to whoever reads the stream
            self._news.put_nowait(error)
        else:
            self._news.put_nowait(None)


class Cost:
    """What an answer costs: as the server counts it where it does, else by the pieces that came."""

    def __init__(self, address: str, prompt_tokens: int, context_length: int, dropped: int) -> None:
        self._address = address
        self._context_length = context_length
        self._dropped = dropped
        self._prompt_tokens = prompt_tokens
        self._reused = 0
        self._new_tokens: int | None = None
        self._pieces = 0
        self._started = time.monotonic()
        self._first = self._last = 0.0
        self._finish = ""
        self.calls = Calls()
        """What the answer calls."""

    def take(self, event: Any) -> str:
        """The text of what came."""
        if usage := event.get("usage"):
            self._prompt_tokens, self._new_tokens = usage["prompt_tokens"], usage["completion_tokens"]
            self._reused = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
        if not event.get("choices"):
            return ""
        choice = event["choices"][0]
        self._finish = choice.get("finish_reason") or self._finish
        delta = choice.get("delta") or {}
        called = self.calls.take(delta)
        text: str = delta.get("content") or choice.get("text") or ""
        if text or called:
            self._last = time.monotonic()
            self._first = self._first or self._last
            self._pieces += 1
        return text

    def check(self) -> None:
        """Raises `EngineFailed` where the answer has no end."""
        if not self._finish:
            raise EngineFailed(
                "The server at {address} broke off in the middle of the answer. Try again.", address=self._address
            )

    @property
    def ended(self) -> Ended:
        """Why the server ended it."""
        return "length" if self._finish == "length" else "stop"

    def usage(self, ended: Ended) -> Usage:
        """What it cost."""
        tokens = self._pieces if self._new_tokens is None else self._new_tokens
        seconds = self._last - self._first
        return Usage(
            prompt_tokens=self._prompt_tokens,
            new_tokens=tokens,
            reused_tokens=self._reused,
            seconds_to_first_token=(self._first or time.monotonic()) - self._started,
            tokens_per_second=(tokens - 1) / seconds if seconds > 0 and tokens > 1 else 0.0,
            ended=ended,
            context_length=self._context_length,
            dropped_messages=self._dropped,
        )
