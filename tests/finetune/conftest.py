"""What the tests of fine-tuning share."""

from typing import Any

import pytest

from qwen_ui.settings import Settings


@pytest.fixture(scope="session")
def tokenizer(embedded_settings: Settings) -> Any:
    """The embedded model's own."""
    from transformers import AutoTokenizer

    (folder,) = (embedded_settings.data_dir / "models").glob("SmolLM2-135M-Instruct.Q4_1-*")
    return AutoTokenizer.from_pretrained(folder)
