"""The engine over a server that speaks OpenAI's API."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager
from functools import partial
from typing import Any

from openai import AsyncOpenAI, AsyncStream

from qwen_ui.engine.base import EngineInfo
from qwen_ui.engine.queue import WAITING_PER_SLOT, RequestQueue
from qwen_ui.engine.remote import calling, fitting, scoring
from qwen_ui.engine.remote.failures import told
from qwen_ui.engine.remote.stream import Cost, Events, RemoteStream
from qwen_ui.errors import InvalidInput, NotReady
from qwen_ui.introspect.looks import Look
from qwen_ui.introspect.results import AnyResult
from qwen_ui.messages import Message, Sampling, TokenLook
from qwen_ui.text.growing import SureText

MAX_STOPS = 4
"""Stop strings that OpenAI's API takes; all of them are looked for here too."""


class RemoteEngine:
    """`qwen_ui.engine.base.Engine`. The server has its own batches, cache and queue; here is who may ask it at once."""

    stopped = False

    def __init__(
        self,
        info: EngineInfo,
        name: str,
        connect: Callable[[], AsyncOpenAI],
        max_concurrent: int,
        extras: Sequence[str],
    ) -> None:
        """``name`` is the model's, for the server; ``extras`` are the fields it takes beyond those of everybody.

        ``connect`` makes the client, once there is an event loop for it.
        """
        assert info.remote is not None
        self._server = info.remote
        self._info = info
        self._name = name
        self._connect = connect
        self._clients: dict[asyncio.AbstractEventLoop, AsyncOpenAI] = {}
        self._extras = frozenset(extras)
        self._told: Callable[[], AbstractContextManager[None]] = partial(told, self._server.address, name)
        self.queue = RequestQueue(max_concurrent, WAITING_PER_SLOT * max_concurrent)
        self._closed = False

    @property
    def info(self) -> EngineInfo:
        """What answers, and where."""
        return self._info

    @property
    def active(self) -> int:
        """Requests that the server was asked."""
        return self.queue.active

    @property
    def waiting(self) -> int:
        """Requests that wait here."""
        return self.queue.waiting

    @asynccontextmanager
    async def stream(
        self, messages: Sequence[Message], sampling: Sampling, adapter: str = "", begun: Sequence[int] = ()
    ) -> AsyncIterator[RemoteStream]:
        """Answers the conversation: see `Engine`."""
        self._refuse(adapter)
        if begun:
            raise InvalidInput("The model runs on another server, which can't go on from chosen tokens.")
        self._check(messages, sampling)
        context = self._info.context_length
        kept, dropped = await asyncio.to_thread(fitting.fit, messages, sampling.max_new_tokens, context)
        cost = Cost(self._server.address, fitting.count(kept), context, dropped)
        stream = RemoteStream(partial(self._ask, kept, sampling), self._told, cost, SureText(sampling.stop))
        with ExitStack() as place:
            stream.leave = place.close
            place.enter_context(self.queue.enter(stream.moved))
            try:
                yield stream
            finally:
                await stream.close()

    async def score(self, prompts: Sequence[str], candidates: Sequence[str], adapter: str = "") -> list[list[float]]:
        """How likely each candidate is after each prompt, as well as the server lets one know: see `Engine`."""
        self._refuse(adapter)
        if not prompts:
            return []
        if not candidates or not all(candidates) or not all(prompts):
            raise InvalidInput("Scoring needs prompts and candidates that are not empty.")
        with self._told():
            return await scoring.score(self._client(), self._name, self._info.scoring, prompts, candidates)

    async def tokens(
        self, text: str = "", messages: Sequence[Message] = (), top: int = 5, adapter: str = ""
    ) -> list[TokenLook]:
        """Raises `InvalidInput`: the model's tokens are another server's."""
        raise InvalidInput("The model runs on another server: its tokens can't be looked at from here.")

    async def likelihoods(
        self, conversations: Sequence[Sequence[Message]], parts: Sequence[str], adapter: str = ""
    ) -> list[list[float]]:
        """Raises `InvalidInput`: no server tells it of a conversation's answer."""
        raise InvalidInput("The model runs on another server, which does not tell how probable a given answer is.")

    async def look(self, look: Look, adapter: str = "", scale: float = 1.0) -> AnyResult:
        """Raises `InvalidInput`: the model is in another server's memory."""
        raise InvalidInput("The model runs on another server and can't be looked into. Start the app with one here.")

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """About as many tokens as the conversation has."""
        return fitting.count(messages)

    async def close(self) -> None:
        """Ends every request."""
        self._closed = True
        for loop, client in self._clients.items():
            if loop is asyncio.get_running_loop():
                await client.close()

    def _refuse(self, adapter: str) -> None:
        if self._closed:
            raise NotReady("The server is shutting down. Try again in a minute.")
        if adapter:
            raise InvalidInput("The model runs on another server: adapters that are here can't be used with it.")

    def _check(self, messages: Sequence[Message], sampling: Sampling) -> None:
        """Refuses what the server would not understand."""
        able = self._info.abilities
        if sampling.form and "forms" not in able:
            raise InvalidInput("The model runs on another server, which can't hold answers to a form.")
        if sampling.seed is not None and not sampling.greedy:
            raise InvalidInput("The model runs on another server: ask that one for answers by a seed.")
        tools = any(each.tools for each in messages)
        if (tools or any(each.calls or each.role == "tool" for each in messages)) and "tools" not in able:
            raise InvalidInput("The server that answers here knows no tools.")
        if tools and sampling.form:
            raise InvalidInput("The model runs on another server: a call can't be required of it from here.")
        if messages and messages[0].role == "text":
            if "texts" not in able:
                raise InvalidInput("The server that answers here can't go on with a plain text.")
            if messages[0].tokens:
                raise InvalidInput("The model runs on another server: give the text itself, not its tokens.")

    def _client(self) -> AsyncOpenAI:
        """The client of the running event loop: connections belong to one."""
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._clients[loop] = self._connect()
        return self._clients[loop]

    async def _ask(self, messages: Sequence[Message], sampling: Sampling) -> Events:
        asked: dict[str, Any] = {
            "model": self._name,
            "max_tokens": sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "stream": True,
        }
        if sampling.stop and "stop" in self._server.features:
            asked["stop"] = list(sampling.stop[:MAX_STOPS])
        if "stream_options" in self._extras:
            asked["stream_options"] = {"include_usage": True}
        if "top_k" in self._extras and sampling.top_k:
            asked["top_k"] = sampling.top_k
        if sampling.form:
            asked["response_format"] = scoring.form(json.loads(sampling.form))
        if messages[0].role == "text":
            path, asked["prompt"] = "/completions", messages[0].content
        else:
            path = "/chat/completions"
            asked["messages"], tools = calling.asked(messages)
            if tools:
                asked["tools"] = tools
        return await self._client().post(path, body=asked, cast_to=object, stream=True, stream_cls=AsyncStream[object])
