"""A full disk, a folder that can't be written to, kill -9: what was saved is still there, and errors are sentences."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

import app
from qwen_ui.errors import InvalidInput, NotSaved
from qwen_ui.knowledge.library import Library, Upload
from qwen_ui.prompts import PromptStore
from qwen_ui.prompts.edit import PromptEditor
from qwen_ui.settings import PROJECT
from tests.knowledge.adding import outcomes, states

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits and signals of POSIX")
STORY = "---\nname: Story\n---\nuser:\n{}\n"
NOBODY = 65534


def document(folder: Path, number: int) -> Path:
    path = folder / f"note{number}.md"
    path.write_text(f"# Note {number}\n\n" + f"The harbour of town{number} opens at dawn. " * 40, "utf-8")
    return path


def child(code: str, *arguments: str) -> subprocess.Popen[str]:
    """A process of its own, which imports the project."""
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


ADDING = """
    import asyncio, sys
    from pathlib import Path
    from qwen_ui.knowledge.library import Library, Upload

    async def add():
        collection = Library(Path(sys.argv[1])).named("Notes")
        async for step in collection.add([Upload(Path(path)) for path in sys.argv[2:]]):
            print(step.state, step.file, step.detail, flush=True)

    asyncio.run(add())
"""


def test_documents_survive_kill_9_while_more_are_added(tmp_path: Path):
    library = Library(tmp_path / "collections")
    library.create("Notes")
    paths = [str(document(tmp_path, number)) for number in range(12)]
    with child(ADDING, str(tmp_path / "collections"), *paths) as adding:
        assert adding.stdout is not None
        added = []
        for line in adding.stdout:
            if line.startswith("added"):
                added.append(line.split()[1])
            if len(added) == 3:
                adding.send_signal(signal.SIGKILL)
                break
    collection = Library(tmp_path / "collections").named("Notes")
    there = {each.name for each in collection.documents()}
    assert set(added) <= there
    assert len(there) <= len(added) + 1  # one may have been saved before it could be told
    for each in collection.documents():
        number = each.name.removeprefix("note").removesuffix(".md")
        found = collection.search(f"town{number}")
        assert found[0].passage.document == each.name


SAVING = """
    import sys
    from pathlib import Path
    from qwen_ui.prompts import PromptStore
    from qwen_ui.prompts.edit import PromptEditor
    editor = PromptEditor(PromptStore(Path(sys.argv[1])))
    texts = [f"---\\nname: Story\\n---\\nuser:\\n{word * 20_000}\\n" for word in ("one ", "two ")]
    before = editor.read("write", "story")
    for text in texts * 10_000:
        editor.save("write", "story", text, before)
        before = text
        print("saved", flush=True)
"""


def test_a_prompt_file_survives_kill_9_while_it_is_saved(tmp_path: Path):
    (tmp_path / "write").mkdir()
    file = tmp_path / "write" / "story.prompty"
    file.write_text(STORY.format("first"), "utf-8")
    with child(SAVING, str(tmp_path)) as saving:
        assert saving.stdout is not None
        for number, _ in enumerate(saving.stdout):
            if number == 5:
                saving.send_signal(signal.SIGKILL)
                break
    assert file.read_text("utf-8") in {STORY.format(word * 20_000) for word in ("one ", "two ")}
    assert [template.id for template in PromptStore(tmp_path).list("write").templates] == ["story"]


FULL = """
    import resource, signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then writing more fails, as on a full disk
    resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
