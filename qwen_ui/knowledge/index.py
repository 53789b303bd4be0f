"""The search index over passages: BM25 in tantivy. It holds terms only, and can always be made again."""

import json
import logging
import math
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from pathlib import Path

import tantivy

from qwen_ui.errors import InvalidInput, NotSaved
from qwen_ui.knowledge import terms
from qwen_ui.knowledge.passages import Passage
from qwen_ui.knowledge.terms import Term

log = logging.getLogger(__name__)

_HEAP = 32_000_000
_LOCK_SECONDS = 1.0
_SMOOTHING = 10
_TERMS_OF_A_QUESTION = 256


def searched_text(passage: Passage) -> str:
    """What of a passage can be found: its document's name and its headings too."""
    return f"{passage.document}\n{passage.heading}\n{passage.text}"


def weigh(text: str, weights: Mapping[str, float]) -> float:
    """The share of a question's weight (see `Index.weights`) whose terms occur in a text, from 0 to 1."""
    there = set(terms.terms(text))
    total = sum(weights.values())
    return sum(weight for term, weight in weights.items() if term in there) / total if total else 0.0


class Index:
    """An index in a folder, or in memory without one. Searching is safe from any thread, and so is `sync`."""

    def __init__(self, folder: Path | None = None) -> None:
        """Opens what the folder holds. If that can't be used it is emptied: `sync` then fills it again."""
        self._folder = folder
        self._lock = threading.Lock()
        self._revision = -1
        self._documents: set[int] = set()
        self._schema = _schema()
        self._index = self._open()

    def sync(self, revision: int, ids: Callable[[], set[int]], read: Callable[[int], Iterable[Passage]]) -> None:
        """Brings the index to what it should hold, unless it is at that revision already.

        `ids` gives the documents' ids, and `read` the passages of one. An id must never stand for another text
        later on. Raises `InvalidInput` if another process writes to the folder.
        """
        if self._revision >= revision:
            return
        with self._lock:
            if self._revision < revision:
                documents = ids()
                if documents != self._documents:
                    try:
                        self._change(documents - self._documents, self._documents - documents, read)
                        self._documents = documents
                        self._save()
                    except (OSError, ValueError) as error:  # tantivy's errors are of the second kind
                        raise _explained(error) from error
                self._revision = revision

    def _change(self, new: set[int], gone: set[int], read: Callable[[int], Iterable[Passage]]) -> None:
        writer = self._writer()
        for document in gone | new:  # a new one is there already if a crash came between its commit and `_save`
            writer.delete_documents_by_term("document", document)
        for document in sorted(new):
            for passage in read(document):
                writer.add_document(_entry(document, passage))
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()

    def _writer(self) -> tantivy.IndexWriter:
        """The folder's only writer.

        Its lock is waited for: another thread may be starting a process, which holds a copy until it runs its program.
        """
        end = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                return self._index.writer(_HEAP, 1)
            except ValueError as error:
                if not _locked(error) or time.monotonic() > end:
                    raise
            time.sleep(_LOCK_SECONDS / 20)

    def search(self, wanted: Sequence[Term], limit: int, left_out: Set[int] = frozenset()) -> list[tuple[int, float]]:
        """The passages with most of the question's terms, by BM25: (id, score), best first; none of these documents."""
        queries = [(tantivy.Occur.Should, self._query(text)) for text in _unique(wanted)]
        if not queries:
            return []
        if left_out:
            others = tantivy.Query.term_set_query(self._schema, "document", sorted(left_out))
            queries.append((tantivy.Occur.MustNot, others))
        searcher = self._index.searcher()
        hits = searcher.search(tantivy.Query.boolean_query(queries), limit, count=False).hits
        ids = searcher.fast_field_values("id", [address for _, address in hits])
        return [(int(id), float(score)) for id, (score, _) in zip(ids, hits, strict=True) if id is not None]

    def weights(self, wanted: Sequence[Term]) -> dict[str, float]:
        """How much each term of a question tells of its subject: the square of its inverse document frequency.

        The frequency is BM25's, smoothed, or a single document would make each of its words worthless. What no
        passage holds says nothing where it is only another way to see what some do hold (see `_is_seam`).
        """
        searcher = self._index.searcher()
        frequencies = {text: searcher.doc_freq("terms", text) for text in _unique(wanted)}
        known = {place for term in wanted if frequencies.get(term.text) for place in range(term.start, term.end)}
        seams = {term.text for term in wanted if not frequencies.get(term.text) and _is_seam(term, known)}
        count = searcher.num_docs + _SMOOTHING
        return {
            text: math.log(1 + (count - frequency + 0.5) / (frequency + 0.5)) ** 2
            for text, frequency in frequencies.items()
            if text not in seams
        }

    def __len__(self) -> int:
        return int(self._index.searcher().num_docs)

    def _query(self, term: str) -> tantivy.Query:
        return tantivy.Query.term_query(self._schema, "terms", term, index_option="freq")

    def _open(self) -> tantivy.Index:
        if self._folder is None:
            return _new(self._schema, None)
        try:
            manifest = json.loads((self._folder / "manifest.json").read_text("utf-8"))
            if manifest["version"] == terms.VERSION:
                index = tantivy.Index.open(str(self._folder))
                index.config_reader("manual")
                index.reload()
                if index.searcher().num_docs == manifest["passages"]:
                    self._documents = set(manifest["documents"])
                    return index
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.info("The search index in %s is made anew: %s", self._folder, error)
        try:
            if self._folder.exists():
                shutil.rmtree(self._folder)
            self._folder.mkdir(parents=True)
            return _new(self._schema, self._folder)
        except (OSError, ValueError) as error:
            raise _explained(error) from error

    def _save(self) -> None:
        if self._folder is None:
            return
        manifest = {"version": terms.VERSION, "passages": len(self), "documents": sorted(self._documents)}
        fresh = self._folder / "manifest.new"
        fresh.write_text(json.dumps(manifest), "utf-8")
        fresh.replace(self._folder / "manifest.json")


def _is_seam(term: Term, known: Set[int]) -> bool:
    """Whether two words only happen to meet in the term, judged by the places of the question that passages know.

    A pair of characters lies between two that are known. Words that are joined may be known apart, or joined to others.
    """
    if term.joined:
        return not known.isdisjoint(range(term.start, term.end))
    return {term.start, term.end - 1} <= known


def _unique(wanted: Sequence[Term]) -> list[str]:
    return list(dict.fromkeys(term.text for term in wanted))[:_TERMS_OF_A_QUESTION]


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("terms", tokenizer_name="whitespace", index_option="freq")
    builder.add_integer_field("id", fast=True)
    builder.add_integer_field("document", indexed=True)
    return builder.build()


def _new(schema: tantivy.Schema, folder: Path | None) -> tantivy.Index:
    index = tantivy.Index(schema, None if folder is None else str(folder), reuse=False)
    index.config_reader("manual")
    return index


def _entry(document: int, passage: Passage) -> tantivy.Document:
    found_by = " ".join(terms.terms(searched_text(passage)))
    return tantivy.Document(terms=found_by, id=passage.id, document=document)


def _locked(error: Exception) -> bool:
    return "LockBusy" in str(error)


def _explained(error: Exception) -> InvalidInput:
    """The error as a sentence, without the folder, which is the host's alone. The documents are safe in any case: the
    index is made from the database."""
    if _locked(error):
        return InvalidInput("Another copy of Qwen UI is using these collections. Close it, or set another --data-dir.")
    log.warning("The search index can't be written: %s", error)
    return NotSaved("The search index can't be written. Free space in the data folder, or allow writing to it.")
