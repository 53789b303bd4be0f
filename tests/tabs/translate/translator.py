"""An engine that knows what to answer to which text, and translations to try it on."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from qwen_ui.messages import Message, Sampling
from qwen_ui.prompts import PromptStore
from qwen_ui.settings import PROJECT
from qwen_ui.tabs.translate.translation import Order, Translation, begin, typed
from qwen_ui.text.languages import find
from tests.fakes import FakeEngine, FakeStream

PROMPTS = PromptStore(PROJECT / "prompts")


class Translator(FakeEngine):
    """Answers each text as its own engine says; texts that have none come back marked, word by word."""

    def __init__(self, **engines: FakeEngine) -> None:
        super().__init__()
        self.engines = engines
        self.texts: list[str] = []
        """What was asked for, in that order."""
        self.refusals: list[Exception | None] = []
        """What the next calls are refused with; None lets one pass."""

    @asynccontextmanager
    async def stream(
        self, messages: Sequence[Message], sampling: Sampling, adapter: str = "", begun: Sequence[int] = ()
    ) -> AsyncIterator[FakeStream]:
        self.refusal = self.refusals.pop(0) if self.refusals else None
        async with super().stream(messages, sampling, adapter, begun) as stream:
            yield stream

    def make_stream(self, messages: Sequence[Message]) -> FakeStream:
        text = messages[-1].content.partition(":\n\n")[2] or messages[-1].content.partition("：\n\n")[2]
        self.texts.append(text)
        engine = self.engines.setdefault(text, FakeEngine(re.findall(r"\S+\s*|\s+", f"T:{text}")))
        assert engine.words is not None
        return FakeStream(engine, engine.words, 10)


def order(target: str = "fr", source: str | None = "en", template: str = "standard", **more: Any) -> Order:
    return Order(PROMPTS.load("translate", template), find(target), find(source) if source else None, **more)


def translation_of(text: str, ordered: Order | None = None) -> Translation:
    return begin(typed(text), ordered or order())
