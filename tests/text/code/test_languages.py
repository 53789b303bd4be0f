"""Code: its languages, and the names that people and models have for them."""

import gradio as gr
import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.text.code.languages import LANGUAGES, OTHERS, find, is_output, known, of_file


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
    for language in (*LANGUAGES, *OTHERS):
        if language.editor is not None:
            gr.Code(language=language.editor, render=False)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tag", "id"),
    [
        ("tsx", "typescript"), ("js{1,3}", "javascript"), ("python:main.py", "python"), ("c++17", "cpp"), ("c99", "c"),
        ("{.python .numberLines}", "python"), ("{python, echo=FALSE}", "python"), ("language-js", "javascript"),
        ("py3", "python"), ("python3.11", "python"), ("ipython", "python"), ("objective-c", "objectivec"),
        ("shell-session", "bash"), ("ps1", "powershell"), ("f#", "fsharp"), ("vb.net", "vb"), ("jsonc", "json"),
        ("dockerfile", "dockerfile"), ("Dockerfile", "dockerfile"), ("main.rs", "rust"), ("src/lib.rs", "rust"),
        ('python title="x.py"', "python"), ("12:15:src/app.ts", "typescript"), ("rust,ignore", "rust"),
        ("Visual Basic", "vb"), ("html5", "html"), ("scss", "html"), ("build.gradle.kts", "kotlin"),
        ("es2020", "javascript"),
    ],
)  # fmt: skip
def test_tags_as_models_write_them(tag: str, id: str):
    language = known(tag)
    assert language is not None
    assert language.id == id


@pytest.mark.parametrize("tag", ["text", "plaintext", "output", "Plain Text", "stdout", "log"])
def test_output_is_told_from_code(tag: str):
    assert is_output(tag)
    assert known(tag) is None


@pytest.mark.parametrize("tag", ["", "foo", "```", "x" * 100_000])
def test_what_names_no_language(tag: str):
    assert known(tag) is None
    assert not is_output(tag)


@pytest.mark.parametrize("language", [*LANGUAGES, *OTHERS], ids=lambda language: language.id)
def test_a_file_with_its_extension_is_of_the_language(language):
    assert of_file(f"code{language.extension}") is language


def test_only_those_that_one_can_choose_are_found():
    with pytest.raises(InvalidInput, match="no language 'yaml' here"):
        find("yaml")
