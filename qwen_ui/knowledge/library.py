"""The library: collections of documents in a folder, to make, fill and ask."""

import hashlib
import logging
import shutil
import threading
import time
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal

from qwen_ui.errors import InvalidInput, NotSaved
from qwen_ui.knowledge.convert import Limits, Unreadable, convert, load, suffix_of
from qwen_ui.knowledge.index import Index
from qwen_ui.knowledge.passages import Passage, cut
from qwen_ui.knowledge.source import Found, Source
from qwen_ui.knowledge.store import CollectionInfo, Document, Store, name_key

log = logging.getLogger(__name__)

State = Literal["reading", "added", "duplicate", "skipped"]
_NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to add."""

    path: Path
    name: str = ""
    """The name it had where it comes from, to show; the path's where there is none."""


@dataclass(frozen=True, slots=True)
class Step:
    """One moment of adding files."""

    file: str
    number: int
    """Which file, counted from 1."""
    total: int
    state: State
    detail: str = ""
    """Of a file that was skipped or is there already: a sentence that says why."""
    passages: int = 0
    """Of a file that was added: how many passages it gave."""


@dataclass(frozen=True, slots=True)
class Quota:
    """How much visitors (owners with a name) may keep. A passage is some hundred characters."""

    collections: int = 20
    """Of one visitor."""
    passages: int = 20_000
    """Of one visitor: a shelf of books."""
    all_passages: int = 1_000_000
    """Of all visitors together: a gigabyte or two with the index."""


class Library:
    """All collections of a data folder. One library a folder and process; safe from any thread.

    Each collection belongs to an owner, by default nobody in particular; whoever lists or opens names theirs.
    """

    def __init__(self, folder: Path, limits: Limits | None = None, quota: Quota | None = None) -> None:
        """Opens the folder, which is made if need be. Raises `InvalidInput` if it can't be used."""
        try:
            (folder / "indexes").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidInput(f"The folder {folder} can't be made: {error.strerror}. Set --data-dir.") from error
        self._indexes = folder / "indexes"
        self._limits = limits or Limits()
        self._quota = quota or Quota()
        self._store = Store(folder / "library.sqlite3")
        self._open: dict[str, Index] = {}
        self._lock = threading.Lock()
        for left in {path.name for path in self._indexes.iterdir()} - self._store.ids():
            self._drop(left)

    def collections(self, owner: str = "") -> list[CollectionInfo]:
        """The owner's collections, by name."""
        return self._store.collections(owner)

    def create(self, name: str, owner: str = "") -> "Collection":
        """Makes an empty collection.

        Raises `InvalidInput` for a name that is taken, empty or too long, and for a visitor's collection too many.
        """
        if owner and len(self.collections(owner)) >= self._quota.collections:
            raise InvalidInput(
                f"You have {self._quota.collections} collections, and a visitor may have no more. Delete one first."
            )
        return self.open(self._store.create(name, owner), owner)

    def open(self, id_: str, owner: str = "") -> "Collection":
        """A collection of the owner's. Raises `InvalidInput` if there is none with that id."""
        if not self._store.collections(owner, id_):
            raise InvalidInput("There is no such collection. Choose one from the list.")
        return Collection(self, id_, owner)

    def named(self, name: str, owner: str = "") -> "Collection":
        """A collection of the owner's by its name. Raises `InvalidInput` if there is none."""
        for info in self.collections(owner):
            if name_key(info.name) == name_key(name):
                return Collection(self, info.id, owner)
        raise InvalidInput(f"There is no collection named {name!r}.")

    def rename(self, id_: str, name: str, owner: str = "") -> None:
        """Gives a collection another name. Raises `InvalidInput` as `create` and `open` do."""
        self.open(id_, owner)
        self._store.rename(id_, name)

    def delete(self, id_: str, owner: str = "") -> None:
        """Removes a collection with its documents. Raises `InvalidInput` if there is none with that id."""
        self.open(id_, owner)
        self._store.delete(id_)
        with self._lock:
            self._open.pop(id_, None)
        self._drop(id_)

    def expire(self, seconds: float) -> None:
        """Removes the collections of visitors (owners with a name) that were made more than so many seconds ago."""
        for id_, owner in self._store.made_before(time.time() - seconds):
            if owner:
                log.info("A visitor's collection has expired")
                self.delete(id_, owner)

    def _check_room(self, owner: str, passages: int) -> None:
        """Raises `Unreadable` when so many passages are more than the owner may still add."""
        if not owner:
            return
        held, most = self._store.passages_held(owner), self._quota.passages
        if held + passages > most:
            raise Unreadable(
                f"gives {passages:,} passages; you have {held:,}, and a visitor may keep {most:,}. Remove some first."
            )
        if self._store.passages_held() + passages > self._quota.all_passages:
            raise Unreadable("finds no room: visitors' documents fill it at present. Try again later.")

    def _index(self, id_: str) -> Index:
        """The collection's index, brought up to date with the store."""
        revision = self._store.revision(id_)
        if revision is None:
            raise InvalidInput("This collection has been deleted.")
        with self._lock:
            if id_ not in self._open:
                self._open[id_] = Index(self._indexes / id_)
            index = self._open[id_]
        index.sync(revision, lambda: self._store.document_ids(id_), self._store.passages_of)
        return index

    def _drop(self, id_: str) -> None:
        try:
            shutil.rmtree(self._indexes / id_)
        except OSError as error:  # on Windows while someone searches; the next start clears it away
            log.info("The index of a deleted collection stays for now: %s", error)


