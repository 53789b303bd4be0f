"""A dialogue as the page shows it, its citations linked to their passages, and as plain text to take along."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from qwen_ui.knowledge.terms import marks
from qwen_ui.tasks import ask
from qwen_ui.ui.ask.dialogue import Dialogue, Exchange
from qwen_ui.ui.ask.sources import Evidence
from qwen_ui.ui.conversation import as_typed, harmless
from qwen_ui.ui.texts import Say

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


def shown(dialogue: Dialogue, say: Say) -> list[dict[str, Any]]:
    """The messages for gr.Chatbot."""
    return [message for turn, exchange in enumerate(dialogue, 1) for message in _messages(turn, exchange, say)]


def _messages(turn: int, exchange: Exchange, say: Say) -> Iterable[dict[str, Any]]:
    yield _message("user", as_typed(exchange.question))
    if exchange.answer.strip():
        yield _message("assistant", *answered(turn, exchange, say))


def _message(role: str, *texts: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text} for text in texts]}


def answered(turn: int, exchange: Exchange, say: Say) -> list[str]:
    """The answer as Markdown, with a link for each citation that exists, and by itself the passages as HTML.

    By itself, because an answer that is still growing may end within code.
    """
    pieces = ask.pieces(harmless(exchange.answer.strip()), len(exchange.passages))
    cited = sorted({number for piece in pieces if not isinstance(piece, str) for number in piece})
    text = "".join(piece if isinstance(piece, str) else _links(turn, piece) for piece in pieces)
    return [part for part in (text, _passages(turn, exchange, cited, say)) if part]


def _links(turn: int, numbers: Sequence[int]) -> str:
    return "".join(f'<a class="cite" href="#{_anchor(turn, number)}">{number}</a>' for number in numbers)


def _anchor(turn: int, number: int) -> str:
    return f"ask-{turn}-{number}"


def _passages(turn: int, exchange: Exchange, cited: Sequence[int], say: Say) -> str:
    """The passages behind the answer, one line of HTML: those cited open to view, the others folded together."""
    cards = {
        number: _card(_anchor(turn, number), number, passage, exchange.question, say)
        for number, passage in enumerate(exchange.passages, 1)
    }
    used = "".join(cards[number] for number in cited)
    rest = "".join(card for number, card in cards.items() if number not in cited)
    head = f'<p class="cited">{as_typed(say("ask_cited"))}</p>' if used else ""
    fold = as_typed(say("ask_also_read", count=len(cards) - len(cited)))
    more = f'<details class="uncited"><summary>{fold}</summary>{rest}</details>' if rest else ""
    return f'<div class="passages">{head}{used}{more}</div>' if cards else ""


def _card(anchor: str, number: int, passage: Evidence, question: str, say: Say) -> str:
    summary = f"<b>{number}</b> {as_typed(place(passage, say))}"
    body = f'<div class="passage">{marked(passage.text, question)}</div>'
    return f'<details class="source" id="{anchor}"><summary>{summary}</summary>{body}</details>'


def place(passage: Evidence, say: Say) -> str:
    """Where a passage is from: document, headings, page, as far as they are known."""
    page = say("ask_page", page=passage.page) if passage.page else ""
    return " · ".join(part for part in (passage.document, passage.heading, page) if part)


@lru_cache(maxsize=512)  # shown again with each update of an answer, while finding the words takes milliseconds
def marked(text: str, question: str) -> str:
    """A passage as text in HTML, on one line, with the question's words marked."""
    parts, end = [], 0
    for start, stop in marks(text, question):
        parts += [_shown_as_text(text[end:start]), f"<mark>{_shown_as_text(text[start:stop])}</mark>"]
        end = stop
    return "".join([*parts, _shown_as_text(text[end:])])


_LINE_ENDS = re.compile(r"[\r\v\f\x1c-\x1e\x85\u2028\u2029]")


def _shown_as_text(text: str) -> str:
    return as_typed(_LINE_ENDS.sub("\n", text))


def plain(exchange: Exchange, say: Say) -> str:
    """The answer with the list of the passages it cites."""
    pieces = ask.pieces(exchange.answer, len(exchange.passages))
    cited = sorted({number for piece in pieces if not isinstance(piece, str) for number in piece})
    sources = [f"[{number}] {place(exchange.passages[number - 1], say)}" for number in cited]
    listed = [f"{say('ask_sources')}:\n" + "\n".join(sources)] if sources else []
    return "\n\n".join([exchange.answer.strip(), *listed])


def markdown(dialogue: Dialogue, say: Say) -> str:
    """The dialogue as a document: each question a heading, with its answer and the sources below."""
    parts = [f"## {' '.join(each.question.split())}\n\n{plain(each, say)}" for each in dialogue]
    return "\n\n".join(parts) + "\n"
