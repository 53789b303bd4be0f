"""The shipped prompt files, for the tests of the tab."""

import pytest

from qwen_ui.prompts import PromptStore
from qwen_ui.settings import PROJECT


@pytest.fixture(scope="session")
def store() -> PromptStore:
    return PromptStore(PROJECT / "prompts")
