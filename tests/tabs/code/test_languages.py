"""Code: its languages, and the names that people and models have for them."""

import gradio as gr
import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.tabs.code.languages import LANGUAGES, find, known


def test_a_language_is_found_by_every_name_it_has():
    assert find("C#") is find("cs") is find("csharp")
    assert find(" JS ").id == "javascript"
    assert len(LANGUAGES) == 17
    with pytest.raises(InvalidInput, match="no language 'cobol' here"):
        find("cobol")


@pytest.mark.parametrize(("name", "id"), [("c++", "cpp"), ("C++", "cpp"), ("c#", "csharp"), ("c", "c"), ("h", "c")])
def test_names_with_signs_are_not_taken_for_c(name: str, id: str):
    language = known(name)
    assert language is not None
    assert language.id == id


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.id)
def test_the_extension_of_its_files_names_a_language_and_no_other(language):
    assert find(language.extension.removeprefix(".")) is language


def test_editor_modes_are_gradios():
    for language in LANGUAGES:
        if language.editor is not None:
            gr.Code(language=language.editor, render=False)  # type: ignore[arg-type]
