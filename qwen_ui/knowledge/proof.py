"""Which passage each sentence of an answer rests on, told from how probable the sentence is with each of them."""

import math
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest

from qwen_ui.knowledge.citations import MARKER, pieces, without_numbers
from qwen_ui.knowledge.passages import Passage
from qwen_ui.knowledge.source import Memory, SearchHit
from qwen_ui.knowledge.terms import size
from qwen_ui.text.markdown import spans

LEAST = 1.5
"""How many times as likely a passage must make a sentence's tokens to support it: see `bench.citations`."""
MOST_SENTENCES = 40
MOST_CHARACTERS = 6_000
"""Of an answer that is weighed; what comes after is not."""
MOST_PASSAGES = 8
"""That an answer is weighed with: of more, those that have most words in common with its sentences."""
_EACH = 3
"""Passages that are looked up for a sentence, where there are more than can be weighed."""
NOTHING = SearchHit(Passage(0, "", "", None, "…", 0), 0.0)
"""What stands in the place of a passage when an answer is weighed without any."""

_CLOSING = r"[\"'”’」』）)】\]*_]"
# After a sentence with what closes it, the numbers that it cites too; in scripts with spaces only before one, and not
# before a small letter, after an initial or a title. And after a line.
_BORDER = re.compile(
    rf"(?:[。！？][。！？!?]*+{_CLOSING}*+|(?<!\b[A-Z])(?<!\b(?:Dr|Mr|Ms|St))(?<!\bMrs)[.!?…]++{_CLOSING}*+(?=\s*+\Z|\s++(?![a-z])|\s*+{MARKER.pattern}))"
    rf"(?:[ \t]*+{MARKER.pattern})*+|\n"
)
_NO_SENTENCE = re.compile(r"[ \t>]*+#{1,6}[ \t]")
_BESIDE = " \t\r\n|"
"""What is not a sentence's, at its ends: spaces, and the bars of a table."""


@dataclass(frozen=True, slots=True)
class Proven:
    """A sentence of an answer, and the passage that supports it."""

    start: int
    end: int
    """Characters [start, end) of the answer."""
    number: int | None
    """The passage's, counted from 1; None where no passage supports the sentence."""
    support: float
    """How many times as likely the best passage makes each token of the sentence, against none (geometric mean)."""
    is_code: bool = False
    """Whether it is a block of code."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Characters [start, end) of an answer."""

    start: int
    end: int
    is_code: bool = False


def sentences(answer: str) -> list[Stretch]:
    """The sentences of an answer in Markdown, as far as one is weighed: in lines, in cells' rows; code blocks whole."""
    answer = answer[:MOST_CHARACTERS]
    code = list(spans(answer, indented=True))
    within = [(span.start, span.end) for span in code if span.in_text]
    found: list[Stretch] = []
    at = 0
    for block in [span for span in code if not span.in_text]:
        found += [*_sentences(answer, at, block.start, within), Stretch(block.start, block.end, is_code=True)]
        at = block.end
    found += _sentences(answer, at, len(answer), within)
    return [each for each in found if size(without_numbers(answer[each.start : each.end]))][:MOST_SENTENCES]


def _sentences(text: str, start: int, end: int, code: Sequence[tuple[int, int]]) -> Iterator[Stretch]:
    """Those between two blocks of code. What is a word at most, such as a list's number, is with what follows it."""
    first = start
    for border in chain(_BORDER.finditer(text, start, end), [None]):
        stop = border.end() if border else end
        at = bisect_right(code, (stop, 0)) - 1
        if border and at >= 0 and border.start() < code[at][1]:
            continue
        written = text[first:stop]
        ends = border is None or border[0] == "\n"
        if not ends and size(without_numbers(written)) < 2:
            continue
        words = written.strip(_BESIDE)
        begin = first + written.find(words)
        if words and not _NO_SENTENCE.match(words):
            yield Stretch(begin, begin + len(words))
        first = stop


def parts(answer: str, found: Sequence[Stretch]) -> list[str]:
    """What the answer says up to the end of each sentence, from the one before on: without the numbers it cites."""
    starts = [0, *(each.end for each in found)]
    return [without_numbers(answer[start : each.end]) for start, each in zip(starts, found, strict=False)]


def candidates(answer: str, found: Sequence[Stretch], passages: Sequence[SearchHit]) -> list[int]:
    """The numbers of the passages that an answer is weighed with, counted from 1: all, where they are few."""
    if len(passages) <= MOST_PASSAGES:
        return list(range(1, len(passages) + 1))
    numbers = {hit.passage.id: number for number, hit in enumerate(passages, 1)}
    memory = Memory(hit.passage for hit in passages)
    ranked = [memory.search(answer[each.start : each.end], _EACH, relevant=0) for each in found]
    by_rank = chain.from_iterable(zip_longest(*ranked))
    chosen = dict.fromkeys(numbers[hit.passage.id] for hit in by_rank if hit is not None)
    return sorted(list(chosen or numbers.values())[:MOST_PASSAGES])


def choose(
    answer: str, found: Sequence[Stretch], numbers: Sequence[int], rows: Sequence[Sequence[float]]
) -> tuple[Proven, ...]:
    """For each sentence the passage that makes it likeliest, if it makes it `LEAST` times as likely as none.

    ``rows`` has the mean log-probabilities of the sentences' tokens: first without a passage, then with each of those
    numbers alone. What is said again word for word rests on the same: it is likely by then whatever the passage.
    """
    without, *alone = rows
    said: dict[str, Proven] = {}
    proof = []
    for at, each in enumerate(found):
        text = without_numbers(answer[each.start : each.end])
        first = said.setdefault(text, _proven(each, numbers, [row[at] - without[at] for row in alone]))
        proof.append(replace(first, start=each.start, end=each.end))
    return tuple(proof)


def _proven(sentence: Stretch, numbers: Sequence[int], gains: Sequence[float]) -> Proven:
    best = max(range(len(gains)), key=lambda at: gains[at])
    support = math.exp(gains[best])
    number = numbers[best] if support >= LEAST else None
    return Proven(sentence.start, sentence.end, number, support, sentence.is_code)


def supporting(proof: Sequence[Proven]) -> dict[int, float]:
    """The passages that support a sentence, by their numbers from the smallest, each with the most that it does."""
    found: dict[int, float] = {}
    for each in proof:
        if each.number is not None:
            found[each.number] = max(each.support, found.get(each.number, 0))
    return dict(sorted(found.items()))


def with_proof(answer: str, proof: Sequence[Proven], count: int, mark: Callable[[Proven], str]) -> str:
    """The answer with a mark behind each sentence that was weighed.

    The number that a mark tells goes where the model wrote it in that sentence itself. There are ``count`` passages.
    """
    written, end = "", 0
    for each in proof:
        sentence = answer[each.start : each.end]
        if each.number is not None and not each.is_code:
            sentence = _without(sentence, each.number, count)
        put = mark(each)
        written += answer[end : each.start] + sentence + (f"\n\n{put.lstrip()}" if put and each.is_code else put)
        end = each.end
    return written + answer[end:]


def _without(sentence: str, number: int, count: int) -> str:
    """The sentence without that number among those that it cites."""
    kept = ""
    for piece in pieces(sentence, count):
        if isinstance(piece, str):
            kept += piece
        elif others := [other for other in piece if other != number]:
            kept += "".join(f"[{other}]" for other in others)
        else:
            kept = kept.rstrip(" ")
    return kept
