"""POST /v1/completions: texts that are gone on with as they are, and how probable they are."""

import time
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Literal

from openai.types import Completion, CompletionChoice
from openai.types.completion_choice import Logprobs

from qwen_ui.engine.base import Engine
from qwen_ui.messages import MAX_NEW_TOKENS, Chunk, Message, TokenLook, Usage, text_of
from qwen_ui.server.v1 import logprobs
from qwen_ui.server.v1.errors import check_able
from qwen_ui.server.v1.generating import check_drawing, check_n, generated, room
from qwen_ui.server.v1.requests import CompletionRequest, Ids
from qwen_ui.server.v1.usage import Costs

DEFAULT_TOKENS = 16
"""OpenAI's, of this way to ask."""

Ended = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Piece:
    """What is new of one of the texts."""

    index: int
    text: str
    ended: Ended | None = None
    logprobs: Logprobs | None = None
    """Of all its tokens, once it is whole."""


@dataclass(slots=True)
class _State:
    text: str = ""
    tokens: list[int] = field(default_factory=list)


class Texts:
    """One request: made when it is found to be one that can be tried."""

    def __init__(self, asked: CompletionRequest, at_once: int) -> None:
        """Raises `ApiError` and `InvalidInput` for what can't be served, before any work is done."""
        check_n(asked.n, at_once)
        self.asked = asked
        self.costs = Costs()
        self._at_once = at_once
        self._prompts = [_text(prompt) for prompt in asked.prompts]
        self._wanted = DEFAULT_TOKENS if asked.max_tokens is None else asked.max_tokens
        self._sampling = asked.sampling(min(self._wanted, MAX_NEW_TOKENS) or 1)
        self._id = f"cmpl-{uuid.uuid4().hex}"
        self._created = int(time.time())

    @property
    def count(self) -> int:
        """How many texts come back."""
        return len(self._prompts) * self.asked.n

    async def _pieces(self, engine: Engine) -> AsyncGenerator[Piece, None]:
        """The texts as they come: an empty piece of each once it was not refused; raises what refuses it."""
        check_able(engine, "texts", "prompt", "go on with a plain text: ask at /v1/chat/completions")
        if self.asked.logprobs is not None or self.asked.echo or not self._wanted:
            check_able(engine, "tokens", "logprobs", "tell the tokens of a text")
        check_drawing(engine, self._sampling)
        for prompt in self._prompts:
            await room(engine, [prompt], self._wanted)
        if not self._wanted:
            async for piece in self._only_read(engine):
                yield piece
            return
        asked = [[prompt] for prompt in self._prompts for _ in range(self.asked.n)]
        states = [_State() for _ in asked]
        async with aclosing(generated(engine, asked, self._sampling, self._at_once)) as chunks:
            async for index, chunk in chunks:
                states[index].text += chunk.text
                states[index].tokens += chunk.tokens
                yield await self._piece(engine, index, states[index], chunk)

    async def _piece(self, engine: Engine, index: int, state: _State, chunk: Chunk) -> Piece:
        prompt, usage = self._prompts[index // self.asked.n], chunk.usage
        begins = not (chunk.text or usage) and chunk.position is None and not state.text
        text = await self._told(engine, prompt) + chunk.text if self.asked.echo and begins else chunk.text
        if usage is None:
            return Piece(index, text)
        self.costs.add(usage, index // self.asked.n)
        ended: Ended = "stop" if usage.ended == "stop" else "length"
        looks = await self._looked(engine, prompt, state, usage) if self.asked.logprobs is not None else None
        return Piece(index, text, ended, looks)

    async def _only_read(self, engine: Engine) -> AsyncGenerator[Piece, None]:
        """Nothing is generated: the texts come back, with their log-probabilities where those are asked for."""
        for index in range(self.count):
            prompt = self._prompts[index // self.asked.n]
            yield Piece(index, "")
            looks = await engine.tokens(messages=[prompt], top=max(1, self.asked.logprobs or 0))
            self.costs.read(len(looks), index // self.asked.n)
            shown = looks if self.asked.echo else []
            told = None if self.asked.logprobs is None else logprobs.of_text(shown, self.asked.logprobs, 0)
            yield Piece(index, text_of([look.token for look in shown]), "length", told)

    async def _told(self, engine: Engine, prompt: Message) -> str:
        """The prompt's text; of one that was given as ids, what they make up."""
        if prompt.content:
            return prompt.content
        return text_of([look.token for look in await engine.tokens(messages=[prompt], top=1)])

    async def _looked(self, engine: Engine, prompt: Message, state: _State, usage: Usage) -> Logprobs:
        """Of the prompt, if it is told too, and of the answer.

        An answer's tokens don't hold the one that ended it. Where that was the likeliest, it is found again: as what
        would come before one more token. So there are as many as were generated, which programs that score rely on.
        """
        top = max(1, self.asked.logprobs or 0)
        ids = list(prompt.tokens) or [look.id for look in await engine.tokens(messages=[prompt], top=1)]
        begin, tokens = len(ids), [*ids, *state.tokens]
        ended_itself = self._sampling.greedy and usage.ended == "stop" and not self._sampling.stop
        over = [ids[0]] if ended_itself and usage.new_tokens > len(state.tokens) else []
        looks = await engine.tokens(messages=[Message("text", "", tuple(tokens + over))], top=top)
        if over:
            looks = [*looks[:-1], _likeliest(looks[-1])]
        shown = looks if self.asked.echo else looks[begin:]
        offset = 0 if self.asked.echo else len(text_of([look.token for look in looks[:begin]]))
        return logprobs.of_text(shown, self.asked.logprobs or 0, offset)

    async def whole(self, engine: Engine) -> Completion:
        """All texts, once they are there."""
        parts: list[list[Piece]] = [[] for _ in range(self.count)]
        async with aclosing(self._pieces(engine)) as pieces:
            async for piece in pieces:
                parts[piece.index].append(piece)
        choices = [self._choice(index, each) for index, each in enumerate(parts)]
        return self._completion(choices, usage=self.costs.usage)

    async def pieces(self, engine: Engine) -> AsyncGenerator[Completion, None]:
        """The texts as a stream has them. One whose end is not there yet has no reason for it."""
        usage: dict[str, Any] = {"usage": None} if self.asked.stream_options.include_usage else {}
        async with aclosing(self._pieces(engine)) as pieces:
            async for piece in pieces:
                yield self._completion([self._choice(piece.index, [piece])], **usage)
        if self.asked.stream_options.include_usage:
            yield self._completion([], usage=self.costs.usage)

    def _choice(self, index: int, pieces: Sequence[Piece]) -> CompletionChoice:
        text, last = "".join(piece.text for piece in pieces), pieces[-1]
        return CompletionChoice.model_construct(
            index=index, text=text, finish_reason=last.ended, logprobs=last.logprobs
        )

    def _completion(self, choices: list[CompletionChoice], **named: Any) -> Completion:
        return Completion.model_construct(
            id=self._id,
            choices=choices,
            created=self._created,
            model=self.asked.model,
            object="text_completion",
            **named,
        )


def _text(prompt: str | Ids) -> Message:
    return Message("text", prompt) if isinstance(prompt, str) else Message("text", "", tuple(prompt))


def _likeliest(look: TokenLook) -> TokenLook:
    """The look at the same place, had the likeliest token come there."""
    best = look.alternatives[0]
    return TokenLook(best.token, best.id, best.probability, 1, look.alternatives)
