"""A file whose encoding can't be told: the page shows its first lines in each that is likely, and reads it in one."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.fakes import FakeEngine
from tests.pages import OpenTab, Serve, host_of

GBK = "名称\n价目\n".encode("gbk")
CHINESE = "GB18030"


def choose(page: Page, elem_id: str) -> None:
    """The encoding in which the file reads right."""
    choice = page.locator(f"#{elem_id} label", has_text=CHINESE)
    expect(choice).to_contain_text("价目")
    assert page.locator(f"#{elem_id} label").count() > 1
    choice.click()


@pytest.mark.parametrize(
    ("tab", "id", "told"),
    [("Sentiment", "sentiment", "2 rows to analyze"), ("Translate", "translate", "6 characters")],
)
def test_a_file_is_read_in_the_chosen_encoding(
    serve: Serve, open_tab: OpenTab, tmp_path: Path, tab: str, id: str, told: str
):
    (tmp_path / "list.txt").write_bytes(GBK)
    page = open_tab(serve(host_of(FakeEngine())), tab)
    page.get_by_role("tab", name="File", exact=True).locator("visible=true").click()
    page.locator(f"#{id}-file input[type=file]").set_input_files(tmp_path / "list.txt")
    choose(page, f"{id}-encoding")
    expect(page.locator(f"#{id}-facts")).to_contain_text(told)


def test_a_document_is_added_in_the_chosen_encoding(serve: Serve, open_tab: OpenTab, tmp_path: Path):
    (tmp_path / "list.txt").write_bytes(GBK)
    page = open_tab(serve(host_of(FakeEngine())), "Ask")
    page.get_by_text("My documents").click()
    page.locator("#ask-files input[type=file]").set_input_files(tmp_path / "list.txt")
    expect(page.locator("#ask-report")).to_contain_text("can't be told for sure in which encoding list.txt is")
    choose(page, "ask-encoding")
    expect(page.locator("#ask-report")).to_contain_text("list.txt: added")
