"""Adding files, watched: news while a file is read, Stop after it, and what came of each."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.knowledge.library import Library, Step, Upload
from qwen_ui.ui.ask.adding import Report, add, report_html
from qwen_ui.ui.texts import EN, saying

SAY = saying(EN)


async def test_each_file_is_told_and_a_broken_one_is_named_while_the_rest_goes_in(library: Library, tmp_path: Path):
    for name, text in {"a.md": "Boats sail.", "empty.md": "", "copy.md": "Boats sail.", "b.txt": "Trains run."}.items():
        (tmp_path / name).write_text(text)
    uploads = [Upload(tmp_path / name) for name in ("a.md", "empty.md", "copy.md", "b.txt", "c.exe")]
    steps = library.create("Travel").add(uploads)
    reports = [report async for report in add(steps, len(uploads), asyncio.Event())]
    assert [step.state for step in reports[-1].results] == ["added", "skipped", "duplicate", "added", "skipped"]
    assert not reports[-1].running
    html = report_html(reports[-1], SAY)
    assert "a.md: added (passages: 1)" in html
    assert "empty.md is empty." in html
    assert "<progress" not in html
    assert any("Reading empty.md (2 of 5)" in report_html(report, SAY) for report in reports)


class Slow:
    """Files whose reading the test lets end."""

    def __init__(self) -> None:
        self.read = threading.Event()

    def steps(self) -> Iterator[Step]:
        for number in (1, 2):
            yield Step(f"{number}.md", number, 2, "reading")
            self.read.wait(60)
            yield Step(f"{number}.md", number, 2, "added", passages=1)


async def test_there_is_news_while_a_file_is_read_and_stop_ends_after_it():
    slow, stop = Slow(), asyncio.Event()
    seen = list[Report]()
    async for report in add(slow.steps(), 2, stop, idle=0.01):
        seen.append(report)
        waited = [each for each in seen if each.current]
        if len(waited) == 3:
            stop.set()
        if report.stopping:
            slow.read.set()
    assert [step.file for step in seen[-1].results] == ["1.md"]
    assert any("Stopping after this file" in report_html(report, SAY) for report in seen)
    assert "Stopped. 1 files were not added." in report_html(seen[-1], SAY)


async def test_an_error_of_the_library_reaches_the_reader(library: Library, tmp_path: Path):
    collection = library.create("Gone")
    library.delete(collection.id)
    (tmp_path / "a.md").write_text("Boats.")
    with pytest.raises(InvalidInput, match="has been deleted"):
        [report async for report in add(collection.add([Upload(tmp_path / "a.md")]), 1, asyncio.Event())]


def test_file_names_are_shown_as_text():
    step = Step("<img src=x>.md", 1, 1, "reading")
    assert "<img" not in report_html(Report(step, total=1), SAY)
    assert "<img" not in report_html(Report(results=(Step("<img>.md", 1, 1, "added"),), total=1), SAY)
