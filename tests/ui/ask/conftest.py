"""Documents to ask about, and a library that the page and the test share."""

from pathlib import Path

import pytest

from qwen_ui.knowledge.library import Library, Upload

GUIDE = """# Guide to the museum

The museum is a house of paintings by the river.

## Hours

The museum closes at six in the evening. <b>On Mondays</b> it stays shut.

## Prices

A ticket costs seven euros, and children enter free of charge.
"""
GUIDE_ZH = "# 博物馆指南\n\n## 开放时间\n\n博物馆晚上六点关门，周一不开放。\n\n## 票价\n\n门票七欧元，儿童免费。\n"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "collections")


def fill(library: Library, name: str, folder: Path, **files: str) -> str:
    """A collection of Markdown files; gives its id."""
    collection = library.create(name)
    for stem, text in files.items():
        (folder / f"{stem}.md").write_text(text, "utf-8")
    steps = list(collection.add([Upload(folder / f"{stem}.md") for stem in files]))
    assert {step.state for step in steps} == {"reading", "added"}
    return collection.id
