"""Documents to ask about, and a library that the page and the test share."""

from pathlib import Path

import pytest

from qwen_ui.knowledge.library import Library, Upload
from qwen_ui.knowledge.passages import Passage
from qwen_ui.knowledge.source import SearchHit
from tests.knowledge.adding import states

GUIDE = """# Guide to the museum

The museum is a house of paintings by the river.

## Hours

The museum closes at six in the evening. <b>On Mondays</b> it stays shut.

## Prices

A ticket costs seven euros, and children enter free of charge.
"""
LONG_GUIDE = f"{GUIDE}\n## By boat\n\n" + "Ferries leave from the landing stage. " * 900
"""More than the fake engine's context holds, so that it is searched."""
GUIDE_ZH = "# 博物馆指南\n\n## 开放时间\n\n博物馆晚上六点关门，周一不开放。\n\n## 票价\n\n门票七欧元，儿童免费。\n"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "collections")


def fill(library: Library, name: str, folder: Path, **files: str) -> str:
    """A collection of Markdown files; gives its id."""
    collection = library.create(name)
    for stem, text in files.items():
        (folder / f"{stem}.md").write_text(text, "utf-8")
    assert set(states(collection, [Upload(folder / f"{stem}.md") for stem in files])) == {"added"}
    return collection.id


def hit(
    text: str, document: str = "guide.pdf", heading: str = "", page: int | None = None, score: float = 1
) -> SearchHit:
    """A passage that was found."""
    return SearchHit(Passage(1, document, heading, page, text, 0), score)


def holds(asked: str, part: str) -> float:
    """The log-probability of a part of an answer, as a model would have it that reads when the museum closes."""
    return -1.0 if "closes" in part and "closes at six" in asked else -4.0