"""


def test_a_full_disk_is_told_and_takes_nothing_away(tmp_path: Path):
    library = Library(tmp_path / "collections")
    kept = library.create("Notes")
    assert states(kept, [Upload(document(tmp_path, 0))]) == ["added"]
    size = (tmp_path / "collections" / "library.sqlite3").stat().st_size
    large = tmp_path / "large.md"
    large.write_text("# Large\n\n" + "\n\n".join(f"Paragraph {n} of many. " * 30 for n in range(2000)), "utf-8")
    code = textwrap.dedent(FULL.format(limit=size + 100_000)) + textwrap.dedent(ADDING)
    with child(code, str(tmp_path / "collections"), str(large)) as adding:
        out, errors = adding.communicate(timeout=120)
    assert "skipped large.md" in out, errors
    assert "Free space" in out
    collection = Library(tmp_path / "collections").named("Notes")
    assert [each.name for each in collection.documents()] == ["note0.md"]
    assert collection.search("town0")


ASKING = """
    import sys
    from pathlib import Path
    from qwen_ui.errors import NotSaved
    from qwen_ui.knowledge.library import Library

    collection = Library(Path(sys.argv[1])).named("Notes")
    {full}
    try:
        collection.search("harbour")
    except NotSaved as error:
        print("told:", error)
"""


def test_a_question_on_a_full_disk_is_told_so_without_the_hosts_folders(tmp_path: Path):
    folder = tmp_path / "collections"
    assert states(Library(folder).create("Notes"), [Upload(document(tmp_path, 0))]) == ["added"]
    shutil.rmtree(folder / "indexes")  # it is made anew for the question
    code = textwrap.dedent(ASKING).replace("{full}\n", textwrap.dedent(FULL.format(limit=0)))
    with child(code, str(folder)) as asking:
        out, errors = asking.communicate(timeout=120)
    assert "told: The" in out, errors
    assert "Free space" in out
    assert str(tmp_path) not in out


@contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    """Nobody but the administrator can write to the folder meanwhile; who is one, becomes nobody."""
    before, root = folder.stat().st_mode, os.geteuid() == 0
    paths = [folder, *folder.rglob("*")]
    modes = {path: path.stat().st_mode for path in paths}
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        for path, mode in modes.items():
            path.chmod(mode)
        folder.chmod(before)


@contextmanager
def gone(folder: Path) -> Iterator[None]:
    """The folder is not there meanwhile."""
    away = folder.rename(folder.with_name("away"))
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        away.rename(folder)


Trouble = Callable[[Path], AbstractContextManager[None]]


def test_a_folder_that_cannot_be_written_to_is_told_and_loses_nothing(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("kept")
    for parent in (folder, *folder.parents[:3]):  # pytest's folders, and those of its processes, are their user's alone
        parent.chmod(0o755)
    (folder / "write").mkdir()
    file = folder / "write" / "story.prompty"
    file.write_text(STORY.format("first"), "utf-8")
    library, editor = Library(folder / "collections"), PromptEditor(PromptStore(folder))
    collection = library.create("Notes")
    upload = Upload(document(folder, 0))
    with unwritable(folder):
        with pytest.raises(NotSaved, match="allow writing"):
            library.create("More")
        with pytest.raises(InvalidInput, match=r"story\.prompty can't be written: Permission denied"):
            editor.save("write", "story", STORY.format("second"), file.read_text("utf-8"))
        [step] = outcomes(collection, [upload])
    assert (step.state, "note0.md: The collections can't be saved" in str(step.detail)) == ("skipped", True)
    assert file.read_text("utf-8") == STORY.format("first")
    assert [info.name for info in library.collections()] == ["Notes"]


class Sweeping(Library):
    """Interrupts once it was swept twice."""

    interrupted: threading.Event
    sweeps = 0

    def expire(self, seconds: float) -> None:
        self.sweeps += 1
        if self.sweeps == 2:
            self.interrupted.set()
        super().expire(seconds)


@pytest.mark.parametrize("trouble", [unwritable, gone])
def test_the_server_goes_on_when_old_collections_cannot_be_removed(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, trouble: Trouble
):
    folder = tmp_path_factory.mktemp("kept")
    for parent in (folder, *folder.parents[:3]):
        parent.chmod(0o755)
    monkeypatch.setattr(app, "SWEEP_SECONDS", 0)
    library = Sweeping(folder / "collections")
    library.interrupted = threading.Event()
    library.create("Theirs", "a visitor")
    with trouble(folder / "collections"):
        app._sweep_until(library.interrupted, library, -1)
    assert library.sweeps == 2
    assert [info.name for info in library.collections("a visitor")] == ["Theirs"]
    library.expire(-1)
    assert not library.collections("a visitor")
