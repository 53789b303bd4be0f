"""The style files, as Gradio puts them on the page: it sets its container before each selector between two commas."""

import re
from pathlib import Path

import pytest

from qwen_ui.settings import PROJECT

FILES = sorted((PROJECT / "qwen_ui").rglob("*.css"))


def selectors(file: Path) -> list[str]:
    """What stands before each of the file's blocks, without the lists of media queries."""
    text = re.sub(r"/\*.*?\*/", "", file.read_text("utf-8"), flags=re.DOTALL)
    found = [" ".join(each.split()) for each in re.findall(r"([^{};]+)\{", text)]
    return [each for each in found if not each.startswith("@")]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PROJECT / "qwen_ui")))
def test_each_selector_means_the_same_with_a_container_before_it(file: Path):
    assert selectors(file)
    broken = [each for each in selectors(file) if re.search(r"\([^()]*,", each)]
    assert not broken, "A list within brackets gets the container in its middle: write :not(:has(a)):not(:has(b))"
    dark = [each for each in selectors(file) if each.count(".dark") > 1]
    assert not dark, "Of several selectors only the first one's .dark is minded: write a rule for each"
