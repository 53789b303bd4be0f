"""The Code tab in Chromium: what people do there."""

import re
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import Locator, Page, expect

from qwen_ui.server.host import EngineHost
from tests.fakes import FakeEngine
from tests.pages import OpenTab, Serve, host_of

BROKEN = ["A function:\n\n", "```python\n", "def double(x)\n", "    return 2 * x\n", "```\n", "\nIt **doubles** x."]


def result(page: Page) -> Locator:
    return page.locator("#code-result .cm-content")


def given(page: Page) -> Locator:
    return page.locator("#code-given .cm-content")


def check(page: Page) -> Locator:
    return page.locator("#code-check")


def choose(page: Page, action: str) -> None:
    page.locator("#code-action").get_by_text(action, exact=True).click()


def generate(page: Page, instruction: str) -> None:
    page.locator("#code-input textarea").fill(instruction)
    page.locator("#code-run").click()


def test_code_is_written_checked_edited_mended_and_downloaded(serve: Serve, open_tab: OpenTab, tmp_path: Path):
    engine = FakeEngine(BROKEN)
    page = open_tab(serve(host_of(engine)), "Code")
    generate(page, "double a number")
    expect(check(page)).to_contain_text("Python: syntax error in line 1, column 14: expected ':'")
    expect(page.locator("#code-explanation strong")).to_have_text("doubles")
    expect(page.locator("#code-status")).to_contain_text("6 tokens")
    expect(page.locator("#code-empty")).to_be_hidden()

    result(page).fill("def double(x:\n    return 2 * x")
    expect(check(page)).to_contain_text("line 1, column 11")
    engine.words = ["```python\ndef double(x):\n    return 2 * x\n```\nA bracket was open."]
    page.locator("#code-fix").click()
    expect(check(page)).to_contain_text("no syntax errors")
    expect(page.locator("#code-fix")).to_be_hidden()
    prompt = engine.asked[1][0][-1].content
    assert "def double(x:\n    return 2 * x\n" in prompt
    assert "line 1, column 11: '(' was never closed" in prompt

    with page.expect_download() as download:
        page.locator("#code-download").click()
    download.value.save_as(tmp_path / "saved")
    assert download.value.suggested_filename == "code.py"
    assert (tmp_path / "saved").read_text("utf-8") == "def double(x):\n    return 2 * x"

    page.locator("#code-back").click()
    expect(result(page)).to_contain_text("def double(x:")
    expect(check(page)).to_contain_text("line 1, column 11")


def test_pasted_code_is_explained_without_touching_it(serve: Serve, open_tab: OpenTab):
    engine = FakeEngine(["It prints ", "`1`."])
    page = open_tab(serve(host_of(engine)), "Code")
    choose(page, "Explain")
    page.locator("#code-run").click()
    expect(page.locator("#code-status").get_by_role("alert")).to_contain_text("Paste the code to work on")
    given(page).fill("puts 1")
    page.locator("#code-language input").click()
    page.get_by_role("option", name="Ruby").click()
    page.locator("#code-run").click()
    expect(page.locator("#code-explanation")).to_have_text("It prints 1.")
    expect(page.locator("#code-result")).to_be_hidden()
    expect(given(page)).to_have_text("puts 1")
    prompt, sampling = engine.asked[0]
    assert (sampling.temperature, sampling.max_new_tokens) == (0.3, 1024)  # as the template for explaining says
    assert "Ruby" in prompt[0].content
    assert "```ruby\nputs 1\n```" in prompt[1].content


def test_a_translation_goes_on_in_its_own_language(serve: Serve, open_tab: OpenTab):
    engine = FakeEngine(["```go\npackage main\n```\n"])
    page = open_tab(serve(host_of(engine)), "Code")
    choose(page, "Translate")
    given(page).fill("x = 1")
    page.locator("#code-target input").click()
    page.get_by_role("option", name="Go", exact=True).click()
    page.locator("#code-run").click()
    expect(check(page)).to_contain_text("Go: no syntax errors")
    page.locator("#code-adopt").click()
    expect(given(page)).to_have_text("package main")
    expect(page.locator("#code-language input")).to_have_value("Go")
    choose(page, "Write tests")
    page.locator("#code-run").click()
    while len(engine.asked) < 2:  # the page looks the same before and after
        page.wait_for_timeout(50)
    assert "```go\npackage main\n```" in engine.asked[1][0][-1].content


SEVERAL = [
    "Two files.\n\n**app/models.py**\n```python\nclass User:\n    name = '<b>'\n```\n\n",
    "**requirements.txt**\n```text\n",
    "```\n\n### `config.yaml`\n```yaml\nname: 名字\n```\n\nRun it:\n```bash\npython -m app\n```\n",
]


def test_each_block_of_an_answer_is_a_file(serve: Serve, open_tab: OpenTab, tmp_path: Path):
    page = open_tab(serve(host_of(FakeEngine(SEVERAL))), "Code")
    generate(page, "an app")
    links = page.locator("#code-files a")
    expect(links).to_have_text(["app/models.py", "config.yaml", "code.sh", "All as a .zip file"])
    expect(page.locator("#code-explanation")).to_contain_text("python -m app")
    result(page).fill("class User: pass")
    expect(check(page)).to_contain_text("no syntax errors")
    with page.expect_download() as download:
        links.nth(1).click()
    download.value.save_as(tmp_path / "saved")
    assert download.value.suggested_filename == "config.yaml"
    assert (tmp_path / "saved").read_text("utf-8") == "name: 名字"
    with page.expect_download() as download:
        links.last.click()
    download.value.save_as(tmp_path / "all.zip")
    assert download.value.suggested_filename == "code.zip"
    with ZipFile(tmp_path / "all.zip") as archive:
        assert archive.namelist() == ["app/models.py", "config.yaml", "code.sh"]
        assert archive.read("app/models.py") == b"class User: pass"


