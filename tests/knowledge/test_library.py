"""The library: collections in a folder, through failures, crashes and many threads."""

import asyncio
import contextlib
import functools
import itertools
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
import tantivy

from qwen_ui.errors import InvalidInput, NotSaved
from qwen_ui.knowledge.convert import Limits
from qwen_ui.knowledge.library import Collection, Library, Upload
from qwen_ui.knowledge.passages import Passage
from qwen_ui.knowledge.quota import Quota
from qwen_ui.knowledge.store import Store
from qwen_ui.text.confined import Unreadable
from tests.knowledge import files
from tests.knowledge.adding import add, outcomes, states

ANIMALS = ["aardvark", "badger", "camel", "dolphin", "eagle", "ferret", "gazelle", "heron"]


@pytest.fixture
def library(tmp_path) -> Library:
    return Library(tmp_path / "data")


def upload(folder: Path, name: str, content: bytes | str) -> Upload:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{len(list(folder.iterdir()))}.upload"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Upload(path, name)


def animals(folder: Path, names: list[str] = ANIMALS) -> list[Upload]:
    return [upload(folder, f"{name}.txt", f"All there is to know of the {name}.") for name in names]


def found(collection: Collection, question: str) -> list[str]:
    return [each.passage.document for each in collection.search(question)]


def reopened(library: Library, id: str) -> Collection:
    return Library(library._indexes.parent).open(id)


class TestCollections:
    def test_make_list_rename_delete(self, library):
        made = library.create(" 员工手册 ")
        library.create("Archive")
        assert [info.name for info in library.collections()] == ["Archive", "员工手册"]
        library.rename(made.id, "Handbook")
        assert library.named("handbook ").id == made.id
        library.delete(made.id)
        assert [info.name for info in library.collections()] == ["Archive"]
        with pytest.raises(InvalidInput, match="no such collection"):
            library.open(made.id)

    @pytest.mark.parametrize("name", ["", " \n\u200b", "x" * 81])
    def test_names_that_can_not_be(self, library, name):
        with pytest.raises(InvalidInput):
            library.create(name)

    def test_names_are_told_apart_as_people_do(self, library):
        library.create("Café")
        other = library.create("Other")
        with pytest.raises(InvalidInput, match="already"):
            library.create("CAFE\u0301")
        with pytest.raises(InvalidInput, match="already"):
            library.rename(other.id, "café")

    def test_a_name_is_never_a_path(self, library, tmp_path):
        library.create("../../escaped")
        library.create("a/b\\c:d")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]

    def test_owners_do_not_see_each_other(self, library):
        mine = library.create("Notes", owner="ann")
        library.create("Notes", owner="bob")
        assert library.collections() == []
        assert [info.id for info in library.collections("ann")] == [mine.id]
        for act in (library.open, library.delete, lambda id, owner: library.rename(id, "Mine", owner)):
            with pytest.raises(InvalidInput):
                act(mine.id, "bob")

    def test_a_damaged_database_is_said_and_left_alone(self, tmp_path):
        (tmp_path / "library.sqlite3").write_bytes(b"not a database" * 100)
        with pytest.raises(InvalidInput, match="Move that file away"):
            Library(tmp_path)
        assert (tmp_path / "library.sqlite3").read_bytes().startswith(b"not a database")

    def test_a_database_of_a_later_version_is_left_alone(self, library):
        path = library._indexes.parent / "library.sqlite3"
        db = sqlite3.connect(path)
        db.execute("PRAGMA user_version = 99")
        db.close()
        with pytest.raises(InvalidInput, match="later version"):
            Library(path.parent)


