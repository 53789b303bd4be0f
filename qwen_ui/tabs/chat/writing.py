"""Answers of one conversation that are written at the same time: meanwhile nobody else changes the conversation."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace

from qwen_ui.engine.base import Engine
from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Answer, Message
from qwen_ui.tabs.chat.nodes import Chat
from qwen_ui.tabs.chat.task import Result

TOGETHER = 4
"""Answers that may be written at once for one conversation."""

Reply = Callable[[Engine, Chat, int | None], AsyncGenerator[Result, None]]
"""Answers the message of the conversation that has that id."""


@dataclass(frozen=True, slots=True)
class Wish:
    """An answer that is wanted."""

    after: int | None
    """The id of the message to answer, None where the answer begins the conversation."""
    reply: Reply
    instead: int | None = None
    """The id of the answer that this one goes on with, and takes the place of once it has."""


class Writing:
    """A conversation and the answers to it that grow. For one event loop."""

    def __init__(self, chat: Chat, wish: Wish) -> None:
        self.answers: dict[int, Answer] = {}
        """What is written now, and what was written, by the ids of the messages."""
        self.growing: set[int] = set()
        """The ids of those that are not whole yet."""
        self.searching: set[int] = set()
        """The ids of those that the attachments are being searched for."""
        self.errors: list[Exception] = []
        """What answers broke off with."""
        self._chat = chat
        self._wishes: deque[tuple[int, Wish]] = deque()
        self._news = asyncio.Event()
        self._ended = False
        self.ask(wish)

    @property
    def chat(self) -> Chat:
        """The conversation as it is now; an answer that has no words yet is in it as an empty message."""
        return self._chat

    @property
    def said(self) -> bool:
        """Whether any answer has words."""
        return any(answer.text.strip() for answer in self.answers.values())

    @property
    def shown(self) -> Answer:
        """The answer that is shown, or the latest where that is none of these."""
        path = self._chat.path
        return self.answers.get(path[-1] if path else -1) or next(reversed(self.answers.values()), Answer())

    def kept(self) -> Chat:
        """The conversation without the answers that have no words."""
        chat = self._chat
        for id, answer in self.answers.items():
            chat = chat if answer.text.strip() else chat.without(id)
        return chat

    def ask(self, wish: Wish) -> None:
        """Has one more answer written, and shows it. Raises `InvalidInput` when there are enough of them."""
        if self._ended:
            raise InvalidInput("The answers have just finished. Choose again.")
        if len(self.growing) >= TOGETHER:
            raise InvalidInput("{limit} answers are being written. Wait until one is finished.", limit=TOGETHER)
        self._chat, id = self._chat.with_one(Message("assistant", ""), wish.after)
        self.answers[id] = Answer()
        self.growing.add(id)
        self._wishes.append((id, wish))
        self._news.set()

    def show(self, id: int) -> None:
        """Shows that message of the conversation. Raises `InvalidInput` if there is none."""
        self._chat = self._chat.showing(id)
        self._news.set()

    async def run(self, engine: Engine) -> AsyncGenerator["Writing", None]:
        """Writes until all answers are whole: itself, again after each piece of news.

        Raises what the first of them broke off with, once the others are whole.
        """
        readers: set[asyncio.Task[None]] = set()
        try:
            while self.growing:
                self._news.clear()
                while self._wishes:
                    readers.add(asyncio.create_task(self._read(engine, *self._wishes.popleft())))
                yield self
                await self._news.wait()
            yield self
        finally:
            self._ended = True
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)
        if self.errors:
            raise self.errors[0]

    async def _read(self, engine: Engine, id: int, wish: Wish) -> None:
        """Reads one answer to its end."""
        after, model = self._chat.nodes[id].after, engine.info.model
        try:
            async with aclosing(wish.reply(engine, self._chat, after)) as results:
                async for result in results:
                    self._take(id, result, model)
        except Exception as error:  # noqa: BLE001  is raised by `run`, once the others are whole
            self.errors.append(error)
        finally:
            self.growing.discard(id)
            self.searching.discard(id)
            self._take_over(id, wish.instead)
            if not self.answers[id].text.strip() and self.growing:
                self._chat = self._chat.without(id)
                del self.answers[id]
            self._news.set()

    def _take(self, id: int, result: Result, model: str) -> None:
        """Puts what there is of an answer into its place."""
        (self.searching.add if result.searching else self.searching.discard)(id)
        answer = self.answers[id] = result.answer
        node = replace(
            self._chat.nodes[id],
            message=Message("assistant", answer.text, answer.tokens),
            usage=answer.usage,
            model=model,
            at=int(time.time()),
            passages=result.passages,
        )
        self._chat = self._chat.having(id, node)
        self._news.set()

    def _take_over(self, id: int, old: int | None) -> None:
        """Drops the answer that was gone on with, if all of it is in the new one and nothing follows it."""
        followed = {node.after for node in self._chat.nodes.values()}
        if old is not None and old in self._chat.nodes and old not in followed:
            before, now = self._chat.nodes[old].message.content, self.answers[id].text
            if len(now) > len(before) and now.startswith(before):
                self._chat = self._chat.without(old)
