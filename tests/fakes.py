"""An engine without a model: it says given words, one at each step that it is let go. Each word is a token."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from qwen_ui.engine.base import EngineInfo
from qwen_ui.engine.looking import check_top
from qwen_ui.errors import InvalidInput
from qwen_ui.introspect.looks import Look
from qwen_ui.introspect.results import AnyResult
from qwen_ui.messages import Alternative, Chunk, Ended, Message, Sampling, TokenLook, Usage
from qwen_ui.sentences import Sentence

INFO = EngineInfo(
    "fake/Echo-1B",
    "4bit",
    "cpu",
    "fake",
    4096,
    Sentence("It is a fake, for tests."),
    abilities=frozenset({"tokens", "texts", "tools", "forms", "seeds"}),
)
PROBABILITIES = (0.9, 0.5, 0.04)
"""Of the tokens of a text that is looked at, over and over; the first two are the likeliest at their places."""


class FakeStream:
    """Implements `qwen_ui.engine.base.Stream`."""

    def __init__(self, engine: "FakeEngine", words: Sequence[str], prompt_tokens: int) -> None:
        self._engine = engine
        self._words = words
        self._prompt_tokens = prompt_tokens
        self.begun: tuple[int, ...] = ()
        """The answer's first ids; the words that it would have begun with are not said then."""
        self._cancelled = asyncio.Event()
        self._chunks = self._run()

    def __aiter__(self) -> "FakeStream":
        return self

    async def __anext__(self) -> Chunk:
        return await self._chunks.__anext__()

    def cancel(self) -> None:
        self._cancelled.set()

    async def _run(self) -> AsyncGenerator[Chunk, None]:
        engine, said = self._engine, 0
        ended: Ended = "stop"
        for position in engine.positions:
            yield Chunk(position=position)
        if self.begun:
            yield Chunk("".join(map(engine.word, self.begun)), tokens=self.begun)
        for word in self._words[len(self.begun) :]:
            await self._step()
            if self._cancelled.is_set():
                ended = "cancelled"
                break
            said += 1
            yield Chunk(word, tokens=(engine.id_of(word),))
        if engine.error is not None:
            raise engine.error
        yield Chunk(usage=Usage(self._prompt_tokens + len(self.begun), said, 0, 0.25, 20.0, ended, INFO.context_length))

    async def _step(self) -> None:
        """Waits until the engine lets one word go, or the stream is cancelled."""
        tasks = {asyncio.create_task(self._engine.steps.acquire()), asyncio.create_task(self._cancelled.wait())}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()