class TestAdding:
    def test_each_kind_with_its_place(self, library, tmp_path):
        collection = library.create("All")
        uploads = [
            upload(tmp_path / "up", "报告.pdf", files.pdf("nothing here", "the walrus swims")),
            upload(tmp_path / "up", "b.docx", files.docx("Birds", "the kiwi walks")),
            upload(tmp_path / "up", "c.pptx", files.slides(("Fish", "the herring"), ("Insects", "the hornet flies"))),
            upload(tmp_path / "up", "d.xlsx", files.xlsx({"Cats": [["name", "legs"], ["ocelot", 4]]})),
            upload(tmp_path / "up", "e.epub", files.epub("Book", "<h1>Horses</h1><p>the zebra runs</p>")),
        ]
        steps = add(collection, uploads)
        assert [step.state for step in steps] == ["reading", "added"] * 5
        assert [(step.number, step.total) for step in steps[::2]] == [(number, 5) for number in range(1, 6)]
        places = {word: collection.search(word)[0].passage for word in ("walrus", "kiwi", "hornet", "ocelot", "zebra")}
        assert {word: (p.document, p.heading, p.page) for word, p in places.items()} == {
            "walrus": ("报告.pdf", "", 2),
            "kiwi": ("b.docx", "Birds", None),
            "hornet": ("c.pptx", "Insects", 2),
            "ocelot": ("d.xlsx", "Cats", None),
            "zebra": ("e.epub", "Horses", None),
        }

    def test_bad_files_are_named_and_the_rest_go_in(self, tmp_path):
        library = Library(tmp_path / "data", Limits(file_bytes=50_000))
        collection = library.create("Mixed")
        uploads = [
            upload(tmp_path / "up", "good.txt", "the badger digs"),
            upload(tmp_path / "up", "empty.txt", ""),
            upload(tmp_path / "up", "locked.pdf", files.pdf("x", locked=True)),
            upload(tmp_path / "up", "huge.txt", "x" * 50_001),
            upload(tmp_path / "up", "movie.mp4", "x"),
            Upload(tmp_path / "gone.txt"),
            upload(tmp_path / "up", "last.md", "# Otters\nthe otter swims"),
        ]
        ends = outcomes(collection, uploads)
        assert [step.state for step in ends] == ["added", *["skipped"] * 5, "added"]
        assert all(str(step.detail).startswith(step.file) for step in ends[1:-1])
        assert [document.name for document in collection.documents()] == ["good.txt", "last.md"]

    def test_the_same_content_twice_is_noticed(self, library, tmp_path):
        collection = library.create("Twice")
        uploads = [upload(tmp_path / "up", name, "the badger digs") for name in ("a.txt", "b.txt")]
        ends = outcomes(collection, uploads)
        assert [step.state for step in ends] == ["added", "duplicate"]
        assert "as a.txt" in str(ends[1].detail)
        assert states(library.create("Other"), uploads[:1]) == ["added"]

    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            ("../../etc/passwd.txt", "passwd.txt"),
            ("C:\\Users\\me\\合同.txt", "合同.txt"),
            ("evil\u202etxt.\nmd", "eviltxt.md"),
            ("长" * 300 + ".txt", "长" * 195 + "….txt"),
        ],
    )
    def test_names_are_for_show_only(self, library, tmp_path, name, shown):
        collection = library.create("Names")
        add(collection, [upload(tmp_path / "up", name, "the badger digs")])
        assert [document.name for document in collection.documents()] == [shown]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "up"]

    def test_removing_a_document(self, library, tmp_path):
        collection = library.create("Animals")
        add(collection, animals(tmp_path / "up", ["badger", "camel"]))
        collection.remove(collection.documents()[0].id)
        assert found(collection, "badger") == []
        assert found(collection, "camel") == ["camel.txt"]

    def test_openings_take_turns(self, library, tmp_path):
        collection = library.create("Long")
        long = "\n".join(f"# Part {number}\nText." for number in range(5))
        add(collection, [upload(tmp_path / "up", "a.md", long), upload(tmp_path / "up", "b.txt", "Short.")])
        openings = [(each.passage.document, each.passage.position) for each in collection.openings(4)]
        assert openings == [("a.md", 0), ("a.md", 1), ("a.md", 2), ("b.txt", 0)]

    async def test_a_collection_deleted_meanwhile(self, library, tmp_path):
        collection = library.create("Gone")
        adding = collection.add(animals(tmp_path / "up", ["badger"]))
        await anext(adding)
        library.delete(collection.id)
        with pytest.raises(InvalidInput, match="deleted"):
            await anext(adding)


