"""An answer's citations, linked to the passages that they are of, as HTML."""

import re
from collections.abc import Sequence
from itertools import chain

from qwen_ui.knowledge import citations
from qwen_ui.knowledge.proof import Proven, supporting, with_proof
from qwen_ui.knowledge.source import SearchHit
from qwen_ui.knowledge.terms import marks
from qwen_ui.page.words import Say
from qwen_ui.text.markdown import as_typed, harmless

LISTED = 20
"""Passages that are shown though they are not cited: the page gets all of them anew with each update."""
_PLACE = "\ufdd0"
"""Where a chip comes; it stands for no character, and is a space where a model writes it."""
_TEN = 9.95
_MOST_TIMES = 999
_LINE_ENDS = re.compile(r"[\r\v\f\x1c-\x1e\x85\u2028\u2029]")


def cards(anchors: str, question: str, passages: Sequence[SearchHit], say: Say) -> tuple[str, ...]:
    """The passages behind an answer, each one line of HTML that a citation can lead to.

    ``anchors`` is how their addresses begin. To find the question's words in them takes milliseconds.
    """
    return tuple(_card(f"{anchors}-{number}", number, hit, question, say) for number, hit in enumerate(passages, 1))


def _card(anchor: str, number: int, hit: SearchHit, question: str, say: Say) -> str:
    summary = f"<b>{number}</b> {as_typed(place(hit, say))}"
    body = f'<div class="passage">{highlighted(hit.passage.text, question)}</div>{_way_to(hit, say)}'
    return f'<details class="source" id="{anchor}"><summary>{summary}</summary>{body}</details>'


def _way_to(hit: SearchHit, say: Say) -> str:
    """A link that opens the document at the passage (see Ask's ``reader.js``); none where it is no document."""
    id, position = hit.passage.document_id, hit.passage.position
    name = as_typed(say("Open document"))
    return "" if id is None else f'<a class="open-document" href="#ask-open-{id}-{position}">{name}</a>'


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


def proven(answer: str, anchors: str, count: int, proof: Sequence[Proven], say: Say) -> tuple[str, list[int]]:
    """The answer as `linked` gives it, and behind each sentence the passage that supports it, or that none does."""
    marked = with_proof(answer.replace(_PLACE, " "), proof, count, lambda each: _PLACE)
    text, cited = linked(marked, anchors, count)
    first, *rest = text.split(_PLACE)
    chips = (_chip(anchors, each, say) for each in proof)
    shown = "".join(chain([first], chain.from_iterable(zip(chips, rest, strict=True))))
    return shown, sorted({*cited, *supporting(proof)})


def _chip(anchors: str, proven: Proven, say: Say) -> str:
    """What stands behind a sentence."""
    if proven.number is None:
        name = as_typed(say("No passage supports the sentence."))
        return f'<span class="unproven" title="{name}">?</span>'
    number, factor = proven.number, times(proven.support)
    name = as_typed(
        say("With this passage, each token of the sentence is {times} times as likely as without it.", times=factor)
    )
    return f'<a class="cite proven" href="#{anchors}-{number}" title="{name}">{number} <small>×{factor}</small></a>'


def times(support: float) -> str:
    """How many times as likely, in two digits or so."""
    return f"{support:.1f}" if support < _TEN else f"{min(support, _MOST_TIMES):.0f}"


def linked(answer: str, anchors: str, count: int) -> tuple[str, list[int]]:
    """The answer as Markdown, with a link for each citation of one of so many passages; and the numbers it cites."""
    pieces = citations.pieces(harmless(answer), count)
    text = "".join(piece if isinstance(piece, str) else _links(anchors, piece) for piece in pieces)
    return text, citations.cited(pieces)


def _links(anchors: str, numbers: Sequence[int]) -> str:
    return "".join(f'<a class="cite" href="#{anchors}-{number}">{number}</a>' for number in numbers)


def listed(cards: Sequence[str], cited: Sequence[int], say: Say, notes: Sequence[str] = ()) -> str:
    """The passages behind the answer, one line of HTML: those cited open to view, the others folded together.

    Of a long text that was read whole, the others are only counted. ``notes`` come before them.
    """
    used = "".join(cards[number - 1] for number in cited)
    others = [card for number, card in enumerate(cards, 1) if number not in cited]
    head = f'<p class="cited">{as_typed(say("Cited passages"))}</p>' if used else ""
    count = as_typed(say("{count:,} {count:passage|passages} read, not cited", count=len(others)))
    more = f'<details class="uncited"><summary>{count}</summary>{"".join(others)}</details>' if others else ""
    if len(others) > LISTED:
        more = f'<p class="cited">{count}</p>'
    told = "".join(f'<p class="note">{as_typed(note)}</p>' for note in notes)
    return f'<div class="passages">{told}{head}{used}{more}</div>' if cards else ""


def legend(proof: Sequence[Proven], say: Say) -> list[str]:
    """What the chips behind the sentences say."""
    notes = []
    if supporting(proof):
        notes.append(say("×2: with the passage, each token of the sentence is twice as likely as without it."))
    if any(each.number is None for each in proof):
        notes.append(say("?: no passage supports the sentence."))
    return notes
