"""What questions are put to: a set of passages that can be searched, in memory or in a collection."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qwen_ui.knowledge.index import Index, searched_text, weigh
from qwen_ui.knowledge.passages import Part, Passage, cut
from qwen_ui.knowledge.terms import is_general, question_terms

RELEVANT = 0.25
"""The least share of the question's weight that the best of the passages found must hold.

Measured on CMRC 2018 (see `bench.search`): right passages stay, and most questions whose passage is not
there find nothing.
"""

MOST_WHOLE = 999
"""Passages of a document that may be read whole: they are cited by numbers of three digits at most."""


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A passage that a search found."""

    passage: Passage
    score: float
    """BM25, higher is better, comparable within one search only; 0 for what was not searched for."""


class Source(ABC):
    """Passages to answer from."""

    left_out: frozenset[int] = frozenset()
    """Ids of documents that are not to be answered from."""

    def retrieve(self, question: str, limit: int = 5) -> list[SearchHit]:
        """What to answer from: openings for a question about the whole, else what a search finds."""
        return self.openings(limit) if is_general(question) else self.search(question, limit)

    def search(self, question: str, limit: int = 5, relevant: float = RELEVANT) -> list[SearchHit]:
        """The passages that fit the question best, best first; none where nothing is relevant.

        `relevant` is the share of the question, from 0 to 1, that the best of them must hold.
        """
        wanted = question_terms(question)
        index = self._index()
        hits = index.search(wanted, limit, self.left_out)
        passages = {passage.id: passage for passage in self._read([id for id, _ in hits])}
        found = [SearchHit(passages[id], score) for id, score in hits if id in passages]
        weights = index.weights(wanted)
        if any(weigh(searched_text(hit.passage), weights) >= relevant for hit in found):
            return found
        return []

    def whole(self, question: str, characters: int) -> list[SearchHit]:
        """Every passage in order, where there is one document of at most so many characters; else none.

        The score is that of a search for the question, 0 for a passage that has nothing of it.
        """
        passages = self._only_document()
        if not passages or sum(len(passage.text) for passage in passages) > characters:
            return []
        scores = dict(self._index().search(question_terms(question), len(passages), self.left_out))
        return [SearchHit(passage, scores.get(passage.id, 0.0)) for passage in passages]

    @abstractmethod
    def openings(self, limit: int = 5) -> list[SearchHit]:
        """How the documents begin: the first passage of each, then the second of each, up to the limit."""

    @abstractmethod
    def _only_document(self) -> Sequence[Passage]:
        """The passages of the only document, in order; none where there are several, or more than `MOST_WHOLE`."""

    @abstractmethod
    def _index(self) -> Index:
        """The index, up to date."""

    @abstractmethod
    def _read(self, ids: Sequence[int]) -> list[Passage]:
        """The passages with these ids, in any order; ids that are no more are left out."""


class Memory(Source):
    """Passages held in memory: pasted text, or any that were cut before."""

    def __init__(self, passages: Iterable[Passage]) -> None:
        """Indexes the passages. Their ids must differ."""
        self._passages = {passage.id: passage for passage in passages}
        self._made = Index()
        self._made.sync(0, lambda: {0}, lambda _: self._passages.values())

    def openings(self, limit: int = 5) -> list[SearchHit]:
        first = sorted(self._passages.values(), key=lambda passage: (passage.position, passage.id))[:limit]
        return [SearchHit(passage, 0.0) for passage in sorted(first, key=lambda passage: passage.id)]

    def _only_document(self) -> Sequence[Passage]:
        passages = list(self._passages.values())
        several = len({passage.document for passage in passages}) > 1
        return [] if several or len(passages) > MOST_WHOLE else passages

    def _index(self) -> Index:
        return self._made

    def _read(self, ids: Sequence[int]) -> list[Passage]:
        return [self._passages[id] for id in ids]


def pasted(text: str, name: str = "") -> Memory:
    """Pasted text (Markdown or plain) as a source; `name` is shown as its document's."""
    passages = cut([Part(text)], name)
    if text.strip() and not passages:  # no words in it, but perhaps a row of stars to ask about
        passages = [Passage(0, name, "", None, text.strip(), 0)]
    return Memory(passages)