class TestCrashes:
    def test_killed_in_the_middle(self, tmp_path):
        uploads = animals(tmp_path / "up")
        script = f"""
import asyncio
from pathlib import Path
from qwen_ui.knowledge.library import Library, Upload

async def add():
    collection = Library(Path({str(tmp_path / "data")!r})).create("Animals")
    async for step in collection.add([Upload(Path(p), n) for p, n in {[(str(u.path), u.name) for u in uploads]}]):
        if step.state == "added":
            print(step.file, flush=True)

asyncio.run(add())
"""
        command = [sys.executable, "-c", script]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": "."}
        ) as child:
            assert child.stdout
            said = [child.stdout.readline().strip() for _ in range(3)]
            child.kill()
        library = Library(tmp_path / "data")
        collection = library.named("Animals")
        there = [document.name for document in collection.documents()]
        assert there[:3] == said == [each.name for each in uploads[:3]]
        assert all(document.passages == 1 for document in collection.documents())
        assert all(found(collection, name.removesuffix(".txt")) == [name] for name in there)
        expected = ["duplicate"] * len(there) + ["added"] * (len(uploads) - len(there))
        assert states(collection, uploads) == expected

    @pytest.fixture
    def two_steps(self, library, tmp_path) -> tuple[Library, Collection, Path, Path]:
        """A collection of two documents, its index, and a copy of the index when there was but one."""
        collection = library.create("Animals")
        first, second = animals(tmp_path / "up", ["badger", "camel"])
        add(collection, [first])
        index = library._indexes / collection.id
        before = tmp_path / "before"
        shutil.copytree(index, before)
        add(collection, [second])
        return library, collection, index, before

    def test_index_behind_the_documents(self, two_steps):
        library, collection, index, before = two_steps
        shutil.rmtree(index)
        shutil.copytree(before, index)
        assert sorted(found(reopened(library, collection.id), "badger camel")) == ["badger.txt", "camel.txt"]

    def test_index_ahead_of_its_manifest(self, two_steps):
        library, collection, index, before = two_steps
        shutil.copy(before / "manifest.json", index / "manifest.json")
        assert sorted(found(reopened(library, collection.id), "badger camel")) == ["badger.txt", "camel.txt"]

    @pytest.mark.parametrize("pattern", ["meta.json", "manifest.json", "*.idx", "*.term", "*.fast", "*.fieldnorm", "*"])
    @pytest.mark.parametrize("content", [None, b"", b"\xff" * 64])
    def test_damaged_index(self, two_steps, pattern, content):
        library, collection, index, _ = two_steps
        for path in index.glob(pattern):
            path.unlink()
            if content is not None:
                path.write_bytes(content)
        assert sorted(found(reopened(library, collection.id), "badger camel")) == ["badger.txt", "camel.txt"]

    def test_index_of_other_terms_is_made_again(self, two_steps, monkeypatch):
        library, collection, _, _ = two_steps
        monkeypatch.setattr("qwen_ui.knowledge.terms.VERSION", 99)
        assert sorted(found(reopened(library, collection.id), "badger camel")) == ["badger.txt", "camel.txt"]

    def test_leftover_indexes_are_cleared_away(self, library):
        left = library._indexes / "0123"
        left.mkdir()
        Library(library._indexes.parent)
        assert not left.exists()


async def test_many_at_once(library, tmp_path):
    collection = library.create("Animals")
    uploads = animals(tmp_path / "up")
    done = threading.Event()

    def look() -> int:
        rounds = 0
        while not done.is_set():
            assert set(found(collection, "badger")) <= {"badger.txt"}
            rounds += 1
        return rounds

    async def fill(part: list[Upload]) -> list[str]:
        return [step.state async for step in collection.add(part) if step.state != "reading"]

    readers = [asyncio.create_task(asyncio.to_thread(look)) for _ in range(2)]
    ended = await asyncio.gather(*(fill(uploads[start::3] + uploads[:1]) for start in range(3)))
    done.set()
    assert all(await asyncio.gather(*readers))
    assert sorted(itertools.chain(*ended)) == ["added"] * 8 + ["duplicate"] * 3
    assert [found(collection, name) for name in ANIMALS] == [[f"{name}.txt"] for name in ANIMALS]


