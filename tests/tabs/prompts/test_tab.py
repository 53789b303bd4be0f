"""The Prompts tab's handlers: open, type, save, copy, restore and run, without a page."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Message
from qwen_ui.page.events import Event, Values
from qwen_ui.prompts import PromptStore
from qwen_ui.prompts.edit import Deleted
from qwen_ui.tabs.prompts.tab import PromptsTab
from qwen_ui.tabs.prompts.task import OpenFile
from tests.fakes import FakeEngine
from tests.pages import app_of, event_of

STORY = "write/story"


def files_in(prompts: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in prompts.rglob("*") if path.is_file()}


class View:
    """What the page shows, by the names of the tab's widgets."""

    def __init__(self, tab: PromptsTab, values: Values) -> None:
        parts = vars(tab) | {f"_{name}": widget for name, widget in vars(tab._list).items()}
        self._shown = {name[1:]: values[widget] for name, widget in parts.items() if _is_in(widget, values)}
        fields: list[Any] = [values[each] for each in tab._trial.fields if each in values]
        self.fields = {field.label: field.value for field in fields if field.visible}
        self.kept = values.get(tab._trial.kept)
        self._shown["names"] = values.get(tab._trial.names)

    def __getattr__(self, name: str) -> Any:
        return self._shown[name]


def _is_in(widget: Any, values: Values) -> bool:
    return isinstance(widget, gr.blocks.Block) and widget in values


class Laid:
    """The tab, laid out on a page of its own, and what a visitor has open in it."""

    def __init__(self, prompts: Path, engine: FakeEngine | None = None, editable: bool = True) -> None:
        self.app = app_of(engine or FakeEngine(["ok"]), prompts, public=not editable)
        with gr.Blocks(), gr.Tab() as place:
            self.tab = PromptsTab(self.app, place)

    def event(self, language: str = "en-US", **given: Any) -> Event:
        tab, trial, listed = self.tab, self.tab._trial, self.tab._list
        tried, values = given.pop("values", {}), {"open_file": OpenFile(), "key": "", "text": "", "message": ""}
        held: dict[Any, Any] = {listed.task: given.pop("task", ""), listed.search: given.pop("search", "")}
        held |= {listed.own: given.pop("own", False), listed.files: given.pop("files", None)}
        held |= {trial.kept: given.pop("kept", None), trial.names: json.dumps(list(tried))}
        held |= dict(zip_longest(trial.fields, tried.values(), fillvalue=""))
        held |= {getattr(tab, f"_{name}"): value for name, value in (values | given).items()}
        return event_of(self.app, held, language)

    def does(self, handler: str, language: str = "en-US", **given: Any) -> View:
        owner, name = (self.tab._list, handler) if handler == "filter" else (self.tab, f"_{handler}")
        return View(self.tab, getattr(owner, name)(self.event(language, **given)))

    def named(self, purpose: str, name: str, **given: Any) -> View:
        return self.does("given_name", purpose=purpose, name=name, **given)

    def open(self, chosen: str = STORY, file: OpenFile | None = None, text: str = "") -> View:
        return self.does("open", files=chosen, open_file=file or OpenFile(), text=text)

    async def run(
        self, file: OpenFile, text: str, values: Mapping[str, str] | None = None, message: str = ""
    ) -> AsyncIterator[View]:
        event = self.event(open_file=file, text=text, values=values or {}, message=message)
        async for shown in self.tab._trials.updates(event, self.tab._running):
            yield View(self.tab, shown)


def test_all_files_of_all_tasks_are_listed_in_the_readers_language_first(prompts: Path):
    (prompts / "write" / "bad.prompty").write_text("---\nname: <b>\n---\nuser:\n{{ x", "utf-8")
    laid = Laid(prompts)
    for language, name in (("en-US", "answer"), ("zh-CN", "answer-zh")):
        view = laid.does("enter", language)
        assert view.open_file.key == f"ask/{name}"
        assert {value for _, value in view.task.choices} >= {"", "chat", "write"}
        assert len(view.files.choices) == len(files_in(prompts))
        listed = {value for _, value in laid.does("filter", language, own=True).files.choices}
        assert f"ask/{name}" in listed
        assert "write/bad" in listed  # of which nobody knows the language
        assert {"ask/answer", "ask/answer-zh"} - listed
        assert "write/bad.prompty:5" in view.problems
    assert ("bad.prompty · ⚠ broken", "write/bad") in laid.does("filter", task="write").files.choices
    assert [value for _, value in laid.does("filter", search="Short STORY ").files.choices] == [STORY]


