"""The library: collections of documents in a folder, to make, fill and ask."""

import asyncio
import hashlib
import logging
import shutil
import threading
import time
import unicodedata
from collections.abc import AsyncGenerator, Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePath
from typing import Literal

from qwen_ui.errors import InvalidInput, NotSaved
from qwen_ui.knowledge.convert import Limits, convert, load
from qwen_ui.knowledge.index import Index
from qwen_ui.knowledge.passages import Part, Passage, cut
from qwen_ui.knowledge.quota import Quota
from qwen_ui.knowledge.readers import Readers
from qwen_ui.knowledge.source import MOST_WHOLE, SearchHit, Source
from qwen_ui.knowledge.store import CollectionInfo, Document, Store, name_key
from qwen_ui.sentences import Sentence
from qwen_ui.text.confined import Unreadable
from qwen_ui.text.decode import Candidate, UncertainEncoding

log = logging.getLogger(__name__)

State = Literal["reading", "added", "duplicate", "skipped", "uncertain"]
"""``uncertain``: the file may be in one of several encodings, and has to be added again with the one chosen."""
_NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to add."""

    path: Path
    name: str = ""
    """The name it had where it comes from, to show; the path's where there is none."""
    encoding: str = ""
    """Of a text file, where the one who adds it has chosen it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One moment of adding files."""

    file: str
    number: int
    """Which file, counted from 1."""
    total: int
    state: State = "reading"
    detail: Sentence | None = None
    """Of a file that was skipped or is there already: why. Of one that was added: what is missing in it."""
    passages: int = 0
    """Of a file that was added: how many passages it gave."""
    candidates: tuple[Candidate, ...] = ()
    """Of an uncertain file: the encodings to choose from."""


class Library:
    """All collections of a data folder. One library a folder and process; safe from any thread, but for adding.

    Each collection belongs to an owner, by default nobody in particular; whoever lists or opens names theirs.
    """

    def __init__(self, folder: Path, limits: Limits | None = None, quota: Quota | None = None) -> None:
        """Opens the folder, which is made if need be. Raises `InvalidInput` if it can't be used."""
        try:
            (folder / "indexes").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidInput(
                "The folder {folder} can't be made: {error}. Set --data-dir.",
                folder=folder,
                error=error.strerror or error,
            ) from error
        self._indexes = folder / "indexes"
        self._limits = limits or Limits()
        self._quota = quota or Quota()
        self._store = Store(folder / "library.sqlite3")
        self._open: dict[str, Index] = {}
        self._readers = Readers()
        self._lock = threading.Lock()
        for left in {path.name for path in self._indexes.iterdir()} - self._store.ids():
            self._drop(left)

    def collections(self, owner: str = "") -> list[CollectionInfo]:
        """The owner's collections, by name."""
        return self._store.collections(owner)

    def create(self, name: str, owner: str = "", address: str = "") -> "Collection":
        """Makes an empty collection. The address is where its owner comes from: visitors' are counted by it.

        Raises `InvalidInput` for a name that is taken, empty or too long, and for a visitor's collection too many.
        """
        address = address if owner else ""
        check = partial(self._quota.check_collection, self._store, owner, address)
        id = self._store.create(name, owner, address, check)
        return self.open(id, owner)

    def open(self, id: str, owner: str = "") -> "Collection":
        """A collection of the owner's. Raises `InvalidInput` if there is none with that id."""
        if not self._store.collections(owner, id):
            raise InvalidInput("There is no such collection. Choose one from the list.")
        return Collection(self, id, owner)

    def named(self, name: str, owner: str = "") -> "Collection":
        """A collection of the owner's by its name. Raises `InvalidInput` if there is none."""
        for info in self.collections(owner):
            if name_key(info.name) == name_key(name):
                return Collection(self, info.id, owner)
        raise InvalidInput("There is no collection named {name!r}.", name=name)

    def document(self, id: int, owner: str = "") -> Document:
        """A document in any of the owner's collections. Raises `InvalidInput` if there is none with that id."""
        document = self._store.document(id, owner)
        if document is None:
            raise InvalidInput("This document is no longer there: it was removed, or its time was up.")
        return document

    def read(self, document: Document, start: int, limit: int) -> list[Passage]:
        """So many passages of the document's text, from the one at that position."""
        return self._store.passages_of(document.id, start, limit)

    def rename(self, id: str, name: str, owner: str = "") -> None:
        """Gives a collection another name. Raises `InvalidInput` as `create` and `open` do."""
        self.open(id, owner)
        self._store.rename(id, name)

    def delete(self, id: str, owner: str = "") -> None:
        """Removes a collection with its documents. Raises `InvalidInput` if there is none with that id."""
        self.open(id, owner)
        self._delete(id)

    def expire(self, seconds: float) -> None:
        """Removes what visitors (owners with a name) made more than so many seconds ago, and forgets their addresses.

        A collection that can't be removed keeps none of the others; it is tried again the next time.
        """
        before = time.time() - seconds
        for id in self._store.visitors_before(before):
            try:
                self._delete(id)
                log.info("A visitor's collection has expired")
            except Exception:
                log.exception("A visitor's collection that has expired can't be removed")
        self._store.forget_before(before)

    async def read_upload(self, upload: Upload, visitor: str = "") -> list[Part]:
        """The parts of a file, none of which is kept. Visitors take turns, as when they add files.

        Raises `Unreadable` and `UncertainEncoding`, which call the file by its `name_of`.
        """

        def read() -> list[Part]:
            name = name_of(upload)
            return convert(load(upload.path, name, self._limits), name, self._limits, upload.encoding)

        async with self._readers.turn(visitor):
            return await self._readers.read(read)

    def _delete(self, id: str) -> None:
        self._store.delete(id)
        with self._lock:
            self._open.pop(id, None)
        self._drop(id)

    def _index(self, id: str) -> Index:
        """The collection's index, brought up to date with the store."""
        revision = self._store.revision(id)
        if revision is None:
            raise InvalidInput("This collection has been deleted.")
        with self._lock:
            if id not in self._open:
                self._open[id] = Index(self._indexes / id)
            index = self._open[id]
        index.sync(revision, lambda: self._store.document_ids(id), self._store.passages_of)
        return index

    def _drop(self, id: str) -> None:
        try:
            shutil.rmtree(self._indexes / id)
        except OSError as error:  # on Windows while someone searches; the next start clears it away
            log.info("The index of a deleted collection stays for now: %s", error)


