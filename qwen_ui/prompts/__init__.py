"""Prompt files: find, read and render the ``.prompty`` templates of each task."""

from qwen_ui.prompts.parse import MAX_FILE_BYTES, parse
from qwen_ui.prompts.store import Listing, PromptStore
from qwen_ui.prompts.template import SUFFIX, Input, Template

__all__ = ["MAX_FILE_BYTES", "SUFFIX", "Input", "Listing", "PromptStore", "Template", "parse"]