def test_another_process_at_the_index_is_said(library, tmp_path):
    collection = library.create("Animals")
    add(collection, animals(tmp_path / "up", ["badger"]))
    other = tantivy.Index.open(str(library._indexes / collection.id)).writer(15_000_000, 1)
    with pytest.raises(InvalidInput, match="Another copy"):
        add(collection, animals(tmp_path / "more", ["camel"]))
    other.wait_merging_threads()
    assert found(collection, "camel") == ["camel.txt"]


def test_visitors_collections_expire_and_the_owners_stay(tmp_path: Path):
    library = Library(tmp_path)
    library.create("Mine")
    library.create("Theirs", "a visitor")
    library.expire(3600)
    assert library.collections("a visitor")
    library.expire(-1)
    assert not library.collections("a visitor")
    assert [info.name for info in library.collections()] == ["Mine"]


def test_one_that_can_not_be_removed_keeps_no_other_from_expiring(library, monkeypatch):
    made = [library.create("Theirs", f"visitor {number}").id for number in range(3)]
    delete = library._store.delete

    def failing(id: str) -> None:
        if id == made[1]:
            raise NotSaved("It can't be saved.")
        delete(id)

    with monkeypatch.context() as patched:
        patched.setattr(library._store, "delete", failing)
        library.expire(-1)
    assert library._store.ids() == {made[1]}
    library.expire(-1)
    assert not library._store.ids()


def test_one_that_is_gone_already_is_no_error_when_it_expires(library, monkeypatch, caplog):
    made = [library.create("Theirs", f"visitor {number}").id for number in range(2)]
    monkeypatch.setattr(library._store, "visitors_before", lambda moment: made)
    library.delete(made[0], "visitor 0")
    library.expire(-1)
    assert not library._store.ids()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_an_index_that_is_locked_for_a_moment_is_waited_for(library, tmp_path):
    """As by a process that is being started: it holds the lock until it runs its program."""
    collection = library.create("Animals")
    add(collection, animals(tmp_path / "up", ["badger"]))
    assert found(collection, "badger") == ["badger.txt"]
    collection.remove(collection.documents()[0].id)
    lock = [tantivy.Index.open(str(library._indexes / collection.id)).writer(15_000_000, 1)]
    timer = threading.Timer(0.3, lock.clear)
    timer.start()
    assert found(collection, "badger") == []
    timer.join()


