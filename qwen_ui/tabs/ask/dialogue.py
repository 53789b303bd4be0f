"""A dialogue as the page shows it, its citations linked to their passages, and as plain text to take along."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from qwen_ui.knowledge import citations
from qwen_ui.knowledge.proof import Proven, supporting, with_proof
from qwen_ui.knowledge.source import SearchHit
from qwen_ui.messages import Message
from qwen_ui.page import passages
from qwen_ui.page.passages import place
from qwen_ui.page.words import Say
from qwen_ui.tabs.ask.task import Result
from qwen_ui.text.markdown import as_typed


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question, what has come of it, and how its passages are shown."""

    question: str
    result: Result = field(default_factory=Result)
    cards: tuple[str, ...] = ()
    """The passages as HTML. They are made once: to find the question's words in them takes milliseconds."""

    @property
    def answer(self) -> str:
        return self.result.answer.text

    @property
    def passages(self) -> tuple[SearchHit, ...]:
        return self.result.passages or ()

    @property
    def cited(self) -> set[int]:
        """The numbers of the passages that the answer cites, or that support it."""
        written = citations.cited(citations.pieces(self.answer, len(self.passages)))
        return {*written, *supporting(self.result.proof)}


Dialogue = tuple[Exchange, ...]


def history(dialogue: Sequence[Exchange]) -> list[Message]:
    """What was asked and answered before, as the next prompt shows it."""
    pairs = [
        (Message("user", each.question), citations.for_history(each.answer))
        for each in dialogue
        if each.result.asked and each.answer.strip()
    ]
    return [message for pair in pairs for message in pair]


async def exchanges(
    results: AsyncGenerator[Result, None], turn: int, question: str, say: Say
) -> AsyncGenerator[Exchange, None]:
    """The exchange as its answer grows. ``turn`` is its place in the dialogue, counted from 1."""
    made: tuple[str, ...] = ()
    async with aclosing(results):
        async for result in results:
            if result.passages and not made:
                made = await asyncio.to_thread(passages.cards, anchors(turn), question, result.passages, say)
            yield Exchange(question, result, made)


def shown(dialogue: Sequence[Exchange], say: Say) -> list[dict[str, Any]]:
    """The messages for gr.Chatbot."""
    return [message for turn, exchange in enumerate(dialogue, 1) for message in messages(turn, exchange, say)]


def messages(turn: int, exchange: Exchange, say: Say) -> list[dict[str, Any]]:
    """The messages of one exchange for gr.Chatbot."""
    asked = _message("user", as_typed(exchange.question))
    return [asked, _message("assistant", *answered(turn, exchange, say))] if exchange.answer.strip() else [asked]


def _message(role: str, *texts: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text} for text in texts]}


def answered(turn: int, exchange: Exchange, say: Say) -> list[str]:
    """The answer as Markdown, with a link for each citation that exists, and by itself the passages as HTML.

    By itself, because an answer that is still growing may end within code.
    """
    proof, count = exchange.result.proof, len(exchange.passages)
    text, cited = passages.proven(exchange.answer, anchors(turn), count, proof, say)
    notes = passages.legend(proof, say)
    return [part for part in (text.strip(), passages.listed(exchange.cards, cited, say, notes)) if part]


def anchors(turn: int) -> str:
    """How the addresses of a turn's passages begin."""
    return f"ask-{turn}"


def plain(exchange: Exchange, say: Say) -> str:
    """The answer with the numbers that were proven, and the list of the passages it cites."""
    count = len(exchange.passages)
    answer = with_proof(exchange.answer, exchange.result.proof, count, _number)
    cited = citations.cited(citations.pieces(answer, count))
    sources = [f"[{number}] {place(exchange.passages[number - 1], say)}" for number in cited]
    listed = [f"{say('Sources')}:\n" + "\n".join(sources)] if sources else []
    return "\n\n".join([answer.strip(), *listed])


def _number(proven: Proven) -> str:
    return "" if proven.number is None else f" [{proven.number}]"


def markdown(dialogue: Sequence[Exchange], say: Say) -> str:
    """The dialogue as a document: each question a heading, with its answer and the sources below."""
    return "\n".join(f"## {' '.join(each.question.split())}\n\n{plain(each, say)}\n" for each in dialogue)
