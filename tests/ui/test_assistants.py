"""What picking an assistant fills in."""

from pathlib import Path

import pytest

from qwen_ui.config import PROJECT
from qwen_ui.errors import InvalidInput, TemplateError
from qwen_ui.messages import Sampling
from qwen_ui.prompts import PromptStore
from qwen_ui.ui import assistants

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
def prompts(tmp_path: Path) -> PromptStore:
    (tmp_path / "chat").mkdir()
    for id, name, language in (("a", "Ann", "en"), ("b", "小白", "zh")):
        (tmp_path / "chat" / f"{id}.prompty").write_text(TEMPLATE.format(name=name, language=language), "utf-8")
    return PromptStore(tmp_path)


def test_an_assistant_fills_in_its_prompt_and_sampling(prompts: PromptStore):
    ann = assistants.load(prompts, "a")
    assert ann.system == "You are Ann."
    assert ann.sampling == Sampling(max_new_tokens=64, temperature=0.2)


def test_the_first_assistant_is_in_the_visitors_language(prompts: PromptStore):
    templates = prompts.list("chat").templates
    assert assistants.first(templates, chinese=False) == "a"
    assert assistants.first(templates, chinese=True) == "b"
    assert assistants.first(templates[:1], chinese=True) == "a"
    assert assistants.first((), chinese=True) is None


def test_a_file_with_more_than_a_system_section_is_refused(prompts: PromptStore):
    (prompts.root / "chat" / "c.prompty").write_text(TEMPLATE.format(name="C", language="en") + "user:\nHi\n")
    with pytest.raises(TemplateError, match=r"chat/c\.prompty:1: .*just one section"):
        assistants.load(prompts, "c")


def test_an_assistant_that_is_gone_is_named(prompts: PromptStore):
    with pytest.raises(InvalidInput, match="no template 'gone'"):
        assistants.load(prompts, "gone")


def test_the_assistants_that_come_with_the_app_work():
    prompts = PromptStore(PROJECT / "prompts")
    listing = prompts.list(assistants.TASK)
    assert listing.errors == ()
    for _, id in assistants.choices(listing):
        assert assistants.load(prompts, id).system
    assert {template.language for template in listing.templates} >= {"en", "zh"}
