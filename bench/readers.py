"""People who read answers as they come, as light as can be: bare connections in one process.

Two ways in: as a program that speaks OpenAI's API, and as a browser's chat, whose page asks Gradio's queue.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gradio_client.utils import apply_diff

from bench.emitter import NAME, said
from bench.visitors import address_of

Way = Literal["v1", "page"]
KEY = "bench-of-the-page"
ENDLESS = 4000
"""Tokens that those ask for who leave before the end."""
PATIENCE = 300.0
"""Seconds that a reader waits for the next news."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where is read."""

    port: int
    chat: "Chat | None" = None
    """How its page chats; None where it has none."""


@dataclass(frozen=True, slots=True)
class Chat:
    """The event of a page that sends a message."""

    fn_index: int
    inputs: tuple[Any, ...]
    message: int
    """Which of the inputs is the message."""
    tokens: int
    """Which is how many new ones there may be."""
    shown: int
    """Which of the outputs shows the conversation."""

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Chat":
        """As the page's configuration tells."""
        props = {each["id"]: each["props"] for each in config["components"]}
        ids = {each["props"].get("elem_id"): each["id"] for each in config["components"]}
        event = next(
            each
            for each in config["dependencies"]
            if [ids["send"], "click"] in [list(target) for target in each["targets"]] and each["queue"] is not False
        )
        inputs, outputs = event["inputs"], event["outputs"]
        values = tuple(props[each].get("value") for each in inputs)
        tokens = next(at for at, each in enumerate(inputs) if props[each].get("elem_id") == "max_new_tokens")
        return cls(event["id"], values, inputs.index(ids["message"]), tokens, outputs.index(ids["conversation"]))


@dataclass(slots=True)
class Reader:
    """One stream, and what came of it so far."""

    number: int
    tokens: int
    """That it asks for."""
    leaves: bool = False
    """Whether it leaves before the end."""
    text: str = ""
    asked_at: float = 0.0
    first_at: float = 0.0
    ended: bool = False
    wrong: str = ""
    task: "asyncio.Task[None] | None" = None

    @property
    def tag(self) -> str:
        return f"s{self.number}"

    @property
    def came(self) -> int:
        """How many tokens have come."""
        return self.text.count(".")

    @property
    def whole(self) -> bool:
        """Whether it has its own text, to the end."""
        return self.ended and self.text.strip() == said(self.tag, self.tokens).strip()

    def take(self, text: str) -> None:
        """It has this text now."""
        if text and not self.first_at:
            self.first_at = time.perf_counter()
        self.text = text

    @property
    def address(self) -> str:
        """Each comes from an address of its own, as a trusted proxy tells."""
        return address_of(self.number)


