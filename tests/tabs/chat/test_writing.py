"""Several answers to one conversation at once: each in its place, and none in another's way."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from qwen_ui.engine.base import Engine
from qwen_ui.errors import EngineFailed, InvalidInput
from qwen_ui.messages import Answer, Message
from qwen_ui.tabs.chat.nodes import Chat
from qwen_ui.tabs.chat.task import Result
from qwen_ui.tabs.chat.writing import TOGETHER, Wish, Writing
from tests.fakes import FakeEngine

ASKED = Chat.of([Message("user", "question"), Message("assistant", "old")])


class Script:
    """An answer that the test writes, word by word."""

    def __init__(self) -> None:
        self.words: asyncio.Queue[str | Exception | None] = asyncio.Queue()
        self.asked: list[Message] = []

    async def reply(self, engine: Engine, chat: Chat, after: int | None) -> AsyncGenerator[Result, None]:
        self.asked, answer = list(chat.prompt(after, engine.info.model)), Answer()
        while (word := await self.words.get()) is not None:
            if isinstance(word, Exception):
                raise word
            answer = Answer(answer.text + word, tokens=(*answer.tokens, len(answer.tokens)))
            yield Result(answer)

    def say(self, *words: str | Exception | None) -> None:
        for word in words:
            self.words.put_nowait(word)


async def end(writing: Writing) -> None:
    async for _ in writing.run(FakeEngine()):
        pass


def texts(chat: Chat) -> list[str]:
    return [node.message.content for node in chat.nodes.values()]


async def test_two_answers_grow_side_by_side():
    first, second = Script(), Script()
    writing = Writing(ASKED, Wish(0, first.reply))
    task = asyncio.create_task(end(writing))
    first.say("one")
    await asyncio.sleep(0.01)
    writing.ask(Wish(0, second.reply))
    second.say("two", None)
    await asyncio.sleep(0.01)
    assert writing.growing == {2}
    assert texts(writing.chat) == ["question", "old", "one", "two"]
    assert writing.chat.messages[-1].content == "two"
    writing.show(2)
    assert writing.chat.messages[-1].content == "one"
    first.say(" more", None)
    await task
    assert writing.kept().messages[-1].content == "one more"
    assert writing.kept().messages[-1].tokens == (0, 1)
    assert writing.kept().nodes[3].model == FakeEngine().info.model
    assert [message.content for message in first.asked] == ["question"]


async def test_one_that_breaks_off_leaves_the_others_alone_and_is_told_at_the_end():
    first, second = Script(), Script()
    writing = Writing(ASKED, Wish(0, first.reply))
    writing.ask(Wish(0, second.reply))
    first.say(EngineFailed("It died."))
    second.say("two", None)
    with pytest.raises(EngineFailed):
        await end(writing)
    assert texts(writing.kept()) == ["question", "old", "two"]


async def test_an_answer_without_words_is_not_kept():
    script = Script()
    writing = Writing(ASKED, Wish(0, script.reply))
    assert writing.kept() == ASKED
    script.say(" \n", None)
    await end(writing)
    assert texts(writing.kept()) == ["question", "old"]


async def test_there_is_a_limit_and_an_end():
    script = Script()
    writing = Writing(ASKED, Wish(0, script.reply))
    for _ in range(TOGETHER - 1):
        writing.ask(Wish(0, script.reply))
    with pytest.raises(InvalidInput, match="4 answers are being written"):
        writing.ask(Wish(0, script.reply))
    script.say(*[None] * TOGETHER)
    await end(writing)
    with pytest.raises(InvalidInput, match="just finished"):
        writing.ask(Wish(0, script.reply))
    with pytest.raises(InvalidInput, match="no longer there"):
        writing.show(99)


async def test_leaving_it_ends_all_answers():
    script = Script()
    writing = Writing(ASKED, Wish(0, script.reply))
    running = writing.run(FakeEngine())
    await anext(running)
    await asyncio.sleep(0.01)
    await running.aclose()
    assert not writing.growing
