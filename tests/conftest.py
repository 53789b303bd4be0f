"""What all tests share: a data folder of their own, and the embedded model, fetched and converted once."""

import os
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from qwen_ui.settings import Settings

pytest_plugins = ["tests.pages"]


@pytest.fixture(scope="session", autouse=True)
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of every app that a test starts without naming one: with the models that are fetched once for
    this machine, and nothing else of what its user keeps."""
    models = Settings().data_dir / "models"
    models.mkdir(parents=True, exist_ok=True)
    folder = tmp_path_factory.mktemp("qwen-ui")
    (folder / "models").symlink_to(models)
    os.environ["QWEN_UI_DATA_DIR"] = str(folder)
    return folder


@pytest.fixture(scope="session")
def embedded_settings(data_dir: Path) -> Settings:
    """Settings under which the embedded model is there: fetched and converted by the first test that asks."""
    from qwen_ui.models.load import open_model

    settings = Settings(model="embedded", data_dir=data_dir)
    with FileLock((data_dir / "models").resolve() / ".tests.lock"):  # of processes that test side by side
        thread = threading.Thread(target=open_model, args=(settings, lambda progress: None))
        thread.start()  # a thread that ends, as in the app: torch in a second one slows down the first
        thread.join()
    return settings
