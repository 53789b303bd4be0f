"""Ask: the model answers a question alone, from a text that fits whole, or from passages that are looked up.

Documents are added for that.
"""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator, Callable, Sequence, Set
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial

from qwen_ui.engine.base import Engine, answers
from qwen_ui.engine.prompt import MAX_CHARACTERS_PER_TOKEN
from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.knowledge.citations import look_up, not_found, numbered, search_query
from qwen_ui.knowledge.library import Library, Step
from qwen_ui.knowledge.proof import Proven
from qwen_ui.knowledge.source import SearchHit, Source, pasted
from qwen_ui.knowledge.store import Document, name_key
from qwen_ui.messages import Answer, Message
from qwen_ui.prompts import Template
from qwen_ui.sentences import Sentence
from qwen_ui.tabs.ask.proof import can_prove, prove

LONGEST_TEXT = 300_000
"""Characters of a pasted text: it is indexed anew for each question, which takes under a second up to here."""
_NAMED = 20
"""Documents that are named where another one was asked for."""
_EXCHANGE = 2
"""Messages of the last question and its answer, which a whole text leaves room for."""
NEWS_EVERY = 0.4
"""Seconds between two looks at whether the adding was told to stop."""

OpenSource = Callable[[], Source]
"""Opens what to answer from. It may take a second and gets a thread."""


@dataclass(frozen=True, slots=True)
class Result:
    """What has come of a question so far."""

    passages: tuple[SearchHit, ...] | None = ()
    """What the model is given to answer from: a text whole, or what was found, best first; None while that goes on."""
    answer: Answer = field(default_factory=Answer)
    asked: bool = True
    """Whether the model is asked: not when no passage fits the question, and the answer says that."""
    checking: bool = False
    """Whether the answer is whole, and is being weighed with its passages."""
    proof: tuple[Proven, ...] = ()
    """What each of its sentences rests on; empty until that is known, and where the engine can't tell."""
    unproven: Sentence | None = None
    """Why the answer could not be weighed."""


async def ask(
    engine: Engine,
    template: Template,
    question: str,
    open_source: OpenSource | None = None,
    history: Sequence[Message] = (),
    max_new_tokens: int | None = None,
) -> AsyncGenerator[Result, None]:
    """Answers the question from a source, or without one from the model alone; then proves what the answer rests on.

    ``history`` is what was asked and answered before; without ``max_new_tokens`` the template says how many.
    Raises what ``open_source`` does, and like `build` and `Engine.stream`.
    """
    sampling = template.sampling(max_new_tokens=max_new_tokens)
    passages: tuple[SearchHit, ...] = ()
    if open_source is not None:
        yield Result(None)
        passages = await asyncio.to_thread(
            passages_for, engine, template, question, open_source, history, sampling.max_new_tokens
        )
        if not passages:
            yield Result((), Answer(not_found(question)), asked=False)
            return
    messages, answer = build(template, question, passages, history), Answer()
    async with aclosing(answers(engine, messages, sampling, template.adapter)) as growing:
        async for answer in growing:
            yield Result(passages, answer)
    if can_prove(engine, answer, passages):
        yield Result(passages, answer, checking=True)
        ask_with = partial(build, template, question, history=history)
        try:
            yield Result(passages, answer, proof=await prove(engine, ask_with, answer.text, passages, template.adapter))
        except QwenUIError as error:
            yield Result(passages, answer, unproven=error.sentence)


def pasted_text(text: str, name: str) -> Source:
    """A text to answer from, cited under that name. Raises `InvalidInput` for one that can't be used."""
    if not text.strip():
        raise InvalidInput("Paste a text first, or choose “Model knowledge only”.")
    if len(text) > LONGEST_TEXT:
        raise InvalidInput(
            "The text has {count:,} characters; the limit is {limit:,}. Add it to “My documents” as a file instead.",
            count=len(text),
            limit=LONGEST_TEXT,
        )
    return pasted(Message("user", text).content, name)  # a message refuses what is not valid Unicode


def documents(library: Library, collection: str | None, owner: str, left_out: Set[int] = frozenset()) -> Source:
    """The owner's collection with that id, without some of its documents.

    Raises `InvalidInput` when there is nothing in it to answer from.
    """
    if not collection:
        raise InvalidInput("Add documents first, or choose a collection.")
    whole = library.open(collection, owner)
    if not whole.openings(1):
        raise InvalidInput("There are no documents in this collection yet. Add some.")
    source = whole.without(left_out)
    if not source.openings(1):
        raise InvalidInput("None of the documents is ticked. Tick those to search.")
    return source


