"""An engine that knows what to answer to which text."""

import re
from collections.abc import Sequence

from qwen_ui.messages import Message, Sampling
from tests.fakes import FakeEngine, FakeStream


class Translator(FakeEngine):
    """Answers each text as its own engine says; texts that have none come back marked, word by word."""

    def __init__(self, **engines: FakeEngine) -> None:
        super().__init__()
        self.engines = engines
        self.texts: list[str] = []
        """What was asked for, in that order."""
        self.refused: list[Exception] = []
        """Raised by as many calls as there are."""

    def stream(self, messages: Sequence[Message], sampling: Sampling) -> FakeStream:
        if self.refused:
            raise self.refused.pop(0)
        self.asked.append((list(messages), sampling))
        text = messages[-1].content.partition(":\n\n")[2] or messages[-1].content.partition("：\n\n")[2]
        self.texts.append(text)
        engine = self.engines.setdefault(text, FakeEngine(re.findall(r"\S+\s*|\s+", f"T:{text}")))
        assert engine.words is not None
        return FakeStream(engine, engine.words, 10)
