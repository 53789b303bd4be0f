"""Editing prompt files: only what is valid, only within the folder, and always a way back."""

from pathlib import Path

import pytest

from qwen_ui.errors import InvalidInput, TemplateError
from qwen_ui.messages import Message
from qwen_ui.prompts import PromptStore, parse
from qwen_ui.prompts.edit import PromptEditor
from qwen_ui.prompts.samples import samples
from qwen_ui.prompts.sources import difference
from qwen_ui.settings import PROJECT

STORY = "---\nname: Story\ninputs:\n  text: {sample: a fox}\n---\nuser:\nTell of {{ text }}.\n"
NEWER = STORY.replace("Tell", "Write")


@pytest.fixture
def editor(tmp_path: Path) -> PromptEditor:
    root = tmp_path / "prompts"
    (root / "write").mkdir(parents=True)
    (root / "write" / "story.prompty").write_text(STORY, encoding="utf-8")
    return PromptEditor(PromptStore(root))


def files(editor: PromptEditor) -> list[str]:
    return sorted(str(path.relative_to(editor.store.root)) for path in editor.store.root.rglob("*") if path.is_file())


def test_a_saved_text_is_what_the_next_request_uses(editor: PromptEditor):
    saved = editor.save("write", "story", NEWER.replace("\n", "\r\n"), before=STORY)
    assert saved.render(text="x") == [Message("user", "Write of x.")]
    assert editor.store.load("write", "story").source == NEWER
    assert files(editor) == [".original/write/story.prompty", "write/story.prompty"]  # and nothing temporary
    assert editor.store.tasks() == ("write",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no front matter", "write/story.prompty:1: "),
        (STORY.replace("}}", ""), "write/story.prompty:7: "),
        (STORY.replace("{{ text", "{{ txet"), "write/story.prompty:7: 'txet' is undefined"),
        (STORY.replace("Tell", "{% if text == 'b' %}{{ other }}{% endif %}"), "write/story.prompty:3: 'other'"),
        (STORY.replace("text:", "self:").replace("{{ text", "{{ self"), "write/story.prompty:"),
        (STORY + "\nbad \ud800", "write/story.prompty:9: "),
        (STORY + "x" * 300_000, "larger than 256 kB"),
    ],
)
def test_a_text_that_makes_no_template_is_not_saved(editor: PromptEditor, text: str, says: str):
    with pytest.raises(TemplateError) as caught:
        editor.save("write", "story", text, before=STORY)
    assert says in str(caught.value)
    assert editor.read("write", "story") == STORY
    assert files(editor) == ["write/story.prompty"]


def test_the_original_outlives_many_changes_and_comes_back(editor: PromptEditor):
    assert editor.original("write", "story") is None
    newest = NEWER.replace("fox", "cat")
    editor.save("write", "story", NEWER, before=STORY)
    editor.save("write", "story", newest, before=NEWER)
    assert editor.original("write", "story") == STORY
    assert [entry.changed for entry in editor.entries()] == [True]
    assert editor.restore("write", "story") == STORY
    assert editor.store.load("write", "story").source == STORY
    assert [entry.changed for entry in editor.entries()] == [False]
    with pytest.raises(InvalidInput, match="nothing to restore"):
        editor.restore("write", "story")


def test_a_changed_file_that_is_broken_now_still_has_its_original(editor: PromptEditor):
    first = editor.read("write", "story")
    editor.save("write", "story", first.replace("Story", "Tale"), first)
    editor.store.path("write", "story").write_text("---\nbroken: [\n", "utf-8")
    (entry,) = [entry for entry in editor.entries() if (entry.task, entry.id) == ("write", "story")]
    assert entry.error is not None
    assert entry.changed


def test_saving_without_a_change_keeps_no_original(editor: PromptEditor):
    editor.save("write", "story", STORY, before=STORY)
    assert editor.original("write", "story") is None


def test_what_somebody_else_has_saved_meanwhile_is_not_overwritten(editor: PromptEditor):
    (editor.store.root / "write" / "story.prompty").write_text(NEWER, encoding="utf-8")
    with pytest.raises(InvalidInput, match="changed by somebody else"):
        editor.save("write", "story", STORY.replace("fox", "cat"), before=STORY)
    assert editor.read("write", "story") == NEWER
    editor.save("write", "story", NEWER, before=STORY)  # both want the same


def test_a_duplicate_has_its_own_name_in_the_picker(editor: PromptEditor):
    assert editor.duplicate("write", "story", " 我的故事 ", NEWER) == "我的故事"
    copy = editor.store.load("write", "我的故事")
    assert (copy.name, copy.render(text="x")) == ("我的故事", [Message("user", "Write of x.")])
    assert editor.read("write", "story") == STORY
    unnamed = STORY.replace("name: Story\n", "")
    editor.duplicate("write", "story", "its 2", unnamed)
    assert editor.store.load("write", "its 2").name == "its 2"


def test_a_name_over_several_lines_is_left_alone(editor: PromptEditor):
    editor.duplicate("write", "story", "other", STORY.replace("name: Story", "name:\n  A long\n  story"))
    assert editor.store.load("write", "other").name == "A long story"


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "a/b", "a\\b", ".hidden", "a\x00b", "x" * 101, "CON", "nul.x", "STORY"]
)
def test_a_name_that_is_taken_or_no_plain_name_is_refused(editor: PromptEditor, name: str):
    with pytest.raises(InvalidInput):
        editor.duplicate("write", "story", name, NEWER)
    assert files(editor) == ["write/story.prompty"]


