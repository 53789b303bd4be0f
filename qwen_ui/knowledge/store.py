"""Collections, documents and passages in SQLite: the truth that search indexes are made from."""

import json
import logging
import sqlite3
import time
import unicodedata
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_ui.errors import InvalidInput, NotSaved
from qwen_ui.knowledge.passages import Passage

log = logging.getLogger(__name__)

Check = Callable[[], None]
_NAME_LENGTH = 80
_WAIT_SECONDS = 30

_COLLECTIONS = """
CREATE TABLE collections (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, name_key TEXT NOT NULL,
    revision INTEGER NOT NULL DEFAULT 0, created REAL NOT NULL,
    UNIQUE (owner, name_key));
-- AUTOINCREMENT: an id is never used again, so an index that holds it holds this very document.
CREATE TABLE documents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    collection TEXT NOT NULL REFERENCES collections ON DELETE CASCADE,
    name TEXT NOT NULL, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, added REAL NOT NULL,
    UNIQUE (collection, sha256));
CREATE TABLE passages (
    id INTEGER PRIMARY KEY,
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    position INTEGER NOT NULL, heading TEXT NOT NULL, page INTEGER, text TEXT NOT NULL);
CREATE INDEX passages_of_document ON passages (document, position);
"""

_ADDITIONS = """
-- What strangers made and added lately: a new cookie makes a new owner, but no new address.
CREATE TABLE additions (
    address TEXT NOT NULL, collections INTEGER NOT NULL, passages INTEGER NOT NULL, added REAL NOT NULL);
CREATE INDEX additions_from ON additions (address);
"""

_SCHEMA = (_COLLECTIONS, _ADDITIONS)
"""The tables, as they came. A file of version n has the first n of these."""