class TestQuota:
    @pytest.fixture
    def library(self, tmp_path) -> Library:
        quota = Quota(collections=2, passages=3, all_passages=5, address_collections=3, address_passages=4)
        return Library(tmp_path / "data", quota=quota)

    def test_a_visitor_keeps_so_many_collections(self, library):
        library.create("One", owner="ann")
        second = library.create("Two", owner="ann")
        with pytest.raises(InvalidInput, match="Delete one first"):
            library.create("Three", owner="ann")
        library.delete(second.id, "ann")
        library.create("Three", owner="ann")
        library.create("One", owner="bob")
        assert [library.create(name) for name in ("One", "Two", "Three")], "the page's owner keeps any number"

    def test_many_at_once_from_several_servers_get_no_more(self, library, tmp_path):
        libraries = [library, *(Library(tmp_path / "data", quota=library._quota) for _ in range(2))]
        together, made = threading.Barrier(30), []

        def create(number: int) -> None:
            together.wait()
            with contextlib.suppress(InvalidInput):
                made.append(libraries[number % 3].create(f"Mine {number}", owner="ann", address="1.2.3.4"))

        threads = [threading.Thread(target=create, args=(number,)) for number in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(made) == len(library.collections("ann")) == library._quota.collections

    def test_many_documents_at_once_from_several_servers_get_no_more(self, library, tmp_path):
        stores = [library._store, *(Store(tmp_path / "data" / "library.sqlite3") for _ in range(2))]
        id, together = library.create("Mine", owner="ann").id, threading.Barrier(30)
        passage = Passage(0, "x.txt", "", None, "x", 0)

        def put(number: int) -> None:
            store = stores[number % 3]
            check = functools.partial(library._quota.check_passages, store, "ann", "1.2.3.4", "x.txt", 1)
            together.wait()
            with contextlib.suppress(Unreadable):
                store.add(id, "x.txt", f"{number}", 1, [passage], "1.2.3.4", check)

        threads = [threading.Thread(target=put, args=(number,)) for number in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert library._store.passages_held("ann") == library._quota.passages
        assert len(library.open(id, "ann").documents()) == library._quota.passages

    def test_a_visitor_keeps_so_many_passages_in_all_collections_together(self, library, tmp_path):
        first, second = library.create("One", owner="ann"), library.create("Two", owner="ann")
        uploads = animals(tmp_path / "in")
        assert states(first, uploads[:2]) == ["added", "added"]
        ends = outcomes(second, uploads[2:4])
        assert [step.state for step in ends] == ["added", "skipped"]
        assert "gives 1 passage; you have 3, and a visitor may keep 3" in str(ends[-1].detail)
        first.remove(first.documents()[0].id)
        assert states(second, uploads[3:4]) == ["added"]

    def test_all_visitors_together_leave_room_on_the_disk(self, library, tmp_path):
        uploads = animals(tmp_path / "in")
        assert states(library.create("Ann's", owner="ann"), uploads[:3]) == ["added"] * 3
        assert states(library.create("Bob's", owner="bob"), uploads[:3]) == ["added", "added", "skipped"]
        assert states(library.create("The owner's"), uploads) == ["added"] * len(uploads)

    def test_a_new_cookie_makes_no_room_for_more_collections_from_an_address(self, library):
        made = [library.create("Mine", owner=f"cookie {number}", address="1.2.3.4") for number in range(3)]
        library.delete(made[0].id, "cookie 0")
        with pytest.raises(InvalidInput, match="3 collections were made from your address lately"):
            library.create("Mine", owner="cookie 3", address="1.2.3.4")
        library.create("Mine", owner="cookie 3", address="5.6.7.8")
        library.expire(-1)
        library.create("Mine", owner="cookie 4", address="1.2.3.4")

    def test_a_new_cookie_makes_no_room_for_more_passages_from_an_address(self, library, tmp_path):
        uploads = animals(tmp_path / "in")
        first, second = (library.create("Mine", owner=f"cookie {number}") for number in range(2))
        assert states(first, uploads[:3], "1.2.3.4") == ["added"] * 3
        first.remove(first.documents()[0].id)
        ends = outcomes(second, uploads[:2], "1.2.3.4")
        assert [step.state for step in ends] == ["added", "skipped"]
        assert "4 came from your address lately, and 4 are possible" in str(ends[-1].detail)
        assert states(second, uploads[1:2], "5.6.7.8") == ["added"]

    def test_what_came_from_an_address_survives_a_restart_and_expires(self, library, tmp_path):
        uploads = animals(tmp_path / "in")
        states(library.create("Mine", owner="ann"), uploads[:3], "1.2.3.4")
        again = Library(tmp_path / "data", quota=library._quota)
        bobs = again.create("Mine", owner="bob")
        assert states(bobs, uploads[:2], "1.2.3.4") == ["added", "skipped"]
        again.expire(3600)
        assert states(bobs, uploads[1:2], "1.2.3.4") == ["skipped"]
        again.expire(-1)
        assert states(again.create("Mine", owner="bob"), uploads[:2], "1.2.3.4") == ["added"] * 2

    def test_a_database_of_the_first_version_is_kept_and_counts_addresses_from_now_on(self, library, tmp_path):
        states(library.create("Old", owner="ann"), animals(tmp_path / "in")[:1])
        with closing(sqlite3.connect(tmp_path / "data" / "library.sqlite3")) as db:
            db.executescript("DROP TABLE additions; PRAGMA user_version = 1")
        again = Library(tmp_path / "data", quota=library._quota)
        assert [info.documents for info in again.collections("ann")] == [1]
        assert states(again.named("Old", "ann"), animals(tmp_path / "in")[1:3], "1.2.3.4") == ["added"] * 2
        assert again._store.added_from("1.2.3.4") == (0, 2)