def test_stop_keeps_what_is_written_and_retry_writes_again(serve: Serve, open_tab: OpenTab):
    engine = FakeEngine(BROKEN, steps=3)
    page = open_tab(serve(host_of(engine)), "Code")
    generate(page, "double a number")
    expect(result(page)).to_contain_text("def double(x)")
    page.locator("#code-stop").click()
    expect(page.locator("#code-status")).to_contain_text("stopped")
    expect(result(page)).to_contain_text("def double(x)")
    page.get_by_role("tab", name="Chat").click()
    page.get_by_role("tab", name="Code").click()
    expect(result(page)).to_contain_text("def double(x)")
    expect(page.locator("#code-input textarea")).to_have_value("double a number")
    engine.words = ["```python\nx = 2\n```"]
    for _ in range(9):
        engine.steps.release()
    page.locator("#code-retry").click()
    expect(result(page)).to_have_text("x = 2")
    assert engine.asked[0][0] == engine.asked[1][0]


def test_work_goes_on_after_the_server_has_forgotten_the_page(
    serve: Serve, open_tab: OpenTab, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("qwen_ui.page.shell.KEPT", 1)
    engine = FakeEngine(["```rust\nfn main() { let x = 1; }\n```"])
    url = serve(host_of(engine))
    page = open_tab(url, "Code")
    page.locator("#code-language input").click()
    page.get_by_role("option", name="Rust", exact=True).click()
    generate(page, "one")
    expect(check(page)).to_contain_text("Rust: no syntax errors")
    engine.words = ["```rust\nfn main( {}\n```"]
    page.locator("#code-retry").click()
    expect(check(page)).to_contain_text("Rust: syntax error")
    open_tab(url, "Code")  # another visitor takes the only place

    page.locator("#code-back").click()
    expect(page.locator("#code-status").get_by_role("alert")).to_contain_text("The previous version is gone")
    expect(result(page)).to_have_text("fn main( {}")
    result(page).fill("fn main() { let = 2; }")
    expect(check(page)).to_contain_text("Rust: syntax error in line 1, column 17")
    engine.words = ["```rust\nfn main() { let x = 2; }\n```"]
    page.locator("#code-fix").click()
    expect(check(page)).to_contain_text("Rust: no syntax errors")
    assert "```rust\nfn main() { let = 2; }\n```" in engine.asked[-1][0][-1].content


def test_an_example_on_a_phone_in_chinese(serve: Serve, open_tab: OpenTab):
    engine = FakeEngine(["解释：", "按部门排名。"])
    page = open_tab(serve(host_of(engine)), "代码", locale="zh-CN", viewport={"width": 390, "height": 844})
    page.get_by_text("解释一条 SQL 查询").click()
    expect(page.locator("#code-explanation")).to_have_text("解释：按部门排名。")
    assert "请解释这段代码" in engine.asked[0][0][-1].content
    expect(page.locator("#code-run")).to_have_text("解释")
    expect(page.locator("#code-given")).to_contain_text("你的代码")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


MINE = """---
name: Terse
language: en
model: {options: {temperature: 0.9, max_new_tokens: 64}}
---
user:
Only code, in {{ language }}: {{ instruction }}
"""


def test_prompt_files_are_picked_and_read_again(serve: Serve, open_tab: OpenTab, prompts: Path):
    engine = FakeEngine(["x"])
    page = open_tab(serve(host_of(engine)), "Code")
    (prompts / "code" / "generate-terse.prompty").write_text(MINE, "utf-8")
    (prompts / "code" / "mystery.prompty").write_text(MINE, "utf-8")
    page.get_by_text("Template and settings").click()
    page.locator("#code-template input").click()
    expect(page.locator("#code-template-note").get_by_role("alert")).to_contain_text("code/mystery.prompty:1:")
    page.get_by_role("option", name="Terse").click()
    expect(page.locator("#code-temperature input[type=number]")).to_have_value("0.9")
    generate(page, "one")
    expect(page.locator("#code-status")).to_contain_text("1 token")
    messages, sampling = engine.asked[0]
    assert [message.content for message in messages] == ["Only code, in Python: one"]
    assert (sampling.temperature, sampling.max_new_tokens) == (0.9, 64)


def test_the_embedded_model_writes_code(
    serve: Serve, open_tab: OpenTab, embedded_host: EngineHost, short_prompts: Path
):
    page = open_tab(serve(embedded_host), "Code")
    page.get_by_text("Python: is a word a palindrome?").click()
    expect(page.locator("#code-status")).to_contain_text(re.compile(r"\d+ tokens · first token after"))
    expect(page.locator("#code-outcome")).to_contain_text(re.compile(r"\w"))


def test_a_result_and_the_one_before_it_survive_a_reload(serve: Serve, open_tab: OpenTab):
    engine = FakeEngine(BROKEN)
    page = open_tab(serve(host_of(engine)), "Code")
    generate(page, "double a number")
    expect(check(page)).to_contain_text("syntax error in line 1")
    engine.words = ["```python\nx = 2\n```\nDone."]
    page.locator("#code-retry").click()
    expect(result(page)).to_have_text("x = 2")
    expect(page.locator("#code-back")).to_be_visible()
    result(page).fill("x = (2")
    expect(check(page)).to_contain_text("syntax error in line 1")
    page.evaluate("window.qwenKept.load('code')")  # comes after what is being kept
    page.reload()
    expect(result(page)).to_have_text("x = (2")
    expect(check(page)).to_contain_text("syntax error in line 1")
    expect(page.locator("#code-explanation")).to_have_text("Done.")
    page.locator("#code-back").click()
    expect(page.locator("#code-explanation strong")).to_have_text("doubles")