def test_a_name_too_long_for_the_disk_is_a_sentence(editor: PromptEditor):
    with pytest.raises(InvalidInput, match="can't be written"):
        editor.duplicate("write", "story", "长" * 100, NEWER)


@pytest.mark.parametrize("task", ["..", ".original", "new", "a/b"])
def test_only_folders_of_tasks_are_written_to(editor: PromptEditor, task: str):
    with pytest.raises(InvalidInput):
        editor.save(task, "story", NEWER, before="")
    with pytest.raises(InvalidInput):
        editor.duplicate(task, "story", "x", NEWER)
    assert files(editor) == ["write/story.prompty"]


def test_links_out_of_the_folder_are_neither_read_nor_written(editor: PromptEditor, tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "story.prompty").write_text(STORY, encoding="utf-8")
    (editor.store.root / "linked").symlink_to(outside)
    (editor.store.root / "write" / "link.prompty").symlink_to(outside / "story.prompty")
    for task, id in (("linked", "story"), ("write", "link")):
        with pytest.raises(InvalidInput, match="not within the prompts folder"):
            editor.read(task, id)
        with pytest.raises(InvalidInput, match="not within the prompts folder"):
            editor.save(task, id, NEWER, before=STORY)
    (editor.store.root / ".original").symlink_to(outside)
    with pytest.raises(InvalidInput, match="not within the prompts folder"):
        editor.save("write", "story", NEWER, before=STORY)
    assert [path.name for path in outside.iterdir()] == ["story.prompty"]
    assert (outside / "story.prompty").read_text(encoding="utf-8") == STORY


def test_where_editing_is_off_everything_can_be_read_and_nothing_changed(editor: PromptEditor):
    editor.save("write", "story", NEWER, before=STORY)
    closed = PromptEditor(editor.store, editable=False)
    assert closed.read("write", "story") == NEWER
    assert closed.original("write", "story") == STORY
    assert closed.check("write", "story", STORY).id == "story"
    before = files(editor)
    for change in (
        lambda: closed.save("write", "story", STORY, before=NEWER),
        lambda: closed.duplicate("write", "story", "other", STORY),
        lambda: closed.restore("write", "story"),
    ):
        with pytest.raises(InvalidInput, match="can't be changed on this server"):
            change()
    assert files(editor) == before
    assert editor.read("write", "story") == NEWER


def test_broken_files_are_listed_read_and_mended(editor: PromptEditor):
    bad = editor.store.root / "write" / "bad.prompty"
    bad.write_bytes(b"\xef\xbb\xbf---\r\nname: \xff\r\n")
    entry = editor.entries()[0]
    assert (entry.id, entry.template) == ("bad", None)
    assert str(entry.error).startswith("write/bad.prompty:2: ")
    before = editor.read("write", "bad")
    editor.save("write", "bad", STORY, before)
    assert editor.store.load("write", "bad").source == STORY
    bad.unlink()
    with pytest.raises(InvalidInput, match="any more"):
        editor.read("write", "bad")


def test_samples_are_numbers_and_lists_where_they_look_like_it():
    head = "words: {sample: 0}\n  tags: {sample: '[\"a\", \"b\"]'}\n  text: 'x: y'\n  examples: ''\n"
    text = f"---\nexamples: [{{text: one}}]\ninputs:\n  {head}---\nuser:\nHi"
    template = parse(Path("write/x.prompty"), text.encode())
    assert samples(template) == {"words": 0, "tags": ["a", "b"], "text": "x: y", "examples": [{"text": "one"}]}


def test_the_difference_names_what_went_and_what_came():
    changes = difference(STORY, NEWER)
    assert "-Tell of {{ text }}." in changes
    assert "+Write of {{ text }}." in changes
    assert changes[0].startswith("@@")
    assert not difference(STORY, STORY)


def test_every_shipped_template_could_be_saved_as_it_is():
    editor = PromptEditor(PromptStore(PROJECT / "prompts"), editable=False)
    for entry in editor.entries():
        assert entry.template is not None, entry.error
        editor.check(entry.task, entry.id, entry.template.source)


def test_a_renamed_file_takes_its_original_along(editor: PromptEditor):
    editor.save("write", "story", NEWER, before=STORY)
    editor.rename("write", "story", "tale")
    assert files(editor) == [".original/write/tale.prompty", "write/tale.prompty"]
    assert editor.store.load("write", "tale").name == "tale"
    assert editor.restore("write", "tale") == STORY
    assert editor.rename("write", "tale", "tale") == "tale"
    assert files(editor) == ["write/tale.prompty"]


def test_a_name_that_is_taken_is_not_given_again(editor: PromptEditor):
    editor.create("write", "tale")
    for change in (lambda: editor.rename("write", "story", "TALE"), lambda: editor.create("write", "Story")):
        with pytest.raises(InvalidInput, match="already"):
            change()
    gone = editor.delete("write", "tale")
    editor.create("write", "Tale")
    with pytest.raises(InvalidInput, match="already"):
        editor.undelete(gone)


def test_a_broken_file_can_be_renamed_and_deleted(editor: PromptEditor):
    (editor.store.root / "write" / "bad.prompty").write_text("nonsense", "utf-8")
    editor.rename("write", "bad", "worse")
    assert editor.read("write", "worse") == "nonsense"
    editor.undelete(editor.delete("write", "worse"))
    assert editor.read("write", "worse") == "nonsense"


def test_a_deleted_file_comes_back_with_its_original(editor: PromptEditor):
    editor.save("write", "story", NEWER, before=STORY)
    gone = editor.delete("write", "story")
    assert not files(editor)
    editor.undelete(gone)
    assert (editor.read("write", "story"), editor.original("write", "story")) == (NEWER, STORY)
