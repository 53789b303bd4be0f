"""The one picker of prompt files."""

from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from qwen_ui.errors import InvalidInput, TemplateError
from qwen_ui.page.events import Values
from qwen_ui.page.templates import TemplatePicker, described, own_first
from qwen_ui.prompts import Listing, PromptStore
from tests.fakes import FakeEngine
from tests.pages import app_of, event_of

FILE = "---\nname: {name}\ndescription: {about}\nlanguage: {language}\n---\nuser:\nHi\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "poems").mkdir()
    write(tmp_path, "a", "Ode", "To <somebody>")
    write(tmp_path, "b", "颂", "给某人", "zh")
    return tmp_path


def write(folder: Path, id: str, name: str, about: str = "", language: str = "en") -> None:
    text = FILE.format(name=name, about=about, language=language)
    (folder / "poems" / f"{id}.prompty").write_text(text, "utf-8")


def picker_in(folder: Path, **options: Any) -> tuple[TemplatePicker, Any]:
    app = app_of(FakeEngine(), folder)
    with gr.Blocks():
        return TemplatePicker(app, "poems", elem_id="x", **options), app


def offered(picker: TemplatePicker, values: Values) -> list[tuple[str, str]]:
    choices: list[tuple[str, str]] = values[picker.dropdown].choices
    return choices


def test_templates_in_the_readers_language_come_first(folder: Path):
    templates = PromptStore(folder).list("poems").templates
    assert [template.id for template in own_first(templates, chinese=False)] == ["a", "b"]
    assert [template.id for template in own_first(templates, chinese=True)] == ["b", "a"]
    picker, app = picker_in(folder)
    values = picker.refresh(event_of(app, {picker.dropdown: None, picker.note: ""}, "zh-CN"))
    assert offered(picker, values) == [("颂", "b"), ("Ode", "a")]


def test_a_pick_describes_the_template_as_text_and_brings_what_goes_with_it(folder: Path):
    picker, app = picker_in(folder, picked=lambda event, template: {"length": len(template.name)})
    values = picker.pick(event_of(app, {}), "a")
    assert "To &lt;somebody&gt;" in values[picker.note]
    assert (values[picker.dropdown].value, values["length"]) == ("a", 3)


def test_where_the_description_is_in_the_list_the_note_is_for_problems(folder: Path):
    (folder / "poems" / "bad.prompty").write_text("---\nname: [\n---\nuser:\nx\n")
    picker, app = picker_in(folder, named=described)
    values = picker.pick(event_of(app, {}), "a")
    assert ("Ode · To <somebody>", "a") in offered(picker, values)
    assert "somebody" not in values[picker.note]
    assert "poems/bad.prompty:" in values[picker.note]


def test_files_that_come_and_go_are_seen(folder: Path):
    picker, app = picker_in(folder)
    write(folder, "c", "Sonnet", "Fourteen lines")
    assert ("Sonnet", "c") in offered(picker, picker.refresh(event_of(app, {picker.dropdown: "a", picker.note: ""})))
    (folder / "poems" / "c.prompty").unlink()
    with pytest.raises(InvalidInput, match="no template 'c'"):
        picker.pick(event_of(app, {}), "c")
    with pytest.raises(InvalidInput, match="Choose a template"):
        picker.pick(event_of(app, {}), None)


def test_a_list_that_is_only_left_changes_nothing_until_another_template_is_chosen_or_its_file_is_new(folder: Path):
    picker, app = picker_in(folder)
    note = picker.pick(event_of(app, {}), "a")[picker.note]
    note = picker.refresh(event_of(app, {picker.dropdown: "a", picker.note: note}))[picker.note]
    left = event_of(app, {picker.dropdown: "a", picker.note: note})
    assert picker.repick(left) == {}
    assert picker.repick(event_of(app, {picker.dropdown: "b", picker.note: note}))[picker.dropdown].value == "b"
    write(folder, "a", "Ode", "To everybody")
    assert "everybody" in picker.repick(left)[picker.note]


def test_only_some_of_the_files_may_be_offered_and_others_be_named_as_broken(folder: Path):
    error = TemplateError("poems/a.prompty:1: too short.")
    picker, app = picker_in(folder, among=lambda event, listing: Listing(listing.templates[1:], (error,)))
    for values in (
        picker.refresh(event_of(app, {picker.dropdown: "b", picker.note: ""})),
        picker.pick(event_of(app, {}), "b"),
    ):
        assert offered(picker, values) == [("颂", "b")]
        assert "too short" in values[picker.note]


def test_what_the_browser_holds_is_taken_whatever_is_offered_by_now(folder: Path):
    dropdown = picker_in(folder)[0].dropdown
    updated = type(dropdown)(**{**dropdown.constructor_args, "choices": [("Ode", "a")], "render": False})
    assert dropdown.preprocess("gone") == updated.preprocess("gone") == "gone"
    assert dropdown.get_config()["allow_custom_value"] is False  # but nobody types one