def test_a_broken_file_is_shown_and_mended(prompts: Path):
    (prompts / "write" / "bad.prompty").write_text("---\nname: x\n---\nuser:\n{{ x", "utf-8")
    laid = Laid(prompts)
    view = laid.open("write/bad")
    assert view.text.endswith("{{ x")
    assert "Line 5: `{{ x` has no closing `}}`." in view.status
    saved = laid.does("saved", open_file=view.open_file, text="---\nname: x\n---\nuser:\nHi")
    assert "Saved" in saved.status
    assert not saved.problems


def test_what_a_file_of_another_program_says_in_vain_is_shown(prompts: Path):
    text = "---\nname: quick\nmodel: <b>gpt\n---\nsystem:\nBe concise.\n\nuser:\n{{topic}}\n"
    (prompts / "write" / "quick.prompty").write_text(text, "utf-8")
    view = Laid(prompts).open("write/quick")
    assert "Line 3: the model &#x27;&lt;b&gt;gpt&#x27; is not used" in view.status
    assert "topic" in view.preview
    assert view.fields == {"topic": "topic"}


def test_typing_shows_errors_preview_and_changes_at_once(prompts: Path):
    laid = Laid(prompts)
    view = laid.open()
    assert "A lighthouse keeper" in view.preview
    assert "the original text" in view.changes
    assert view.status == ""
    typed = view.text.replace("Write a short story", "Tell <b>a tale</b>")
    seen = laid.does("review", open_file=view.open_file, text=typed, values={"text": "A <i>fox</i>"})
    assert "Unsaved changes" in seen.status
    assert "Tell &lt;b&gt;a tale" in seen.preview
    assert "A &lt;i&gt;fox" in seen.preview
    assert "<del>-Write a short story" in seen.changes
    assert "<ins>+Tell &lt;b&gt;a tale" in seen.changes
    seen = laid.does("review", open_file=view.open_file, text=typed + "\n{{ nope }}")
    assert "Line " in seen.status
    assert "nope" in seen.status
    assert seen.preview == ""


def test_an_assistant_that_chat_can_not_use_is_told_of_while_it_is_written(prompts: Path):
    laid = Laid(prompts)
    file = laid.open("chat/assistant").open_file
    text = "---\nname: Tutor\n---\nsystem:\nYou teach {{ subject }}.\n"
    shown = laid.does("review", open_file=file, text=text + "user:\nHi\n")
    assert "can&#x27;t use this assistant: it must have just one section, system:." in shown.status
    assert "can&#x27;t use" not in laid.does("review", open_file=file, text=text).status


def test_each_variable_has_a_field_whose_value_is_kept_with_the_file(prompts: Path):
    text = "---\nname: x\ninputs:\n  topic: {sample: foxes}\n  items: {sample: [a, b]}\n---\n"
    text += "user:\n{{ topic }}: {{ items|join(', ') }}\n"
    (prompts / "write" / "x.prompty").write_text(text, "utf-8")
    laid = Laid(prompts)
    view = laid.open("write/x")
    assert view.fields == {"topic": "foxes", "items": '["a", "b"]'}
    given = {"open_file": view.open_file, "text": view.text}
    tried = laid.does("review", **given, values={"topic": "owls", "items": "[1]"}, kept={"write/y": {"a": "b"}})
    assert "owls: 1" in tried.preview
    assert tried.kept == {"write/y": {"a": "b"}, "write/x": {"topic": "owls", "items": "[1]"}}
    assert laid.does("review", **given, values={"topic": "owls", "items": "[1]"}, kept=tried.kept).kept is None
    again = laid.does("open", files="write/x", kept=tried.kept)
    assert again.fields == {"topic": "owls", "items": "[1]"}
    assert "owls: 1" in again.preview
    wrong = laid.does("review", **given, values={"topic": "owls", "items": "[1"})
    assert "items must be written like its sample, as JSON: [&quot;a&quot;, &quot;b&quot;]" in wrong.preview
    back = laid.does("review", **given, values=view.fields, kept=tried.kept)
    assert back.kept == {"write/y": {"a": "b"}}  # the samples need no keeping