class FakeEngine:
    """Implements `qwen_ui.engine.base.Engine`. Answers with its words; by default with the last message's."""

    def __init__(
        self,
        words: Sequence[str] | None = None,
        steps: int = 1_000_000,
        positions: Sequence[int] = (),
        error: Exception | None = None,
        refusal: Exception | None = None,
        likes: Callable[[str, str], float] | None = None,
        model: str = INFO.model,
        holds: Callable[[str, str], float] | None = None,
    ) -> None:
        self.words = words
        self.model = model
        self.steps = asyncio.Semaphore(steps)
        """As many words as may still be said."""
        self.positions = positions
        self.error = error
        """Raised after the last word."""
        self.refusal = refusal
        """Raised instead of taking a request."""
        self.asked: list[tuple[list[Message], Sampling]] = []
        self.adapters: list[str] = []
        """The adapter of each stream and each scoring, in their order."""
        self.likes = likes
        """The score of a candidate after a prompt; by default the shorter, the likelier."""
        self.holds = holds
        """The mean log-probability of a part of an answer after a conversation's last message; None: it can't tell."""
        self.begun: list[tuple[int, ...]] = []
        """What each stream was to begin with."""
        self.vocabulary: list[str] = []
        """The words by their ids, as they came."""
        self.weighed: list[list[str]] = []
        """The parts of each call of `likelihoods`; each call takes one of the steps."""
        self.scored: list[list[str]] = []
        """The prompts of each call of `score`; each call takes one of the steps."""
        self.active = 0
        self.waiting = 0
        self.stopped = False
        self.closed = False

    @property
    def info(self) -> EngineInfo:
        info = replace(INFO, model=self.model) if self.model != INFO.model else INFO
        return replace(info, abilities=info.abilities | {"likelihoods"}) if self.holds else info

    @asynccontextmanager
    async def stream(
        self, messages: Sequence[Message], sampling: Sampling, adapter: str = "", begun: Sequence[int] = ()
    ) -> AsyncIterator[FakeStream]:
        await asyncio.sleep(0)  # as real ones, which look at the prompt in another thread
        if self.refusal is not None:
            raise self.refusal
        self.asked.append((list(messages), sampling))
        self.adapters.append(adapter)
        self.begun.append(tuple(begun))
        self.active += 1
        try:
            stream = self.make_stream(messages)
            stream.begun = tuple(begun)
            yield stream
        finally:
            self.active -= 1

    def make_stream(self, messages: Sequence[Message]) -> FakeStream:
        words = self.words if self.words is not None else messages[-1].content.split()
        return FakeStream(self, words, self.count_tokens(messages))

    async def score(self, prompts: Sequence[str], candidates: Sequence[str], adapter: str = "") -> list[list[float]]:
        self.scored.append(list(prompts))
        self.adapters.append(adapter)
        await self.steps.acquire()
        if self.error is not None:
            raise self.error
        likes = self.likes or (lambda prompt, candidate: -float(len(candidate)))
        return [[likes(prompt, candidate) for candidate in candidates] for prompt in prompts]

    async def tokens(
        self, text: str = "", messages: Sequence[Message] = (), top: int = 5, adapter: str = ""
    ) -> list[TokenLook]:
        """Made up: PROBABILITIES for the words, and for the other words at each place halves of what is left."""
        top = check_top(top)
        self.adapters.append(adapter)
        await self.steps.acquire()
        if self.error is not None:
            raise self.error
        ids = messages[-1].tokens if messages else ()
        ids = ids or tuple(map(self.id_of, re.findall(r"\S+\s*|\s+", messages[-1].content if messages else text)))
        looks = [self._look(token, PROBABILITIES[at % len(PROBABILITIES)], top) for at, token in enumerate(ids)]
        if not messages or messages[0].role == "text":
            looks[0] = TokenLook(looks[0].token, looks[0].id, None, None, ())
        return looks

    async def likelihoods(
        self, conversations: Sequence[Sequence[Message]], parts: Sequence[str], adapter: str = ""
    ) -> list[list[float]]:
        if self.holds is None:
            raise InvalidInput("This fake can't tell how probable an answer is.")
        self.weighed.append(list(parts))
        self.adapters.append(adapter)
        await self.steps.acquire()
        return [[self.holds(asked[-1].content, part) for part in parts] for asked in conversations]

    async def look(self, look: Look, adapter: str = "", scale: float = 1.0) -> AnyResult:
        raise InvalidInput("A fake has no inside.")

    def _look(self, token: int, probability: float, top: int) -> TokenLook:
        others = [
            Alternative(word, self.id_of(word), (1 - probability) / 2**number)
            for number, word in enumerate((f"other{each} " for each in range(top)), start=1)
        ]
        own = Alternative(self.word(token), token, probability)
        best = sorted([own, *others], key=lambda each: -each.probability)
        return TokenLook(own.token, token, probability, best.index(own) + 1, tuple(best[:top]))

    def id_of(self, word: str) -> int:
        if word not in self.vocabulary:
            self.vocabulary.append(word)
        return self.vocabulary.index(word)

    def word(self, token: int) -> str:
        return self.vocabulary[token]

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content.split()) for message in messages)

    async def close(self) -> None:
        self.closed = True
