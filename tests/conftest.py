"""What all tests share: the embedded model, fetched and converted once."""

import threading

import pytest

from qwen_ui.config import Settings

pytest_plugins = ["tests.pages"]


@pytest.fixture(scope="session")
def embedded_settings() -> Settings:
    """Settings under which the embedded model is there: fetched and converted by the first test that asks."""
    from qwen_ui.models.load import open_model

    settings = Settings(model="embedded")
    thread = threading.Thread(target=open_model, args=(settings, lambda progress: None))
    thread.start()  # a thread that ends, as in the app: torch in a second one slows down the first
    thread.join()
    return settings
