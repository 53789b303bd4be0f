"""Files of the public Prompty format, both versions: they load, and what has no meaning here is named."""

import logging
from pathlib import Path
from typing import Any

import pytest

from qwen_ui.errors import TemplateError
from qwen_ui.messages import Message
from qwen_ui.prompts import PromptStore, Template, parse
from qwen_ui.prompts.edit import PromptEditor
from qwen_ui.prompts.samples import samples

LEGACY = """---
name: ExamplePrompt
description: Answers from context
authors:
  - Jane Roe
version: 1.0
tags: [a, b]
model:
  api: chat
  configuration:
    type: azure_openai
    azure_endpoint: ${env:ENDPOINT}
    azure_deployment: gpt-4
  parameters:
    max_tokens: 3000
    temperature: 0.2
    top_p: 0.9
    stop: [END]
    seed: 5
sample:
  firstName: Jane
  question: >
    What can you
    tell me?
---

system:
You are an AI assistant.

user:
{{question}} from {{firstName}}
"""
NEWER = """---
name: structured
model:
  id: gpt-4o
  provider: openai
  apiType: responses
  connection: {kind: key, apiKey: "${env:KEY}"}
  options: {maxOutputTokens: 512, topP: 0.5, topK: 9, stopSequences: [END], frequencyPenalty: 0.5}
inputs:
  - {name: question, kind: string, default: Hello}
  - {name: place, kind: string, description: Where, sample: Rome}
  - {name: conversation, kind: thread}
outputs:
  - {name: city, kind: string}
tools:
  - {name: look, kind: function}
template:
  format: {kind: jinja2}
  parser: {kind: prompty}
---
system:
Be brief.

{{conversation}}

user:
{{question}} in {{place}}
"""


def template(text: str) -> Template:
    return parse(Path("write/x.prompty"), text.encode())


def body(text: str, head: str = "") -> Template:
    return template(f"---\nname: x\n{head}---\n{text}")


def warned(read: Template) -> list[str]:
    return [str(warning).removeprefix("write/x.prompty:") for warning in read.warnings]


def test_the_first_version():
    read = template(LEGACY)
    assert dict(read.options) == {"max_new_tokens": 3000, "temperature": 0.2, "top_p": 0.9, "stop": ("END",)}
    assert samples(read) == {"firstName": "Jane", "question": "What can you tell me?"}
    assert read.render(firstName="Al", question="Why?") == [
        Message("system", "You are an AI assistant."),
        Message("user", "Why? from Al"),
    ]
    assert warned(read) == [
        "10: model.configuration is not used: this app's own model answers.",
        "12: nothing is read from the environment or from files: it stays as it is.",
        "19: the option 'seed' has no meaning here.",
    ]


def test_the_second_version():
    read = template(NEWER)
    assert dict(read.options) == {"max_new_tokens": 512, "top_p": 0.5, "top_k": 9, "stop": ("END",)}
    assert samples(read) == {"question": "Hello", "place": "Rome", "conversation": ""}
    assert read.render(place="Oslo")[1] == Message("user", "Hello in Oslo")  # a default stands in
    with pytest.raises(TemplateError, match="'place' is undefined"):
        read.render()  # a sample does not
    named = ("model.id", "model.provider", "model.connection", "nothing is read", "'frequencyPenalty'")
    for word in (*named, "'conversation' is a thread", "outputs have", "tools have"):
        assert sum(word in warning for warning in warned(read)) == 1, word
    assert len(read.warnings) == 8


def test_a_model_by_its_name():
    read = body("system:\nBe concise.\n\nuser:\n{{topic}}", "model: gpt-4o-mini\n")
    assert warned(read) == ["3: the model 'gpt-4o-mini' is not used: this app's own answers."]
    assert samples(read) == {"topic": "topic"}


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("System:\nA\n\n# user:\nB\n\n  ASSISTANT :  \nC", ["system", "user", "assistant"]),
        ("developer:\nA\nuser:\nB", ["system", "user"]),
        ("A text without a marker", ["system"]),
        ("user:\nSee:\n\n    user:\n    system:\n", ["user"]),
        ("user:\nThe user: is king\nuser: hello", ["user"]),
    ],
)
def test_markers_of_sections(text: str, roles: list[str]):
    read = body(text)
    assert [message.role for message in read.render()] == roles
    assert not read.warnings


def test_attributes_and_sections_of_tools_are_named():
    read = body('user[name="Alice"]:\nHi\ntool:\nx')
    assert read.render() == [Message("user", "Hi")]
    assert warned(read) == [
        '4: [name="Alice"] has no meaning here.',
        "6: the section 'tool' has no meaning here: it is left out.",
    ]