class Collection(Source):
    """One collection: its documents, and the search in them. Made by `Library`."""

    def __init__(self, library: Library, id: str, owner: str) -> None:
        self.id = id
        self._owner = owner
        self._library = library
        self._store = library._store
        self._limits = library._limits

    def documents(self) -> list[Document]:
        """The documents, in the order they were added."""
        return self._store.documents(self.id)

    def without(self, documents: Iterable[int]) -> "Collection":
        """The same collection, to be answered from without these of its documents."""
        other = copy(self)
        other.left_out = frozenset(documents)
        return other

    def remove(self, document: int) -> None:
        self._store.remove(self.id, document)

    async def add(self, uploads: Sequence[Upload], address: str = "") -> AsyncGenerator[Step, None]:
        """Adds files one after the other: for each a step once its turn has come, and one that says how it went.

        A file that can't be read is skipped, with the reason. What has been added stays, whatever happens then; the
        file in work when this is cancelled is still added first. The address is where the files come from: addresses
        take turns (see `Readers`, which is for one event loop), and a visitor's passages are counted by it.
        """
        added, readers = False, self._library._readers
        for number, upload in enumerate(uploads, 1):
            step = Step(name_of(upload), number, len(uploads))
            async with readers.turn(address or self._owner):
                yield step
                step = await readers.read(partial(self._add, step, upload, address if self._owner else ""))
            added = added or step.state == "added"
            yield step
        if added:
            await asyncio.to_thread(self._index)  # now, so that the first question does not wait for it

    def openings(self, limit: int = 5) -> list[SearchHit]:
        return [SearchHit(passage, 0.0) for passage in self._store.openings(self.id, limit, self.left_out)]

    def _only_document(self) -> list[Passage]:
        documents = [document for document in self.documents() if document.id not in self.left_out]
        few = len(documents) == 1 and documents[0].passages <= MOST_WHOLE
        return self._store.passages_of(documents[0].id) if few else []

    def _add(self, step: Step, upload: Upload, address: str) -> Step:
        """Adds the step's file; the step that says how it went."""
        try:
            return self._added(step, load(upload.path, step.file, self._limits), upload.encoding, address)
        except UncertainEncoding as error:
            return replace(step, state="uncertain", detail=error.sentence, candidates=error.candidates)
        except Unreadable as error:
            return replace(step, state="skipped", detail=error.sentence)
        except NotSaved as error:
            log.warning("A document could not be saved: %s", error)
            return replace(step, state="skipped", detail=Sentence("{file}: {error}", file=step.file, error=error))

    def _added(self, step: Step, data: bytes, encoding: str, address: str) -> Step:
        file, sha256 = step.file, hashlib.sha256(data).hexdigest()
        same = self._store.same(self.id, sha256)
        if same is None:
            parts = convert(data, file, self._limits, encoding)
            passages = cut(parts, file)
            if not 0 < len(passages) <= self._limits.passages:
                raise Unreadable(
                    "{file} gives {count:,} {count:passage|passages}, and 1 to {limit:,} are allowed.",
                    file=file,
                    count=len(passages),
                    limit=self._limits.passages,
                )
            quota = self._library._quota
            check = partial(quota.check_passages, self._store, self._owner, address, file, len(passages))
            if self._store.add(self.id, file, sha256, len(data), passages, address, check):
                return replace(step, state="added", passages=len(passages), detail=parts[0].note)
        detail = Sentence("{file} is in this collection already, as {name}.", file=file, name=same or file)
        return replace(step, state="duplicate", detail=detail)

    def _index(self) -> Index:
        return self._library._index(self.id)

    def _read(self, ids: Sequence[int]) -> list[Passage]:
        return self._store.passages(ids)


def name_of(upload: Upload) -> str:
    """A file's name fit to show: without folders and characters that are not seen, its extension kept."""
    name = (upload.name or upload.path.name).replace("\\", "/").rsplit("/", 1)[-1]
    name = unicodedata.normalize("NFC", name)
    name = "".join(c for c in name if c.isprintable()).strip() or "document"
    extension = PurePath(name).suffix[:10]
    return name if len(name) <= _NAME_LENGTH else name[: _NAME_LENGTH - len(extension) - 1] + "…" + extension
