"""What the tests of fine-tuning share."""

from pathlib import Path
from typing import Any

import pytest

from qwen_ui.settings import Settings
from tests.finetune.training import Told, add, settings, train
from tests.models.tiny import make_tiny


@pytest.fixture(scope="session")
def tokenizer(embedded_settings: Settings) -> Any:
    """The embedded model's own."""
    from transformers import AutoTokenizer

    (folder,) = (embedded_settings.data_dir / "models").glob("SmolLM2-135M-Instruct.Q4_1-*")
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny model."""
    return make_tiny(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Told:
    """A finished run of it, with all that it told."""
    return train(add(tmp_path_factory.mktemp("data"), tiny, settings(dropout=0.2)))
