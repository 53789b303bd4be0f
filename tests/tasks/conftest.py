"""The shipped prompt files, for the tests of the tasks."""

import pytest

from qwen_ui.config import PROJECT
from qwen_ui.prompts import PromptStore


@pytest.fixture(scope="session")
def store() -> PromptStore:
    return PromptStore(PROJECT / "prompts")
