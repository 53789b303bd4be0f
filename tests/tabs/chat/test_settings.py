"""What picking an assistant fills in."""

from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from qwen_ui.errors import InvalidInput, TemplateError
from qwen_ui.messages import Sampling
from qwen_ui.page.events import Values
from qwen_ui.prompts import PromptStore
from qwen_ui.settings import PROJECT
from qwen_ui.tabs.chat.settings import ChatSettings
from tests.fakes import FakeEngine
from tests.pages import app_of, event_of

TEMPLATE = """---
name: {name}
language: {language}
model:
  options: {{temperature: 0.2, max_new_tokens: 64}}
---
system:
You are {name}.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "chat").mkdir()
    for id, name, language in (("a", "Ann", "en"), ("b", "小白", "zh")):
        (tmp_path / "chat" / f"{id}.prompty").write_text(TEMPLATE.format(name=name, language=language), "utf-8")
    return tmp_path


def settings_of(folder: Path) -> tuple[ChatSettings, Any]:
    app = app_of(FakeEngine(), folder)
    with gr.Blocks():
        return ChatSettings(app), app


def picked(folder: Path, id: str) -> tuple[ChatSettings, Values]:
    settings, app = settings_of(folder)
    return settings, settings.assistant.pick(event_of(app, {}), id)


def test_an_assistant_fills_in_its_prompt_and_sampling(folder: Path):
    settings, values = picked(folder, "a")
    assert values[settings.system] == "You are Ann."
    assert (values[settings.temperature], values[settings.max_new_tokens]) == (0.2, 64)
    assert values[settings.top_p] == Sampling().top_p


def test_an_assistants_variables_are_asked_for_and_make_its_prompt(folder: Path):
    head = "name: T\ninputs:\n  topic: {sample: maths}\n  level: {default: kind}\n"
    text = f"---\n{head}---\nsystem:\nA {{{{ level }}}} {{{{ topic }}}} tutor.\n"
    (folder / "chat" / "t.prompty").write_text(text, "utf-8")
    settings, app = settings_of(folder)
    values = settings.assistant.pick(event_of(app, {}), "t")
    assert values[settings.system] == "A kind [topic] tutor."
    names, *fields = settings._variables.parts
    shown = [field for each in fields if (field := values[each]).visible]
    assert [(field.label, field.value, field.placeholder) for field in shown] == [
        ("level", "kind", None),
        ("topic", "", "maths"),
    ]
    given = {settings.assistant.dropdown: "t", names: values[names], fields[0]: "strict", fields[1]: "<b>art</b>"}
    given |= dict.fromkeys(fields[2:], "")
    assert settings._given(event_of(app, given)) == {settings.system: "A strict <b>art</b> tutor."}
    plain = settings.assistant.pick(event_of(app, {}), "a")
    assert not any(plain[field].visible for field in fields)


def test_an_assistant_whose_file_is_deleted_stays_on_the_list_and_is_said_to_be_gone(folder: Path):
    settings, app = settings_of(folder)
    (folder / "chat" / "a.prompty").unlink()
    shown = settings.assistant.refresh(event_of(app, {settings.assistant.dropdown: "a", settings.assistant.note: ""}))
    assert ("a (not available)", "a") in shown[settings.assistant.dropdown].choices
    offered = settings.assistant.offer(event_of(app, {}), settings.assistant.listing(), held="a")
    assert offered[settings.assistant.dropdown].value == "a"
    assert ("a (not available)", "a") in offered[settings.assistant.dropdown].choices


def test_a_file_with_more_than_a_system_section_is_refused(folder: Path):
    (folder / "chat" / "c.prompty").write_text(TEMPLATE.format(name="C", language="en") + "user:\nHi\n")
    with pytest.raises(TemplateError, match=r"chat/c\.prompty:2: .*just one section"):
        picked(folder, "c")


def test_an_assistant_that_is_gone_is_named(folder: Path):
    with pytest.raises(InvalidInput, match="no template 'gone'"):
        picked(folder, "gone")


@pytest.mark.parametrize("id", [path.stem for path in sorted((PROJECT / "prompts" / "chat").glob("*.prompty"))])
def test_the_assistants_that_come_with_the_app_work(id: str):
    settings, values = picked(PROJECT / "prompts", id)
    assert values[settings.system]


def test_they_come_in_both_languages():
    listing = PromptStore(PROJECT / "prompts").list("chat")
    assert listing.errors == ()
    assert {template.language for template in listing.templates} >= {"en", "zh"}


def test_what_can_not_work_is_refused(folder: Path):
    settings, app = settings_of(folder)
    values = {settings.temperature: 9.0, settings.top_p: 0.8, settings.top_k: 20, settings.max_new_tokens: 8}
    with pytest.raises(InvalidInput, match="Temperature must be a number from 0 to 5"):
        settings.sampling(event_of(app, values))
