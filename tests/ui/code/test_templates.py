"""Which prompt file serves which action, also as people add and break files."""

from pathlib import Path

import pytest

from qwen_ui.config import PROJECT
from qwen_ui.errors import InvalidInput
from qwen_ui.prompts import PromptStore
from qwen_ui.tasks.code import ACTIONS
from qwen_ui.ui.code.templates import available, choices, default, is_chinese, serving

SHIPPED = PromptStore(PROJECT / "prompts")
FILE = "---\nname: Mine\n{more}---\nuser:\n{{{{ code }}}}\n"


@pytest.fixture
def store(tmp_path: Path) -> PromptStore:
    (tmp_path / "code").mkdir()
    return PromptStore(tmp_path)


def write(store: PromptStore, id: str, more: str = "") -> None:
    store.path("code", id).write_text(FILE.format(more=more), "utf-8")


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_has_its_own_files_in_both_languages(action: str):
    listing = available(SHIPPED)
    assert not listing.errors
    assert [template.id for template in serving(listing, action)] == [action, f"{action}-zh"]
    assert default(listing, action, chinese=False).id == action
    assert default(listing, action, chinese=True).id == f"{action}-zh"


def test_the_picker_shows_name_and_description():
    assert choices(serving(available(SHIPPED), "fix"))[0] == ("Fix · Find and mend mistakes", "fix")


def test_a_new_file_serves_the_action_that_its_name_begins_with(store: PromptStore):
    write(store, "improve")
    assert len(serving(available(store), "improve")) == 1
    write(store, "improve-speed")
    assert [template.id for template in serving(available(store), "improve")] == ["improve", "improve-speed"]


def test_the_front_matter_may_name_the_action(store: PromptStore):
    write(store, "review", "action: explain\n")
    assert [template.id for template in serving(available(store), "explain")] == ["review"]


@pytest.mark.parametrize(("more", "line"), [("", 1), ("action: dance\n", 3), ("action: [fix]\n", 3)])
def test_a_file_for_no_action_is_reported_with_its_place(store: PromptStore, more: str, line: int):
    write(store, "fix")
    write(store, "review", more)
    listing = available(store)
    assert [template.id for template in listing.templates] == ["fix"]
    assert str(listing.errors[0]).startswith(f"code/review.prompty:{line}: say which action")


def test_an_action_without_files_says_what_to_restore(store: PromptStore):
    write(store, "fix")
    with pytest.raises(InvalidInput, match=r"prompts/code/generate\.prompty"):
        default(available(store), "generate", chinese=False)


def test_the_language_of_a_template_that_is_gone_is_not_known():
    assert is_chinese(SHIPPED, "fix-zh") is True
    assert is_chinese(SHIPPED, "fix") is False
    assert is_chinese(SHIPPED, "gone") is None