@pytest.mark.parametrize("kept", ["x", {STORY: 5}, {STORY: {"text": 5}}, {STORY: {"text": "x" * 20_001}}])
def test_kept_values_that_can_not_be_are_passed_over(prompts: Path, kept: Any):
    assert Laid(prompts).does("open", files=STORY, kept=kept).fields["text"].startswith("A lighthouse keeper")


def test_a_variable_that_comes_while_one_writes_gets_a_field(prompts: Path):
    laid = Laid(prompts)
    (prompts / "write" / "x.prompty").write_text("---\nname: x\n---\nuser:\n{{ one }}\n", "utf-8")
    view = laid.open("write/x")
    more = laid.does("review", open_file=view.open_file, text=view.text + "{{ two }}\n", values={"one": "1"})
    assert more.fields == {"one": "1", "two": "two"}


def test_files_are_made_renamed_deleted_and_brought_back(prompts: Path):
    laid = Laid(prompts)
    new = laid.named("new", "Pirate", task="chat")
    assert new.open_file.key == "chat/Pirate"
    assert "Created chat/Pirate.prompty" in new.status
    assert PromptStore(prompts).load("chat", "Pirate").name == "Pirate"
    made = laid.named("new", "mine", open_file=laid.open().open_file, text="x")
    assert PromptStore(prompts).load("write", "mine").variables  # as the task's other templates
    assert made.open_file.drafts == {STORY: "x"}
    view = laid.open()
    mine = view.text.replace("Write", "Tell")
    named = laid.named("rename", "tale", open_file=view.open_file, text=mine)
    assert (named.open_file.key, named.text) == ("write/tale", mine)
    assert PromptStore(prompts).load("write", "tale").name == "tale"
    assert not (prompts / f"{STORY}.prompty").exists()
    gone = laid.does("deleted", open_file=named.open_file, text=named.text)
    assert not (prompts / "write" / "tale.prompty").exists()
    assert (gone.text, gone.undelete.visible, gone.delete.interactive) == ("", True, False)
    back = laid.does("undeleted", open_file=gone.open_file)
    assert (back.open_file.key, back.undelete.visible) == ("write/tale", False)
    with pytest.raises(InvalidInput, match="nothing to bring back"):
        laid.does("undeleted", open_file=back.open_file)


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".x", "x" * 101, "nul"])
@pytest.mark.parametrize("purpose", ["new", "copy", "rename"])
def test_a_name_that_could_leave_the_folder_is_refused(prompts: Path, name: str, purpose: str):
    laid, before = Laid(prompts), files_in(prompts)
    view = laid.open()
    with pytest.raises(InvalidInput):
        laid.named(purpose, name, open_file=view.open_file, text=view.text, task="write")
    assert files_in(prompts) == before


def test_what_was_not_saved_comes_back_until_it_is_dropped(prompts: Path):
    laid = Laid(prompts)
    story = laid.open()
    mine = story.text.replace("Write", "Tell")
    news = laid.open("write/news", story.open_file, mine)
    assert news.text != mine
    back = laid.open(STORY, news.open_file, news.text)
    assert back.text == mine
    assert "Unsaved draft restored" in back.status
    fresh = laid.does("reload", open_file=back.open_file)
    assert fresh.text == story.text
    assert not fresh.open_file.drafts


def test_saved_copied_and_restored(prompts: Path):
    laid = Laid(prompts)
    view = laid.open()
    assert not view.restore.visible
    mine = view.text.replace("Write a short story", "Tell a tale")
    saved = laid.does("saved", open_file=view.open_file, text=mine)
    assert "Saved write/story.prompty" in saved.status
    assert saved.restore.visible
    assert "<ins>+Tell a tale" in saved.changes
    assert any("changed" in label for label, key in saved.files.choices if key == STORY)
    copy = laid.named("copy", "tale", open_file=saved.open_file, text=mine)
    assert (copy.open_file.key, copy.files.value) == ("write/tale", "write/tale")
    restored = laid.does("restored", open_file=saved.open_file)
    assert "Tell a tale" not in restored.text
    assert PromptStore(prompts).load("write", "tale").name == "tale"