_PASSAGE = """
SELECT passages.id, documents.name, heading, page, text, position, documents.id AS document_id
FROM passages JOIN documents ON documents.id = passages.document
"""


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """A collection, as lists show it."""

    id: str
    name: str
    documents: int
    passages: int
    created: float
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document in a collection."""

    id: int
    name: str
    bytes: int
    passages: int
    added: float
    """Seconds since 1970."""


class Store:
    """The database file. Safe from any thread: each call has its own connection; writers wait for each other."""

    def __init__(self, path: Path) -> None:
        """Opens or makes the file. Raises `InvalidInput` if it is damaged or of a later version of the app."""
        self._path = path
        try:
            with self._connect() as db:
                db.execute("PRAGMA journal_mode = WAL")  # readers go on while one writes
                db.execute("BEGIN IMMEDIATE")
                (version,) = db.execute("PRAGMA user_version").fetchone()
                if version > len(_SCHEMA):
                    raise InvalidInput(
                        "The collections in {file} were made by a later version of Qwen UI. Update it.", file=path
                    )
                for statement in "".join(_SCHEMA[version:]).split(";"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {len(_SCHEMA)}")
        except sqlite3.DatabaseError as error:
            raise InvalidInput(
                "The collections in {file} can't be read ({error}). Move that file away.", file=path, error=error
            ) from error

    def collections(self, owner: str, id: str | None = None) -> list[CollectionInfo]:
        """The owner's collections by name, or the one with that id."""
        with self._connect() as db:
            rows = db.execute(
                """SELECT c.id, c.name, COUNT(DISTINCT d.id), COUNT(p.id), c.created FROM collections c
                LEFT JOIN documents d ON d.collection = c.id LEFT JOIN passages p ON p.document = d.id
                WHERE c.owner = ? AND c.id = coalesce(?, c.id) GROUP BY c.id ORDER BY c.name_key""",
                (owner, id),
            )
            return [CollectionInfo(*row) for row in rows]

    def create(self, name: str, owner: str, address: str = "", check: Check = lambda: None) -> str:
        """Makes a collection and gives its id. Raises `InvalidInput` for a name that is taken or can't be one.

        ``check`` raises what speaks against it. Nobody else writes from then until the collection is there.
        """
        id = uuid.uuid4().hex
        name, key = _checked(name)
        with self._write(name) as db:
            check()
            db.execute(
                "INSERT INTO collections (id, owner, name, name_key, created) VALUES (?, ?, ?, ?, ?)",
                (id, owner, name, key, time.time()),
            )
            _count(db, address, collections=1)
        return id

    def rename(self, id: str, name: str) -> None:
        """Gives a collection another name. Raises `InvalidInput` as `create` does."""
        name, key = _checked(name)
        with self._write(name) as db:
            db.execute("UPDATE collections SET name = ?, name_key = ? WHERE id = ?", (name, key, id))

    def delete(self, id: str) -> None:
        """Removes a collection with all that is in it, if there is one."""
        with self._write() as db:
            db.execute("DELETE FROM collections WHERE id = ?", (id,))

    def visitors_before(self, moment: float) -> list[str]:
        """The collections that owners with a name made before the moment, seconds since 1970."""
        with self._connect() as db:
            return _column(db, "SELECT id FROM collections WHERE owner != '' AND created < ?", moment)

    def added_from(self, address: str) -> tuple[int, int]:
        """How many collections and passages came from the address, as far as that is not forgotten yet."""
        with self._connect() as db:
            sql = "SELECT total(collections), total(passages) FROM additions WHERE address = ?"
            collections, passages = db.execute(sql, (address,)).fetchone()
            return int(collections), int(passages)

    def forget_before(self, moment: float) -> None:
        """Forgets what addresses added before the moment, seconds since 1970."""
        with self._write() as db:
            db.execute("DELETE FROM additions WHERE added < ?", (moment,))

    def passages_held(self, owner: str | None = None) -> int:
        """How many passages the owner has, or all owners with a name together."""
        with self._connect() as db:
            row = db.execute(
                """SELECT COUNT(*) FROM passages JOIN documents d ON d.id = passages.document
                JOIN collections c ON c.id = d.collection WHERE c.owner = coalesce(?, nullif(c.owner, ''))""",
                (owner,),
            ).fetchone()
            return int(row[0])

    def ids(self) -> set[str]:
        """All collections, whoever owns them."""
        with self._connect() as db:
            return set(_column(db, "SELECT id FROM collections"))

    def revision(self, id: str) -> int | None:
        """A number that grows with each change to the collection's documents; None if there is no such collection."""
        with self._connect() as db:
            row = db.execute("SELECT revision FROM collections WHERE id = ?", (id,)).fetchone()
            return row and int(row[0])

    def documents(self, id: str) -> list[Document]:
        """A collection's documents, in the order they were added."""
        with self._connect() as db:
            rows = db.execute(
                """SELECT d.id, d.name, d.bytes, COUNT(p.id), d.added FROM documents d
                LEFT JOIN passages p ON p.document = d.id WHERE d.collection = ? GROUP BY d.id ORDER BY d.id""",
                (id,),
            )
            return [Document(*row) for row in rows]

    def document_ids(self, id: str) -> set[int]:
        with self._connect() as db:
            return set(_column(db, "SELECT id FROM documents WHERE collection = ?", id))

    def same(self, id: str, sha256: str) -> str | None:
        """The name of the collection's document with this content, if there is one."""
        with self._connect() as db:
            sql = "SELECT name FROM documents WHERE collection = ? AND sha256 = ?"
            row = db.execute(sql, (id, sha256)).fetchone()
            return row and str(row[0])

    def add(
        self,
        id: str,
        name: str,
        sha256: str,
        size: int,
        passages: Sequence[Passage],
        address: str = "",
        check: Check = lambda: None,
    ) -> bool:
        """Adds a document whole, or not at all; False if its content is there already.

        Raises `InvalidInput` if the collection has been deleted meanwhile. ``check`` is as in `create`.
        """
        with self._write() as db:
            if db.execute("UPDATE collections SET revision = revision + 1 WHERE id = ?", (id,)).rowcount == 0:
                raise InvalidInput("This collection has been deleted.")
            cursor = db.execute(
                "INSERT OR IGNORE INTO documents (collection, name, sha256, bytes, added) VALUES (?, ?, ?, ?, ?)",
                (id, name, sha256, size, time.time()),
            )
            if cursor.rowcount == 0:
                return False
            check()
            db.executemany(
                "INSERT INTO passages (document, position, heading, page, text) VALUES (?, ?, ?, ?, ?)",
                ((cursor.lastrowid, p.position, p.heading, p.page, p.text) for p in passages),
            )
            _count(db, address, passages=len(passages))
        return True

    def remove(self, id: str, document: int) -> None:
        with self._write() as db:
            db.execute("DELETE FROM documents WHERE id = ? AND collection = ?", (document, id))
            db.execute("UPDATE collections SET revision = revision + 1 WHERE id = ?", (id,))

    def document(self, id: int, owner: str) -> Document | None:
        """The document with that id, if it is in one of the owner's collections."""
        with self._connect() as db:
            row = db.execute(
                """SELECT d.id, d.name, d.bytes, (SELECT COUNT(*) FROM passages WHERE document = d.id), d.added
                FROM documents d JOIN collections c ON c.id = d.collection WHERE d.id = ? AND c.owner = ?""",
                (id, owner),
            ).fetchone()
            return row and Document(*row)

    def passages_of(self, document: int, start: int = 0, limit: int = -1) -> list[Passage]:
        """A document's passages, in order; or so many of them, from the one at that position."""
        with self._connect() as db:
            rows = db.execute(
                f"{_PASSAGE} WHERE document = ? AND position >= ? ORDER BY position LIMIT ?", (document, start, limit)
            )
            return [Passage(*row) for row in rows]

    def passages(self, ids: Sequence[int]) -> list[Passage]:
        """The passages with these ids that there are, in no order."""
        with self._connect() as db:
            rows = db.execute(f"{_PASSAGE} WHERE passages.id IN ({','.join('?' * len(ids))})", list(ids))
            return [Passage(*row) for row in rows]

    def openings(self, id: str, limit: int, left_out: Iterable[int] = ()) -> list[Passage]:
        """Each document's first passage, then each one's second, and so on; ordered by document; of some none."""
        with self._connect() as db:
            rows = db.execute(
                f"""SELECT * FROM ({_PASSAGE} WHERE documents.collection = ?
                AND documents.id NOT IN (SELECT value FROM json_each(?)) ORDER BY position, document LIMIT ?)
                ORDER BY id""",
                (id, json.dumps(list(left_out)), limit),
            )
            return [Passage(*row) for row in rows]

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        """A connection. Raises `NotSaved` when the disk won't have it: reading writes a little as well."""
        try:
            with closing(sqlite3.connect(self._path, timeout=_WAIT_SECONDS, isolation_level=None)) as db:
                db.execute("PRAGMA foreign_keys = ON")
                with db:  # commits what was begun, or takes it back
                    yield db
        except sqlite3.OperationalError as error:
            log.warning("%s can't be used: %s", self._path, error)
            raise NotSaved(
                "The collections can't be saved ({error}). Free space in the data folder, or allow writing to it.",
                error=str(error),
            ) from error

    @contextmanager
    def _write(self, name: str = "") -> Iterator[sqlite3.Connection]:
        """One change, made wholly or not at all."""
        try:
            with self._connect() as db:
                db.execute("BEGIN IMMEDIATE")
                yield db
        except sqlite3.IntegrityError as error:
            raise InvalidInput("There is a collection named {name} already. Choose another name.", name=name) from error


def _column(db: sqlite3.Connection, sql: str, *values: Any) -> list[Any]:
    """The only column of what is selected."""
    return [value for (value,) in db.execute(sql, values)]


def _count(db: sqlite3.Connection, address: str, collections: int = 0, passages: int = 0) -> None:
    """Notes what came from the address, if it is known."""
    if address:
        db.execute("INSERT INTO additions VALUES (?, ?, ?, ?)", (address, collections, passages, time.time()))


def name_key(name: str) -> str:
    """What two names of the same collection share: capitals, widths and surrounding spaces don't matter."""
    return unicodedata.normalize("NFKC", name).casefold().strip()


def _checked(name: str) -> tuple[str, str]:
    """The name without surrounding spaces, and what makes two names the same."""
    name = "".join(c for c in unicodedata.normalize("NFC", name) if c == " " or c.isprintable()).strip()
    if not name:
        raise InvalidInput("The collection needs a name.")
    if len(name) > _NAME_LENGTH:
        raise InvalidInput("The collection's name is longer than {limit} characters. Shorten it.", limit=_NAME_LENGTH)
    return name, name_key(name)
