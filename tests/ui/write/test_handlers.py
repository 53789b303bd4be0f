"""The Write tab's handlers: what its fields mean, and what Insert and the picker do."""

from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Message
from qwen_ui.prompts import PromptStore
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.write.handlers import Handlers, Work, read
from qwen_ui.ui.write.versions import MOST, Order
from tests.fakes import FakeEngine
from tests.pages import host_of


def request(language: str = "en-US") -> gr.Request:
    return gr.Request(headers={"accept-language": language}, session_hash="me", client=None)


def handlers_of(engine: FakeEngine, prompts: Path) -> Handlers:
    return Handlers(host_of(engine), PromptStore(prompts), Running())


@pytest.mark.parametrize("versions", [0, 5, 1.5, "2", None])
def test_versions_are_one_to_four(versions: Any):
    with pytest.raises(InvalidInput, match="1 to 4 versions"):
        read("x", "story", 0, 0.8, versions)


def test_no_length_is_any_length():
    assert read("x", "story", 0, 0.8, 2) == Order("x", "story", None, 0.8, 2)
    assert read("x", "story", 50, 0.8, 1).words == 50
    with pytest.raises(InvalidInput, match="whole number"):
        read("x", "story", 1.5, 0.8, 1)


async def test_a_version_that_ended_goes_on_by_request_and_an_edited_one_within_its_sentence(prompts: Path):
    engine = FakeEngine(["One."])
    handlers = handlers_of(engine, prompts)
    *_, last = [page async for page in handlers.start(request(), "A fox", "story", 0, 0.8, 1)]
    work = last[0]
    assert work.endings[0] == "One."
    async for _ in handlers.go_on(request(), work, 0, "One."):
        pass
    assert engine.asked[-1][0][-1].role == "user"
    async for _ in handlers.go_on(request(), work, 0, "One. And"):
        pass
    assert engine.asked[-1][0][-1] == Message("assistant", "One. And")
    assert "A fox" in engine.asked[-1][0][1].content


async def test_writing_again_replaces_only_that_version(prompts: Path):
    handlers = handlers_of(FakeEngine(["Two."]), prompts)
    work = Work(Order("A fox", "story", versions=2), ("a", "b", "", ""))
    *_, last = [page async for page in handlers.again(request(), work, 1)]
    assert last[0].endings == ("a", "Two.", "", "")
    assert last[2] == "Two."
    assert isinstance(last[1], dict)  # skipped: Gradio's way to leave a value as it is


async def test_only_one_order_at_a_time_is_written(prompts: Path):
    engine = FakeEngine(["never"], steps=0)
    handlers = handlers_of(engine, prompts)
    pages = handlers.start(request(), "A fox", "story", 0, 0.8, 1)
    await anext(pages)
    (refused,) = [page async for page in handlers.start(request(), "A cat", "story", 0, 0.8, 1)]
    assert any("Stop it first" in str(value) for value in refused)
    await pages.aclose()
    assert engine.active == 0


async def test_a_continuation_is_inserted_at_the_end_and_anything_else_in_place(prompts: Path):
    handlers = handlers_of(FakeEngine(), prompts)
    new, before, undo = await handlers.insert(Work(Order("x", "continue")), "It was late", " and dark.")
    assert (new, before, undo.visible) == ("It was late and dark.", "It was late", True)
    again, *_ = await handlers.insert(Work(Order("x", "continue")), new, " and dark.")
    assert again == new
    assert (await handlers.insert(Work(Order("x", "news")), "facts", "An article"))[0] == "An article"
    assert (await handlers.insert(Work(Order("x", "gone")), "facts", "An article"))[0] == "An article"


async def test_the_picker_begins_in_the_readers_language_and_names_broken_files(prompts: Path):
    (prompts / "write" / "bad.prompty").write_text("---\nname: x\n---\nuser:\n{{ x", "utf-8")
    handlers = handlers_of(FakeEngine(), prompts)
    for language, id in (("en-US", "continue"), ("zh-CN", "continue-zh")):
        problems, picker, _, examples = await handlers.restore(request(language))
        assert "write/bad.prompty:5:" in problems
        assert picker.value == id
        languages = {sample[0].endswith("-zh") for sample in examples.raw_samples}
        assert languages == {True, False}
    (prompts / "write" / "poem.prompty").write_text("---\nname: Poem\n---\nuser:\n{{ text }}", "utf-8")
    _, picker = await handlers.refresh(request())
    assert ("Poem", "poem") in picker.choices


async def test_picking_a_broken_template_says_why(prompts: Path):
    problem, _ = await handlers_of(FakeEngine(), prompts).pick(request(), "gone")
    assert "no template" in problem


def test_there_are_as_many_endings_as_versions():
    assert len(Work(Order("x", "story")).endings) == MOST
