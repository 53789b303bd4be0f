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


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A passage that a search found."""

    passage: Passage
    score: float
    """BM25, higher is better, comparable within one search only; 0 for an opening."""


class Source(ABC):
    """Passages to answer from."""

    def retrieve(self, question: str, limit: int = 5) -> list[SearchHit]:
        """What to answer from: openings for a question about the whole, else what a search finds."""
        return self.openings(limit) if is_general(question) else self.search(question, limit)

    def search(self, question: str, limit: int = 5, relevant: float = RELEVANT) -> list[SearchHit]:
        """The passages that fit the question best, best first; none where nothing is relevant.

        `relevant` is the share of the question, from 0 to 1, that the best of them must hold.
        """
        wanted = question_terms(question)
        index = self._index()
        hits = index.search(wanted, limit)
        passages = {passage.id: passage for passage in self._read([id for id, _ in hits])}
        found = [SearchHit(passages[id], score) for id, score in hits if id in passages]
        weights = index.weights(wanted)
        if any(weigh(searched_text(hit.passage), weights) >= relevant for hit in found):
            return found
        return []

    @abstractmethod
    def openings(self, limit: int = 5) -> list[SearchHit]:
        """How the documents begin: the first passage of each, then the second of each, up to the limit."""

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

    def _index(self) -> Index:
        return self._made

    def _read(self, ids: Sequence[int]) -> list[Passage]:
        return [self._passages[id] for id in ids]


def pasted(text: str, name: str = "") -> Memory:
    """Pasted text (Markdown or plain) as a source; `name` is shown as its document's."""
    return Memory(cut([Part(text)], name))
