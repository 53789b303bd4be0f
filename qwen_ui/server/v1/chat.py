"""POST /v1/chat/completions."""

import time
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from openai.types.chat import (
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionMessage,
    ChatCompletionMessageFunctionToolCall,
    ChatCompletionTokenLogprob,
)
from openai.types.chat.chat_completion import Choice, ChoiceLogprobs
from openai.types.chat.chat_completion_chunk import Choice as ChunkChoice
from openai.types.chat.chat_completion_chunk import ChoiceDelta, ChoiceDeltaToolCall, ChoiceDeltaToolCallFunction
from openai.types.chat.chat_completion_chunk import ChoiceLogprobs as ChunkLogprobs
from openai.types.chat.chat_completion_message_function_tool_call import Function

from qwen_ui.engine.base import Engine
from qwen_ui.messages import Chunk, Message, Sampling
from qwen_ui.server.v1 import logprobs
from qwen_ui.server.v1.errors import check_able, unsupported
from qwen_ui.server.v1.generating import check_drawing, check_n, generated, room
from qwen_ui.server.v1.messages import conversation
from qwen_ui.server.v1.requests import ChatRequest
from qwen_ui.server.v1.tools import BEGUN, Call, CallReader, called_form, with_tools
from qwen_ui.server.v1.usage import Costs

Ended = Literal["stop", "length", "tool_calls"]


@dataclass(frozen=True, slots=True)
class Delta:
    """What is new of one of the answers."""

    index: int
    text: str = ""
    calls: Sequence[Call] = ()
    ended: Ended | None = None
    """Why it is whole now."""
    logprobs: list[ChatCompletionTokenLogprob] | None = None
    """Of all its tokens, once it is whole."""


@dataclass(slots=True)
class _State:
    """One answer so far."""

    reader: CallReader | None
    text: str = ""
    tokens: list[int] = field(default_factory=list)


