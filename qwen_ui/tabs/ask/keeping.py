"""What the browser keeps of Ask over a reload: the dialogue with its passages, and what is answered from."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qwen_ui.knowledge.passages import Passage
from qwen_ui.knowledge.proof import MOST_SENTENCES, Proven
from qwen_ui.knowledge.source import MOST_WHOLE, SearchHit
from qwen_ui.messages import Answer, Message
from qwen_ui.page.kept import not_kept
from qwen_ui.page.passages import LISTED, cards
from qwen_ui.page.words import Say
from qwen_ui.tabs.ask.dialogue import Dialogue, Exchange, anchors
from qwen_ui.tabs.ask.documents import is_number, numbers
from qwen_ui.tabs.ask.task import Result

KINDS = ("model", "text", "documents")
MOST_EXCHANGES = 1_000
LONGEST = 300_000
"""Characters of a question, an answer, or a passage."""
_NOT_SHOWN = SearchHit(Passage(0, "", "", None, "", 0), 0.0)


@dataclass(frozen=True, slots=True)
class Source:
    """What is answered from."""

    kind: str = "model"
    collection: str = ""
    """Its id; the pasted text is kept where it was typed."""
    left_out: frozenset[int] = frozenset()
    """Ids of documents that are not searched."""


def to_browser(source: Source, dialogue: Dialogue) -> dict[str, Any]:
    """What `from_browser` reads."""
    return {
        "kind": source.kind,
        "collection": source.collection,
        "left": sorted(source.left_out),
        "exchanges": [_packed(exchange) for exchange in dialogue],
    }


def _packed(exchange: Exchange) -> dict[str, Any]:
    """An exchange with the passages that are shown below it: of others it is only known that they were read."""
    cited, count = exchange.cited, len(exchange.passages)
    shown = cited if count - len(cited) > LISTED else set(range(1, count + 1))
    passages = [_fields(hit.passage) if n in shown else None for n, hit in enumerate(exchange.passages, 1)]
    result = exchange.result
    kept = {"question": exchange.question, "answer": exchange.answer, "asked": result.asked, "passages": passages}
    return kept | {"proof": [[p.start, p.end, p.number, p.support, p.is_code] for p in result.proof]}


def _fields(passage: Passage) -> dict[str, Any]:
    return {
        "document": passage.document,
        "heading": passage.heading,
        "page": passage.page,
        "text": passage.text,
        "position": passage.position,
        "id": passage.document_id,
    }


def from_browser(kept: Any, say: Say) -> tuple[Source, Dialogue]:
    """What was kept. Raises `InvalidInput` for anything else: it is the visitor's to change."""
    work = _mapping(kept)
    kind, collection, exchanges = work.get("kind"), work.get("collection"), work.get("exchanges")
    _must(kind in KINDS and isinstance(exchanges, list) and len(exchanges) <= MOST_EXCHANGES)
    source = Source(str(kind), _text(collection, 100), numbers(work.get("left")))
    return source, tuple(_exchange(turn, each, say) for turn, each in enumerate(exchanges or [], 1))


def _exchange(turn: int, kept: Any, say: Say) -> Exchange:
    fields = _mapping(kept)
    question, answer, passages = _text(fields.get("question")), _text(fields.get("answer")), fields.get("passages")
    _must(isinstance(passages, list) and len(passages) <= MOST_WHOLE and bool(question.strip()))
    hits = tuple(_hit(number, each) for number, each in enumerate(passages or []))
    proof = _proof(fields.get("proof", []), len(answer), len(hits))
    result = Result(hits, Answer(answer), fields.get("asked") is not False, proof=proof)
    return Exchange(question, result, cards(anchors(turn), question, hits, say))


def _proof(kept: Any, characters: int, passages: int) -> tuple[Proven, ...]:
    """The sentences of an answer so long, in order, with the passages that support them."""
    _must(isinstance(kept, list) and len(kept) <= MOST_SENTENCES)
    proof, after = [], 0
    for each in kept:
        _must(isinstance(each, list) and len(each) == 5)
        start, end, number, support, is_code = each
        _must(is_number(start) and is_number(end) and after <= start < end <= characters)
        _must(number is None or (is_number(number) and 1 <= number <= passages))
        _must(isinstance(support, int | float) and 0 <= support < math.inf and isinstance(is_code, bool))
        proof.append(Proven(start, end, number, support, is_code))
        after = end
    return tuple(proof)


def _hit(number: int, kept: Any) -> SearchHit:
    if kept is None:
        return _NOT_SHOWN
    fields = _mapping(kept)
    page, id, position = fields.get("page"), fields.get("id"), fields.get("position", -1)
    _must(is_number(position) and all(each is None or is_number(each) for each in (page, id)))
    texts = [_text(fields.get(name)) for name in ("document", "heading", "text")]
    return SearchHit(Passage(number, texts[0], texts[1], page, texts[2], position, id), 0.0)


def _mapping(value: Any) -> Mapping[str, Any]:
    _must(isinstance(value, dict))
    return dict(value)


def _text(value: Any, longest: int = LONGEST) -> str:
    _must(isinstance(value, str) and len(value) <= longest)
    return Message("user", value).content  # a message refuses what is not valid Unicode


def _must(holds: bool) -> None:
    if not holds:
        raise not_kept()