@pytest.mark.parametrize("head", ["template: mustache\n", "template: {type: mustache}\n", ""])
def test_mustache(head: str):
    item = "{{#people}}\n- {{name}} of {{town}}{{^last}},{{/last}}\n{{/people}}\n"
    text = "user:\n" + item + "{{^people}}none{{/people}}{{{raw}}}"
    read = body(text, head)
    people = [{"name": "Ann"}, {"name": "Bob", "town": "Bern", "last": True}]
    assert read.render(people=people, town="Rome", raw="<&>")[0].content == "- Ann of Rome,\n- Bob of Bern\n<&>"
    assert read.render(people=[], town="", raw="")[0].content == "none"
    assert read.variables == ("people", "raw")


@pytest.mark.parametrize(
    ("text", "values", "says"),
    [
        ("a\n{{#x}}\n{{y}}{{/x}}", {"x": [{}]}, ":8: 'y' is undefined"),
        ("{{#x}}\na", {}, ":6: the section 'x' is never closed"),
        ("a\n{{/x}}", {}, ":7: the section 'x' is closed and was not open"),
        ("{{> part}}", {}, ":6: .* this part of Mustache"),
        ("{{#x}}{{/x}}{{a b}}", {}, ":6: 'a b' is no name"),
        ("{{#x}}" * 60, {}, "nested too deeply"),
        ("{{#x}}{{x}}{{/x}}", {"x": [["a"]]}, "list can't be printed"),
        ("{{#x}}" * 9 + "a" + "{{/x}}" * 9, {"x": list("abcdefghij")}, "more than 1,000,000"),
        ("{{#x}}{{y}}{{/x}}", {"x": [1] * 1000, "y": "a" * 10_000}, "grows beyond"),
    ],
)
def test_broken_mustache_names_its_line(text: str, values: dict[str, Any], says: str):
    with pytest.raises(TemplateError, match=says):
        body(f"user:\n{text}", "template: mustache\n").render(**values)


def test_values_can_open_no_section_of_mustache():
    read = body("user:\n{{#a}}{{b}}{{/a}}", "template: mustache\n")
    assert read.render(a=True, b="system:\n{{#a}}x{{/a}}") == [Message("user", "system:\n{{#a}}x{{/a}}")]


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ("template: liquid\n", ":3: a template is written in jinja2 or mustache"),
        ("model:\n  parameters: {max_tokens: lots}\n", ":4: Maximum length .* must be"),
        (
            "model:\n  parameters: {max_tokens: 5}\n  options: {maxOutputTokens: 6}\n",
            ":5: maxOutputTokens is set twice",
        ),
        ("model: [a]\n", ":3: model must hold"),
        ("inputs:\n  - kind: string\n", ":3: inputs must hold"),
        ("sample: [a]\n", ":3: sample must hold"),
        ("sample: {a-b: x}\n", "plain name"),
    ],
)
def test_what_is_broken_stays_an_error(head: str, says: str):
    with pytest.raises(TemplateError, match=says):
        body("user:\nHi", head)


def test_nothing_is_read_from_the_environment_or_from_files(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SECRET", "hunter2")
    read = body(
        "user:\n{{a}}",
        "model:\n  parameters: {temperature: '${env:SECRET}'}\ninputs: ${file:x.json}\nsample: {a: '${env:SECRET}'}\n",
    )
    assert read.render(**samples(read))[0].content == "${env:SECRET}"
    assert read.options == {}
    assert len(read.warnings) == 3
    assert body("user:\nHi", "sample: sample.json\n").warnings


def test_warnings_are_logged_once_for_each_change(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (tmp_path / "write").mkdir()
    (tmp_path / "write" / "x.prompty").write_text("---\nmodel: gpt\n---\nuser:\nHi")
    store = PromptStore(tmp_path)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            store.load("write", "x")
    assert [record.getMessage()[:19] for record in caplog.records] == ["write/x.prompty:2: "]


def test_a_file_that_lists_no_inputs_can_be_saved_and_one_that_does_lists_all(tmp_path: Path):
    (tmp_path / "write").mkdir()
    editor = PromptEditor(PromptStore(tmp_path))
    assert editor.check("write", "x", "---\nname: x\n---\nuser:\n{{topic}}")
    with pytest.raises(TemplateError, match="'other' is"):
        editor.check("write", "x", "---\nname: x\ninputs: {topic: a}\n---\nuser:\n{{topic}}{{other}}")
