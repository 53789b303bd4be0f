"""A dialogue as the page shows it, its citations linked to their passages, and as plain text to take along."""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from qwen_ui.knowledge.source import SearchHit
from qwen_ui.knowledge.terms import marks
from qwen_ui.messages import Message
from qwen_ui.page.words import Say
from qwen_ui.tabs.ask import citations
from qwen_ui.tabs.ask.task import Result
from qwen_ui.text.markdown import as_typed, harmless

SHOW_PASSAGE = """() => {
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a.cite");
    if (!link) return;
    event.preventDefault();
    const passage = document.getElementById(link.hash.slice(1));
    if (!passage) return;
    for (let at = passage; at; at = at.parentElement?.closest("details")) at.open = true;
    passage.scrollIntoView({block: "nearest"});
    passage.querySelector("summary").focus({preventScroll: true});
  });
}"""
"""A click on a citation opens its passage and goes there; within a page it needs no address of its own."""
_LISTED = 20
"""Passages that are shown though they are not cited: the page gets all of them anew with each update."""
_LINE_ENDS = re.compile(r"[\r\v\f\x1c-\x1e\x85\u2028\u2029]")


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
                made = await asyncio.to_thread(cards, turn, question, result.passages, say)
            yield Exchange(question, result, made)


def cards(turn: int, question: str, passages: Sequence[SearchHit], say: Say) -> tuple[str, ...]:
    """The passages behind an answer, each one line of HTML that a citation can lead to."""
    return tuple(_card(_anchor(turn, number), number, hit, question, say) for number, hit in enumerate(passages, 1))


def _card(anchor: str, number: int, hit: SearchHit, question: str, say: Say) -> str:
    summary = f"<b>{number}</b> {as_typed(place(hit, say))}"
    body = f'<div class="passage">{highlighted(hit.passage.text, question)}</div>'
    return f'<details class="source" id="{anchor}"><summary>{summary}</summary>{body}</details>'


def _anchor(turn: int, number: int) -> str:
    return f"ask-{turn}-{number}"


def place(hit: SearchHit, say: Say) -> str:
    """Where a passage is from: document, headings, page, as far as they are known."""
    passage = hit.passage
    page = say("page {page}", page=passage.page) if passage.page else ""
    return " · ".join(part for part in (passage.document, passage.heading, page) if part)


def highlighted(text: str, question: str) -> str:
    """A passage as text in HTML, on one line, with the question's words marked."""
    parts, end = [], 0
    for start, stop in marks(text, question):
        parts += [_shown_as_text(text[end:start]), f"<mark>{_shown_as_text(text[start:stop])}</mark>"]
        end = stop
    return "".join([*parts, _shown_as_text(text[end:])])


def _shown_as_text(text: str) -> str:
    return as_typed(_LINE_ENDS.sub("\n", text))


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
    pieces = citations.pieces(harmless(exchange.answer.strip()), len(exchange.passages))
    text = "".join(piece if isinstance(piece, str) else _links(turn, piece) for piece in pieces)
    return [part for part in (text, _passages(exchange.cards, citations.cited(pieces), say)) if part]


def _links(turn: int, numbers: Sequence[int]) -> str:
    return "".join(f'<a class="cite" href="#{_anchor(turn, number)}">{number}</a>' for number in numbers)


def _passages(made: Sequence[str], cited: Sequence[int], say: Say) -> str:
    """The passages behind the answer, one line of HTML: those cited open to view, the others folded together.

    Of a long text that was read whole, the others are only counted.
    """
    used = "".join(made[number - 1] for number in cited)
    others = [card for number, card in enumerate(made, 1) if number not in cited]
    head = f'<p class="cited">{as_typed(say("Cited passages"))}</p>' if used else ""
    count = as_typed(say("{count:,} {count:passage|passages} read, not cited", count=len(others)))
    more = f'<details class="uncited"><summary>{count}</summary>{"".join(others)}</details>' if others else ""
    if len(others) > _LISTED:
        more = f'<p class="cited">{count}</p>'
    return f'<div class="passages">{head}{used}{more}</div>' if made else ""


def plain(exchange: Exchange, say: Say) -> str:
    """The answer with the list of the passages it cites."""
    cited = citations.cited(citations.pieces(exchange.answer, len(exchange.passages)))
    sources = [f"[{number}] {place(exchange.passages[number - 1], say)}" for number in cited]
    listed = [f"{say('Sources')}:\n" + "\n".join(sources)] if sources else []
    return "\n\n".join([exchange.answer.strip(), *listed])


def markdown(dialogue: Sequence[Exchange], say: Say) -> str:
    """The dialogue as a document: each question a heading, with its answer and the sources below."""
    return "\n".join(f"## {' '.join(each.question.split())}\n\n{plain(each, say)}\n" for each in dialogue)
