"""The head of README.md is what Hugging Face Spaces builds a Space from."""

import re
import tomllib
from typing import Any

import pytest
import yaml

from qwen_ui.models.catalog import CATALOG
from qwen_ui.settings import PROJECT


@pytest.fixture(scope="module")
def head() -> dict[str, Any]:
    _, text, _ = (PROJECT / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return dict(yaml.safe_load(text))


def test_gradio_is_the_version_that_was_tested(head: dict[str, Any]) -> None:
    constraints = (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert head["sdk"] == "gradio"
    assert f"gradio=={head['sdk_version']}" in constraints


def test_python_is_one_that_the_app_runs_on(head: dict[str, Any]) -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lowest = re.fullmatch(r">=3\.(\d+)", project["requires-python"])
    given = re.fullmatch(r"3\.(\d+)", head["python_version"])  # text: as a number 3.10 would be 3.1
    assert lowest is not None and given is not None
    assert int(given[1]) >= int(lowest[1])


def test_what_it_names_is_there(head: dict[str, Any]) -> None:
    assert (PROJECT / head["app_file"]).is_file()
    assert head["models"] == [known.id for known in CATALOG]
    assert head["license"] == "apache-2.0"
    assert "Apache License" in (PROJECT / "LICENSE").read_text(encoding="utf-8")


def test_spaces_takes_it(head: dict[str, Any]) -> None:
    """The limits and values of https://huggingface.co/docs/hub/spaces-config-reference."""
    colours = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {head["colorFrom"], head["colorTo"]} <= colours
    assert 0 < len(head["short_description"]) <= 60
    assert head["suggested_hardware"] in {"cpu-basic", "cpu-upgrade", "t4-small", "t4-medium", "l4x1", "a10g-small"}
    assert head["title"] == "Qwen UI"
    assert head["tags"]
