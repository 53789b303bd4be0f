"""A question → the passages to answer from, as a prompt shows them; an answer → its text and citations."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from typing import Any

from qwen_ui.knowledge.source import SearchHit, Source
from qwen_ui.knowledge.terms import is_general, question_terms
from qwen_ui.messages import Message
from qwen_ui.text.languages import HAN
from qwen_ui.text.markdown import code_spans

# [1], [1, 2], [1-3], and the brackets that models use in Chinese; not the text of a Markdown link.
MARKER = re.compile(r"[\[【［]\s*(\d{1,3}(?:\s*[-–,，、;]\s*\d{1,3})*)\s*[\]】］](?!\()")
_WITH_SPACE = re.compile(rf"[ \t]?{MARKER.pattern}")
_OPENING = re.compile(r"([\[【［])(?=\s*\d)")
_RANGE = re.compile(r"(\d+)(?:\s*[-–]\s*(\d+))?")
# Words that point back to what was said before.
_POINTS_BACK = re.compile(
    r"\b(?:it|its|they|them|their|this|these|those|he|him|his|she|her|same|former|latter)\b"
    r"|\bthat(?=\W*$|\s+(?:is|was|mean))|^(?:and|but|so|what about|how about)\b"
    r"|[它她这那]|他(?!国)|其(?![他实余])|还有|另外|呢[？?]?$|^为什么[？?]?$|^然后",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Citation:
    """A passage that an answer cites."""

    number: int
    source: str
    passage: str
    score: float
    support: float | None = None
    """How many times as likely the passage makes a sentence of the answer, at most; None where that is not known."""


@dataclass(frozen=True, slots=True)
class CitedAnswer:
    """An answer and the passages it cites, in the order of their numbers."""

    text: str
    citations: tuple[Citation, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """What /ask gives."""
        return {"answer": self.text, "citations": list(map(asdict, self.citations))}


def numbered(passages: Sequence[SearchHit]) -> str:
    """The passages as the prompt shows them, each with its number and where it is from.

    They are quoted, and without numbers in brackets of their own: a passage can't pass a part of it off as another.
    """
    return "\n\n".join(
        f"[{number}] {_unnumbered(source(hit))}\n{quoted(_unnumbered(hit.passage.text.strip()))}"
        for number, hit in enumerate(passages, 1)
    )


def _unnumbered(text: str) -> str:
    """The text with what looks like the number of a passage broken up."""
    return _OPENING.sub("\\1\u200b", text)  # a zero-width space


def quoted(text: str) -> str:
    """The text as a quotation in Markdown: none of its lines can pass for the one who quotes it."""
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def source(hit: SearchHit) -> str:
    """Where a passage is from: document, headings, page, as far as they are known."""
    passage = hit.passage
    page = f"p. {passage.page}" if passage.page else ""
    return ", ".join(part for part in (passage.document, passage.heading, page) if part)


def parse(answer: str, passages: Sequence[SearchHit], support: Mapping[int, float] | None = None) -> CitedAnswer:
    """The answer with the citations in it that there are passages for; whole or still growing.

    ``support`` has the passages, by their numbers, that are known to support a sentence of it, cited there or not.
    """
    known = support or {}
    numbers = sorted({*cited(pieces(answer, len(passages))), *known})
    citations = (replace(_citation(number, passages[number - 1]), support=known.get(number)) for number in numbers)
    return CitedAnswer(answer.strip(), tuple(citations))


def cited(pieces: Iterable[str | tuple[int, ...]]) -> list[int]:
    """The numbers that an answer cites, each once, from the smallest."""
    return sorted({number for piece in pieces if not isinstance(piece, str) for number in piece})


def numbered_citations(passages: Sequence[SearchHit]) -> list[Citation]:
    """The passages as citations of an answer would tell them, counted from 1."""
    return [_citation(number, hit) for number, hit in enumerate(passages, 1)]


def _citation(number: int, hit: SearchHit) -> Citation:
    return Citation(number, source(hit), hit.passage.text, round(hit.score, 4))


def pieces(answer: str, count: int) -> list[str | tuple[int, ...]]:
    """The answer cut at its citations: texts, and the numbers of each citation that are from 1 to ``count``.

    A citation of numbers that do not exist, and whatever stands in code, stays text. Joining the texts
    with ``[n]`` for the numbers gives the answer.
    """
    found: list[str | tuple[int, ...]] = []
    start = at = 0
    for code_start, code_end in chain(code_spans(answer, indented=True), [(len(answer), len(answer))]):
        for match in MARKER.finditer(answer, at, code_start):
            if numbers := _numbers(match[1], count):
                found += [answer[start : match.start()], numbers]
                start = match.end()
        at = code_end
    return [piece for piece in [*found, answer[start:]] if piece]


def _numbers(text: str, count: int) -> tuple[int, ...]:
    """The numbers of "1, 3-5" that are from 1 to ``count``, each once."""
    numbers: dict[int, None] = {}
    for first, last in _RANGE.findall(text):
        numbers |= dict.fromkeys(range(max(int(first), 1), min(int(last or first), count) + 1))
    return tuple(numbers)


def is_chinese(question: str) -> bool:
    """Whether the question is asked in Chinese."""
    return bool(HAN.search(question))


def not_found(question: str) -> str:
    """What to say, in the question's language, when the documents hold nothing about it."""
    if is_chinese(question):
        return "这些文档里没有找到相关内容。请换一种说法提问，或添加其他文档。"
    return "This is not in these documents. Ask in other words, or add other documents."


def search_query(question: str, history: Sequence[Message] = ()) -> str:
    """What to search for: a question that points back ("and why?") is searched with the one before it."""
    earlier = [message.content for message in history if message.role == "user"]
    words = re.findall(rf"{HAN.pattern}|\w+", question)
    if earlier and (len(words) < 4 or _POINTS_BACK.search(question.strip())):
        return f"{earlier[-1]}\n{question}"
    return question


def look_up(source: Source, question: str, history: Sequence[Message] = (), limit: int = 5) -> tuple[SearchHit, ...]:
    """The passages to answer from, best first; none where nothing fits the question."""
    # "Summarize it" names the whole documents; "Why?" names nothing, and is about what was asked before.
    if is_general(question) and (not history or question_terms(question)):
        return tuple(source.openings(limit))
    return tuple(source.retrieve(search_query(question, history), limit))


def for_history(answer: str) -> Message:
    """The answer as the next question's history shows it: without its numbers, as they mean other passages there."""
    return Message("assistant", without_numbers(answer))


def without_numbers(answer: str) -> str:
    """The answer without the numbers of passages in it."""
    return _WITH_SPACE.sub("", answer)
