"""Files in the chat, in Chromium over a fake engine: what people do with them."""

import json
from pathlib import Path

from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.fakes import FakeEngine
from tests.pages import OpenPage, Serve, host_of

LONG = "# Hours\n\nThe museum closes at six.\n\n# Boats\n\n" + "Ferries leave from the landing stage. " * 900
PASTED = "Long words here.\n" * 300


def chips(page: Page) -> Locator:
    return page.locator("#chat-attached .chip")


def ask(page: Page, text: str) -> None:
    page.locator("#message textarea").fill(text)
    page.locator("#message textarea").press("Enter")
    expect(page.get_by_test_id("user").last).to_have_text(text)
    expect(page.locator("#conversation .took").last).to_contain_text("Echo-1B")
    expect(page.locator("#stop")).to_be_hidden()


def file(name: str, text: str) -> FilePayload:
    return {"name": name, "mimeType": "text/plain", "buffer": text.encode()}


def test_files_are_attached_kept_searched_and_exported(serve: Serve, open_page: OpenPage):
    engine = FakeEngine(["At", " six [1]."])
    page = open_page(serve(host_of(engine)))
    expect(page.locator("#send")).to_be_enabled()
    upload = page.locator("#chat-input input[type=file]")
    upload.set_input_files([file("note.md", "The cat is <b>Tom</b>."), file("<i>.png", "x"), file("long.md", LONG)])
    expect(chips(page)).to_contain_text(["note.md", "long.md"])
    expect(page.locator("#chat-attaching")).to_contain_text("is an image")
    expect(page.locator("#chat-attached .note")).to_contain_text("3,584 tokens")
    page.get_by_role("button", name="Remove long.md").click()
    expect(chips(page)).to_have_count(1)
    page.reload()
    expect(chips(page)).to_contain_text(["note.md"])
    expect(page.locator("#send")).to_be_enabled()

    ask(page, "Who is it?")
    expect(chips(page)).to_have_count(0)
    expect(page.locator("#chat-attaching")).to_be_hidden()
    expect(page.locator("#conversation .chip")).to_have_text(["note.md"])
    assert "> The cat is <b>Tom</b>." in engine.asked[0][0][-1].content

    dropped = page.evaluate_handle(
        "text => { const all = new DataTransfer(); all.items.add(new File([text], 'long.md')); return all; }", LONG
    )
    page.dispatch_event("#conversation", "drop", {"dataTransfer": dropped})
    expect(chips(page)).to_contain_text(["long.md"])
    ask(page, "When does the museum close?")
    expect(page.locator("#conversation .searched")).to_be_visible()
    page.locator("#conversation a.cite").click()
    expect(page.locator("#conversation .source[open]")).to_contain_text("The museum closes at six.")

    page.reload()
    expect(page.locator("#conversation .chip")).to_have_text(["note.md", "long.md"])
    expect(page.locator("#conversation .source")).to_contain_text("The museum closes at six.")
    expect(page.locator("#send")).to_be_enabled()
    with page.expect_download() as saved:
        page.locator("#chat-export input").click()
        page.get_by_role("option", name="This one as JSON").click()
    tree = json.loads(Path(saved.value.path()).read_text("utf-8"))["tree"]
    assert [each["name"] for node in tree["nodes"] for each in node.get("attachments", [])] == ["note.md", "long.md"]

    page.locator("#message textarea").fill("Sum this up: ")
    page.locator("#message textarea").press("End")
    page.evaluate(
        """text => {
            const given = new DataTransfer();
            given.setData("text/plain", text);
            const box = document.querySelector("#message textarea");
            const told = {clipboardData: given, bubbles: true, cancelable: true};
            if (box.dispatchEvent(new ClipboardEvent("paste", told))) document.execCommand("insertText", false, text);
        }""",
        PASTED,
    )
    page.locator("#chat-attached").get_by_role("button", name="Attach it as a file").click()
    expect(chips(page)).to_contain_text(["Pasted text"])
    expect(page.locator("#message textarea")).to_have_value("Sum this up: ")