@dataclass(slots=True)
class Readers:
    """Everybody who reads. For one event loop."""

    all: list[Reader] = field(default_factory=list)

    async def begin(
        self, server: Server, way: Way, count: int, tokens: int, seconds: float, half_leaves: bool = False
    ) -> list[float]:
        """Lets so many in, evenly over so many seconds; seconds to the first token of each that gets one."""
        read = {"v1": _v1, "page": _page}[way]
        last = max((reader.number for reader in self.all), default=0)
        leave = [half_leaves and at % 2 == 1 for at in range(count)]
        come = [Reader(last + 1 + at, ENDLESS if leave[at] else tokens, leave[at]) for at in range(count)]
        self.all += come
        begun = time.perf_counter()
        for at, reader in enumerate(come):
            await asyncio.sleep(begun + at * seconds / count - time.perf_counter())
            reader.task = asyncio.create_task(_noting(read, server, reader))
        while any(not (reader.first_at or reader.ended) for reader in come):
            await asyncio.sleep(0.05)
        return [reader.first_at - reader.asked_at for reader in come if reader.first_at]

    async def leave(self) -> int:
        """Those leave at once who do not stay to the end; how many still read."""
        leaving = [reader for reader in self.all if reader.leaves and not reader.ended]
        tasks = [reader.task for reader in leaving if reader.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.all = [reader for reader in self.all if reader not in leaving]
        return len(leaving)

    async def came(self) -> int:
        """How many tokens have come in all."""
        return sum(reader.came for reader in self.all)

    async def finish(self) -> list[str]:
        """Waits for the end of all; what went wrong."""
        await asyncio.gather(*(reader.task for reader in self.all if reader.task))
        readers, self.all = self.all, []
        return [
            reader.wrong or f"{reader.tag} has {reader.came} of {reader.tokens} tokens: …{reader.text[-60:]!r}"
            for reader in readers
            if not reader.whole
        ]


async def _noting(read: Callable[[Server, Reader], Awaitable[None]], server: Server, reader: Reader) -> None:
    try:
        reader.asked_at = time.perf_counter()
        await read(server, reader)
    except Exception as error:  # noqa: BLE001  is told as what went wrong
        reader.wrong = f"{reader.tag}: {type(error).__name__}: {error}"
    finally:
        reader.ended = True


async def _v1(server: Server, reader: Reader) -> None:
    body = {"model": NAME, "messages": [{"role": "user", "content": reader.tag}], "max_tokens": reader.tokens}
    async for event in _events(server, reader, "POST", "/v1/chat/completions", body | {"stream": True}):
        if "error" in event:
            raise ValueError(str(event["error"]))
        if event["choices"]:
            reader.take(reader.text + (event["choices"][0]["delta"].get("content") or ""))


async def _page(server: Server, reader: Reader) -> None:
    assert server.chat is not None
    chat, session = server.chat, f"bench{reader.number}"
    heart = asyncio.create_task(_beat(server, reader, session))
    try:
        values = list(chat.inputs)
        values[chat.message], values[chat.tokens] = reader.tag, reader.tokens
        join = {"data": values, "fn_index": chat.fn_index, "session_hash": session}
        async for _ in _lines(server, reader, "POST", "/gradio_api/queue/join", join):
            pass
        shown: Any = None
        async for event in _events(server, reader, "GET", f"/gradio_api/queue/data?session_hash={session}"):
            if event["msg"] == "unexpected_error" or event.get("success") is False:
                raise ValueError(str(event)[:300])
            if event["msg"] not in {"process_generating", "process_completed"}:
                continue
            data = event["output"]["data"][chat.shown]
            first = shown is None or event["msg"] == "process_completed"
            shown = data if first else apply_diff(shown, data)
            if shown and shown[-1]["role"] == "assistant":
                reader.take(shown[-1]["content"][0]["text"])
    finally:
        heart.cancel()
        await asyncio.gather(heart, return_exceptions=True)


async def _beat(server: Server, reader: Reader, session: str) -> None:
    """The connection by which the page knows that a browser is there."""
    async for _ in _lines(server, reader, "GET", f"/gradio_api/heartbeat/{session}"):
        pass


async def _events(
    server: Server, reader: Reader, method: str, path: str, body: dict[str, Any] | None = None
) -> AsyncIterator[Any]:
    async for line in _lines(server, reader, method, path, body):
        if line.startswith(b"data: {"):
            yield json.loads(line[6:])
        elif line.startswith(b"data: [DONE]"):
            return


async def _lines(
    server: Server, reader: Reader, method: str, path: str, body: dict[str, Any] | None = None
) -> AsyncIterator[bytes]:
    """The lines of an answer. Raises `ValueError` for one that refuses."""
    content = json.dumps(body).encode() if body is not None else b""
    head = [
        f"{method} {path} HTTP/1.0",  # so that the answer is not chunked
        f"host: 127.0.0.1:{server.port}",
        f"authorization: Bearer {KEY}",
        f"x-forwarded-for: {reader.address}",
        "content-type: application/json",
        f"content-length: {len(content)}",
    ]
    coming, going = await asyncio.open_connection("127.0.0.1", server.port, limit=2**24)
    try:
        going.write("\r\n".join([*head, "", ""]).encode() + content)
        status = await asyncio.wait_for(coming.readline(), PATIENCE)
        while (await asyncio.wait_for(coming.readline(), PATIENCE)).strip():
            pass
        if b" 200 " not in status:
            refusal = await coming.read(500)
            raise ValueError(f"{status.decode().strip()}: {refusal.decode(errors='replace')}")
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE) as patience:
            while line := await coming.readline():
                patience.reschedule(loop.time() + PATIENCE)
                yield line
    finally:
        going.close()


def readers_worker(pipe: Any, settings: Any) -> None:
    """Reads in a process of its own, and answers calls: see `Worker`."""

    async def serve() -> None:
        readers = Readers()
        functions: dict[str, Callable[..., Awaitable[Any]]] = {
            name: getattr(readers, name) for name in ("begin", "leave", "came", "finish")
        }
        pipe.send(None)
        while (call := await asyncio.to_thread(pipe.recv))[0] != "stop":
            pipe.send(await functions[call[0]](**call[1]))

    asyncio.run(serve())
