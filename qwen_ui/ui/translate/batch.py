"""Translates the pieces of a work, many at once."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace

from qwen_ui.engine.base import Stream
from qwen_ui.errors import Busy, QwenUIError
from qwen_ui.messages import Chunk, Ended, Usage
from qwen_ui.prompts import PromptStore
from qwen_ui.server.metering import EngineSource
from qwen_ui.tasks.translate import build, parse
from qwen_ui.ui.streaming import Answer
from qwen_ui.ui.translate.work import Order, State, Work

log = logging.getLogger(__name__)

TASK = "translate"
EVERY = 1 / 20
SLOWER = 1e-4
"""Seconds that each piece adds to the time between updates: putting thousands of them together takes a while."""

Start = Callable[[str], Stream]
"""Begins to translate a text. Raises what the engine's `stream` raises, and `InvalidInput`."""


def starter(host: EngineSource, prompts: PromptStore, order: Order) -> Start:
    """What begins translations as ordered. Raises `TemplateError`, `InvalidInput` or `NotReady` when none can begin."""
    template, engine = prompts.load(TASK, order.template), host.engine
    limit = template.sampling().max_new_tokens

    def start(text: str) -> Stream:
        messages = build(template, text, order.target, order.source, order.tone, order.terms)
        # No translation is longer than this in any script: a model that loses its thread is not followed for long.
        tokens = min(limit, 64 + 6 * len(text))
        return engine.stream(messages, template.sampling(max_new_tokens=tokens))

    return start


class Batch:
    """A `Stream` of the text in order, over several streams that run at the same time, one for each piece.

    `work` shows how far each piece is. A piece that fails keeps its error; the others go on. Pieces with the
    same text are translated once.
    """

    def __init__(self, work: Work, wanted: Sequence[int], start: Start, at_once: int) -> None:
        self._before = work
        self._pieces = list(work.pieces)
        self._start = start
        self._streams: set[Stream] = set()
        self._place: int | None = None
        self._usages: list[Usage] = []
        self._cancelled = False
        groups: dict[str, list[int]] = {}
        for place in wanted:
            groups.setdefault(work.pieces[place].source, []).append(place)
        self._waiting = deque(groups.values())
        self._at_once = min(at_once, len(groups))
        self._chunks = self._run()
        for place in wanted:
            self._pieces[place] = replace(work.pieces[place], translation="", state="waiting", error=None)

    @property
    def work(self) -> Work:
        """The work as it is now."""
        return replace(self._before, pieces=tuple(self._pieces))

    @property
    def running(self) -> int:
        """How many streams run now."""
        return len(self._streams)

    @property
    def error(self) -> Exception | None:
        """The first piece's that failed."""
        return next((piece.error for piece in self._pieces if piece.error), None)

    def __aiter__(self) -> "Batch":
        return self

    async def __anext__(self) -> Chunk:
        return await self._chunks.__anext__()

    def cancel(self) -> None:
        """Ends all streams soon and begins no others; what there is stays."""
        self._cancelled = True
        self._waiting.clear()
        for stream in tuple(self._streams):
            stream.cancel()

    async def aclose(self) -> None:
        """Ends all streams at once."""
        await self._chunks.aclose()

    async def _run(self) -> AsyncGenerator[Chunk, None]:
        began, given = time.monotonic(), ""
        every = EVERY + SLOWER * len(self._pieces)
        workers = [asyncio.create_task(self._work()) for _ in range(self._at_once)]
        try:
            pending = set(workers)
            while pending:
                _, pending = await asyncio.wait(pending, timeout=every)
                text = self.work.so_far()
                yield Chunk(text[len(given) :], self._place)
                given = text
            self._settle()
            yield Chunk(self.work.so_far()[len(given) :], usage=self._usage(time.monotonic() - began))
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)  # they keep their errors with the pieces

    async def _work(self) -> None:
        """Translates piece after piece, for as long as some wait."""
        while self._waiting:
            group = self._waiting.popleft()
            try:
                await self._translate(group)
            except Busy as error:
                if self._streams:  # the line is full: the streams that run will come to this piece
                    self._waiting.append(group)
                else:
                    self._waiting.clear()
                    self._set(group, "failed", error=error)
                return
            except QwenUIError as error:
                self._set(group, "failed", error=error)
            except Exception as error:
                log.exception("A piece was not translated")
                self._set(group, "failed", error=error)

    async def _translate(self, group: Sequence[int]) -> None:
        source = self._pieces[group[0]].source
        stream, answer = self._start(source), Answer()
        self._streams.add(stream)
        self._set(group, "writing")
        try:
            async for chunk in stream:
                answer = answer.grown(chunk)
                self._place = answer.place
                self._set(group, "writing", partial(answer.text, source))
        finally:
            self._streams.discard(stream)
            await stream.aclose()
        ended = answer.usage.ended if answer.usage else "stop"
        state: dict[Ended, State] = {"stop": "done", "length": "cut", "cancelled": "stopped"}
        self._set(group, state[ended], parse(answer.text, source))
        if answer.usage:
            self._usages.append(answer.usage)

    def _set(
        self, group: Sequence[int], state: State, translation: str | None = None, error: Exception | None = None
    ) -> None:
        for place in group:
            text = self._pieces[place].translation if translation is None else translation
            self._pieces[place] = replace(self._pieces[place], state=state, translation=text, error=error)

    def _settle(self) -> None:
        """Pieces that nothing came of get back the translation that they had."""
        for place, (old, new) in enumerate(zip(self._before.pieces, self._pieces, strict=True)):
            if not new.whole and not new.translation:
                self._pieces[place] = replace(old if old.translation else new, error=new.error)

    def _usage(self, seconds: float) -> Usage:
        """All pieces together; the speed is that of all streams side by side."""
        usages = self._usages
        tokens = sum(usage.new_tokens for usage in usages)
        return Usage(
            prompt_tokens=sum(usage.prompt_tokens for usage in usages),
            new_tokens=tokens,
            reused_tokens=sum(usage.reused_tokens for usage in usages),
            seconds_to_first_token=min((usage.seconds_to_first_token for usage in usages), default=0.0),
            tokens_per_second=tokens / seconds if seconds else 0.0,
            ended="cancelled" if self._cancelled else "stop",
            context_length=max((usage.context_length for usage in usages), default=0),
        )


def partial(answer: str, source: str) -> str:
    """What can be shown of an unfinished answer: nothing while `parse` may still take its opening away."""
    text = answer.strip()
    wrapped = text.startswith("```") or text in {"`", "``"} or (text[:1] in {*'"“「«'} and text[:1] not in source)
    return "" if wrapped else text