class Chat:
    """One request: made when it is found to be one that can be tried."""

    def __init__(self, asked: ChatRequest, at_once: int) -> None:
        """Raises `ApiError` and `InvalidInput` for what can't be served, before any work is done."""
        check_n(asked.n, at_once)
        if asked.response_format.form and asked.tools and asked.tool_choice == "auto":
            raise unsupported("response_format", 'With tools, set \'tool_choice\' to "none" or "required".')
        if asked.top_logprobs and not asked.logprobs:
            raise unsupported("top_logprobs", "It needs 'logprobs' to be true.")
        self.asked = asked
        self.costs = Costs()
        self._at_once = at_once
        self._call = called_form(asked)
        self._messages = with_tools(conversation(asked.messages), asked, required=bool(self._call))
        self._wanted = asked.max_completion_tokens or asked.max_tokens
        self._sampling = partial(asked.sampling, form=self._call or asked.response_format.form)
        self._sampling(1)  # refuses other figures that can't be
        self._id = f"chatcmpl-{uuid.uuid4().hex}"
        self._created = int(time.time())

    async def deltas(self, engine: Engine) -> AsyncGenerator[Delta, None]:
        """The answers as they come: an empty delta of each once it was not refused; raises what refuses it."""
        if self.asked.logprobs:
            check_able(engine, "tokens", "logprobs", "tell log-probabilities")
        if self._reader():
            check_able(engine, "tools", "tools", "tell the model of tools")
        sampling = self._sampling(await room(engine, self._messages, self._wanted))
        check_drawing(engine, sampling, "tool_choice" if self._call else "response_format")
        states = [_State(self._reader()) for _ in range(self.asked.n)]
        async with aclosing(self._chunks(engine, sampling)) as chunks:
            async for index, chunk in chunks:
                yield await self._delta(engine, index, states[index], chunk)

    def _reader(self) -> CallReader | None:
        asked = self.asked
        calls = asked.tools and asked.tool_choice != "none"
        return CallReader(BEGUN if self._call else "", asked.parallel_tool_calls) if calls else None

    def _chunks(self, engine: Engine, sampling: Sampling) -> AsyncGenerator[tuple[int, Chunk], None]:
        return generated(engine, [self._messages] * self.asked.n, sampling, self._at_once)

    async def _delta(self, engine: Engine, index: int, state: _State, chunk: Chunk) -> Delta:
        state.tokens += chunk.tokens
        text, calls = chunk.text, list[Call]()
        if state.reader is not None:
            text, calls = state.reader.take(chunk.text)
        if chunk.usage is None:
            state.text += text
            return Delta(index, text, calls)
        self.costs.add(chunk.usage)
        ended: Ended = "stop" if chunk.usage.ended == "stop" else "length"
        if state.reader is not None:
            rest, more = state.reader.finish()
            text, calls = text + rest, [*calls, *more]
            ended = "tool_calls" if state.reader.called else ended
        state.text += text
        return Delta(index, text, calls, ended, await self._logprobs(engine, state, chunk))

    async def _logprobs(self, engine: Engine, state: _State, last: Chunk) -> list[ChatCompletionTokenLogprob] | None:
        if not self.asked.logprobs:
            return None
        if not state.tokens:
            return []
        answer = Message("assistant", state.text or " ", tuple(state.tokens))
        looks = await engine.tokens(messages=[*self._messages, answer], top=max(1, self.asked.top_logprobs))
        return logprobs.of_chat(looks, self.asked.top_logprobs)

    async def whole(self, engine: Engine) -> ChatCompletion:
        """All answers, once they are there."""
        parts: list[list[Delta]] = [[] for _ in range(self.asked.n)]
        async with aclosing(self.deltas(engine)) as deltas:
            async for delta in deltas:
                parts[delta.index].append(delta)
        return ChatCompletion(
            id=self._id,
            choices=[_choice(index, deltas) for index, deltas in enumerate(parts)],
            created=self._created,
            model=self.asked.model,
            object="chat.completion",
            usage=self.costs.usage,
        )

    async def pieces(self, engine: Engine) -> AsyncGenerator[ChatCompletionChunk, None]:
        """The answers as a stream has them."""
        begun, called = set[int](), [0] * self.asked.n
        async with aclosing(self.deltas(engine)) as deltas:
            async for delta in deltas:
                if delta.index not in begun:
                    begun.add(delta.index)
                    yield self._piece(delta.index, ChoiceDelta(role="assistant", content=""))
                if delta.text:
                    yield self._piece(delta.index, ChoiceDelta(content=delta.text))
                for call in delta.calls:
                    yield self._piece(delta.index, _called(call, called[delta.index]))
                    called[delta.index] += 1
                if delta.ended:
                    yield self._piece(delta.index, ChoiceDelta(), delta.ended, delta.logprobs)
        if self.asked.stream_options.include_usage:
            yield self._chunk([], usage=self.costs.usage)

    def _piece(
        self,
        index: int,
        delta: ChoiceDelta,
        ended: Ended | None = None,
        tokens: list[ChatCompletionTokenLogprob] | None = None,
    ) -> ChatCompletionChunk:
        told = None if tokens is None else ChunkLogprobs(content=tokens, refusal=None)
        choice = ChunkChoice(index=index, delta=delta, finish_reason=ended, logprobs=told)
        named: dict[str, Any] = {"usage": None} if self.asked.stream_options.include_usage else {}
        return self._chunk([choice], **named)

    def _chunk(self, choices: list[ChunkChoice], **named: Any) -> ChatCompletionChunk:
        return ChatCompletionChunk(
            id=self._id,
            choices=choices,
            created=self._created,
            model=self.asked.model,
            object="chat.completion.chunk",
            **named,
        )


def _choice(index: int, deltas: Sequence[Delta]) -> Choice:
    text = "".join(delta.text for delta in deltas)
    calls = [call for delta in deltas for call in delta.calls]
    tokens = deltas[-1].logprobs
    message = ChatCompletionMessage(
        role="assistant", content=(text.strip() or None) if calls else text, refusal=None, annotations=[]
    )
    if calls:
        message.tool_calls = [
            ChatCompletionMessageFunctionToolCall(
                id=call.id,
                type="function",
                function=Function(name=call.called.name, arguments=call.called.arguments),
            )
            for call in calls
        ]
    return Choice(
        index=index,
        message=message,
        finish_reason=deltas[-1].ended or "stop",
        logprobs=None if tokens is None else ChoiceLogprobs(content=tokens, refusal=None),
    )


def _called(call: Call, number: int) -> ChoiceDelta:
    function = ChoiceDeltaToolCallFunction(name=call.called.name, arguments=call.called.arguments)
    return ChoiceDelta(tool_calls=[ChoiceDeltaToolCall(index=number, id=call.id, type="function", function=function)])