def named_documents(library: Library, name: str, owner: str, only: Sequence[str] = ()) -> Source:
    """The owner's collection of that name, or ``only`` those of its documents that have these names.

    Raises `InvalidInput`, for a name that there is not with those that there are.
    """
    try:
        collection = library.named(name, owner)
    except InvalidInput as error:
        names = ", ".join(info.name for info in library.collections(owner)) or "none"
        raise InvalidInput("{error} There are: {names}.", error=error, names=names) from error
    return documents(library, collection.id, owner, _others(collection.documents(), only) if only else frozenset())


def _others(there: Sequence[Document], names: Sequence[str]) -> frozenset[int]:
    """The ids of the documents that have none of the names. Raises `InvalidInput` for a name that none has."""
    known, wanted = {name_key(each.name) for each in there}, {name_key(name): name for name in names}
    for key, name in wanted.items():
        if key not in known:
            raise InvalidInput(
                "There is no document named {name!r} in this collection. There are: {names}.",
                name=name,
                names=", ".join(each.name for each in there[:_NAMED]) or "none",
            )
    return frozenset(each.id for each in there if name_key(each.name) not in wanted)


def passages_for(
    engine: Engine,
    template: Template,
    question: str,
    open_source: OpenSource,
    history: Sequence[Message],
    new_tokens: int,
) -> tuple[SearchHit, ...]:
    """What the model is given to answer from: the source whole where it fits, else what a search finds, if anything."""
    source, room = open_source(), engine.info.context_length - new_tokens
    whole = source.whole(search_query(question, history), max(0, room) * MAX_CHARACTERS_PER_TOKEN)
    if whole and engine.count_tokens(build(template, question, whole, history[-_EXCHANGE:])) <= room:
        return tuple(whole)
    return fitting(engine, template, question, look_up(source, question, history), new_tokens)


def build(
    template: Template, question: str, passages: Sequence[SearchHit] = (), history: Sequence[Message] = ()
) -> list[Message]:
    """The messages that ask the question, about the passages if there are any.

    ``history`` is the earlier questions and answers, without their passages.
    Raises `InvalidInput` when there is no question.
    """
    if not question.strip():
        raise InvalidInput("Ask a question first.")
    messages = template.render(question=question.strip(), passages=numbered(passages))
    return [*messages[:-1], *history, messages[-1]]


def fitting(
    engine: Engine, template: Template, question: str, passages: Sequence[SearchHit], new_tokens: int
) -> tuple[SearchHit, ...]:
    """As many of the passages, best first, as leave room for the answer; one at least, if there are any."""

    def size(count: int) -> int:
        return engine.count_tokens(build(template, question, passages[:count]))

    fit = bisect_right(range(1, len(passages) + 1), engine.info.context_length - new_tokens, key=size)
    return tuple(passages[: max(1, fit)])


@dataclass(frozen=True, slots=True)
class Report:
    """How far the adding of files is."""

    total: int
    current: Step | None = None
    """The file that is being read."""
    results: tuple[Step, ...] = ()
    """What came of those before."""
    stopping: bool = False

    def after(self, step: Step) -> "Report":
        """The report with the step's news."""
        if step.state == "reading":
            return replace(self, current=step)
        return replace(self, current=None, results=(*self.results, step))


async def add(
    steps: AsyncGenerator[Step, None], total: int, stopped: Callable[[], bool]
) -> AsyncGenerator[Report, None]:
    """Tells of the steps as they come. Once it is ``stopped``, the file in work is still finished.

    It ends only when that file is done with: whatever is held for the adding is held until then.
    """
    report = Report(total)
    async with aclosing(steps):
        while True:
            yield report
            taking = asyncio.ensure_future(anext(steps, None))
            try:
                while not taking.done():
                    await asyncio.wait({taking}, timeout=NEWS_EVERY)
                    if stopped() and report.current is None:
                        taking.cancel()  # nothing is being read: it waits for its turn
                    elif stopped() and not report.stopping:
                        report = replace(report, stopping=True)
                        yield report
            finally:
                taking.cancel()
                await asyncio.wait({taking})
            if taking.cancelled() or (step := taking.result()) is None or (stopped() and step.state == "reading"):
                break
            report = report.after(step)
    yield replace(report, current=None)