class Collection(Source):
    """One collection: its documents, and the search in them. Made by `Library`."""

    def __init__(self, library: Library, id_: str, owner: str) -> None:
        self.id = id_
        self._owner = owner
        self._library = library
        self._store = library._store
        self._limits = library._limits

    def documents(self) -> list[Document]:
        """The documents, in the order they were added."""
        return self._store.documents(self.id)

    def remove(self, document: int) -> None:
        """Takes a document out, by its id."""
        self._store.remove(self.id, document)

    def add(self, uploads: Sequence[Upload]) -> Iterator[Step]:
        """Adds files one after the other: for each a step when it begins, and one that says how it went.

        A file that can't be read is skipped, with the reason. What has been added stays, whatever happens then.
        """
        added = False
        for number, upload in enumerate(uploads, 1):
            name = _shown(upload.name or upload.path.name)
            yield Step(name, number, len(uploads), "reading")
            try:
                state, detail, passages = self._add(upload.path, name)
            except Unreadable as error:
                state, detail, passages = "skipped", f"{name} {error}", 0
            except NotSaved as error:
                log.warning("A document could not be saved: %s", error)
                state, detail, passages = "skipped", f"{name}: {error}", 0
            added = added or state == "added"
            yield Step(name, number, len(uploads), state, detail, passages)
        if added:
            self._index()  # now, so that the first question does not wait for it

    def openings(self, limit: int = 5) -> list[Found]:
        """See `Source.openings`."""
        return [Found(passage, 0.0) for passage in self._store.openings(self.id, limit)]

    def _add(self, path: Path, name: str) -> tuple[State, str, int]:
        suffix = suffix_of(name)
        data = load(path, self._limits)
        sha256 = hashlib.sha256(data).hexdigest()
        same = self._store.same(self.id, sha256)
        if same is None:
            passages = cut(convert(data, suffix, self._limits), name)
            if not 0 < len(passages) <= self._limits.passages:
                raise Unreadable(f"gives {len(passages):,} passages, and 1 to {self._limits.passages:,} are allowed.")
            self._library._check_room(self._owner, len(passages))
            if self._store.add(self.id, name, sha256, len(data), passages):
                return "added", "", len(passages)
        return "duplicate", f"{name} is in this collection already, as {same or name}.", 0

    def _index(self) -> Index:
        return self._library._index(self.id)

    def _read(self, ids: Sequence[int]) -> list[Passage]:
        return self._store.passages(ids)


def _shown(name: str) -> str:
    """A file's name fit to show: without folders and characters that are not seen, its ending kept."""
    name = unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1])
    name = "".join(c for c in name if c.isprintable()).strip() or "document"
    suffix = PurePath(name).suffix[:10]
    return name if len(name) <= _NAME_LENGTH else name[: _NAME_LENGTH - len(suffix) - 1] + "…" + suffix