def test_a_text_that_makes_no_template_is_refused_and_the_file_stays(prompts: Path):
    laid = Laid(prompts)
    view, before = laid.open(), files_in(prompts)
    with pytest.raises(InvalidInput, match="Line 1: the file must begin with its front matter"):
        laid.does("saved", open_file=view.open_file, text="nonsense")
    assert files_in(prompts) == before


@pytest.mark.parametrize("chosen", ["write/gone", "../secret", "x", "write/../../x"])
def test_what_is_not_there_can_not_be_opened(prompts: Path, chosen: str):
    with pytest.raises(InvalidInput):
        Laid(prompts).open(chosen)


async def test_the_text_in_the_editor_runs_with_its_values_and_its_sampling(prompts: Path):
    engine = FakeEngine(["Once"])
    laid = Laid(prompts, engine)
    view = laid.open()
    mine = view.text.replace("Write a short story", "Tell a tale").replace("temperature: 0.9", "temperature: 0.3")
    *_, last = [seen async for seen in laid.run(view.open_file, mine, {"text": "A fox"})]
    asked, sampling = engine.asked[0]
    assert "Tell a tale about this:\n\nA fox" in asked[-1].content
    assert sampling.temperature == 0.3
    assert last.result == "Once"
    assert "1 token " in last.line


async def test_a_system_prompt_alone_needs_a_message(prompts: Path):
    engine = FakeEngine(["Hi"])
    laid = Laid(prompts, engine)
    view = laid.open("chat/tutor")
    *_, refused = [seen async for seen in laid.run(view.open_file, view.text, message=" ")]
    assert "only a system prompt" in refused.line
    *_, last = [seen async for seen in laid.run(view.open_file, view.text, message="Hello")]
    assert engine.asked[0][0][-1] == Message("user", "Hello")
    assert last.result == "Hi"


async def test_where_editing_is_off_only_files_as_they_are_can_be_run(prompts: Path):
    engine = FakeEngine(["ok"])
    laid = Laid(prompts, engine, editable=False)
    view, before = laid.open(), files_in(prompts)
    mine = view.text.replace("Write a short story", "Tell a tale")
    forms = [("given_name", {"name": "x", "purpose": purpose}) for purpose in ("new", "copy", "rename")]
    file = replace(view.open_file, deleted=Deleted("write", "x", "---\n---\nuser:\nHi"))
    for handler, given in [("saved", {}), ("restored", {}), ("deleted", {}), ("undeleted", {}), *forms]:
        with pytest.raises(InvalidInput, match="can't be changed on this server"):
            laid.does(handler, open_file=file, text=mine, **given)
    assert files_in(prompts) == before
    assert "Tell a tale" not in laid.does("review", open_file=view.open_file, text=mine).preview
    async for _ in laid.run(view.open_file, mine):
        pass
    assert "Write a short story" in engine.asked[0][0][-1].content


async def test_after_a_restart_what_was_typed_is_still_there_saved_and_run(prompts: Path):
    engine = FakeEngine(["ok"])
    laid = Laid(prompts, engine)
    view = laid.open()
    mine = view.text.replace("Write a short story", "Tell a tale")
    forgotten = {"open_file": OpenFile(), "key": view.key, "text": mine}
    other = laid.does("open", files="write/continue", **forgotten)
    assert other.open_file.key == other.key == "write/continue"
    assert laid.open(file=other.open_file, text=other.text).text == mine
    assert "Tell a tale" in laid.does("review", **forgotten).preview
    async for _ in laid.tab._trials.updates(laid.event(**forgotten), laid.tab._running):
        pass
    assert "Tell a tale" in engine.asked[0][0][-1].content
    laid.does("saved", **forgotten)
    assert "Tell a tale" in (prompts / f"{STORY}.prompty").read_text("utf-8")


def test_with_nothing_open_saving_says_so(prompts: Path):
    with pytest.raises(InvalidInput, match="Open a template first"):
        Laid(prompts).does("saved", text="---\nname: x\n---\nuser:\nHi")
