"""What a model or a saved conversation says is text on the page: no HTML, no diagram, nothing from elsewhere."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Request, expect

from tests.fakes import FakeEngine
from tests.pages import OpenTab, Serve, host_of
from tests.text.hostile import FORMS, GRAPH, TAG

# Elements that Markdown alone does not make, formulas and the buttons at code aside.
FOREIGN = """texts => texts.map(text => [...text.querySelectorAll("*")]
  .filter(element => !element.closest(
    "button.copy_code_button, .katex, .katex-error, :has(> .katex, > .katex-display, > .katex-error)"
  ))
  .filter(element => element.id || element.style.length || !element.matches(
    "p, h1, h2, h3, h4, h5, h6, ul, ol, li, blockquote, pre, code, table, thead, tbody, tr, th, td, a, em, strong, del,"
    + "hr, br, span.token, div.code_wrap"
  ))
  .map(element => element.outerHTML.slice(0, 200)))"""

ANSWER = """Words, `<i>`, and:

```html
<script>const less = 1 <a</script> <!-- and -->
```

```cpp
std::vector<int> numbers;
```

- a list

| `<td>` | right |
|--|--:|
| <td> | internationalization |

- [x] done
- [ ] not yet

\\(a<b\\) for $5 or $10, and $c_1 = 2$, but not `$HOME$`

![x](/y)
"""

FAR = r"\(\rlap{\smash{\raisebox{-30em}{\kern{-9em}\rule{90em}{60em}}}}\)"
"""Black in all directions."""


@pytest.fixture(scope="module")
def engine() -> FakeEngine:
    """Its answers can be changed."""
    return FakeEngine()


@pytest.fixture(scope="module")
def url(engine: FakeEngine, serve_module: Serve) -> str:
    return serve_module(host_of(engine))


@pytest.fixture
def page(url: str, open_tab: OpenTab) -> Iterator[Page]:
    """A page whose requests to elsewhere fail the test."""
    page = open_tab(url, "Chat")
    outside: list[str] = []

    def watch(request: Request) -> None:
        if "outside.invalid" in request.url:
            outside.append(request.url)

    page.on("request", watch)
    yield page
    assert not outside


def opened(page: Page, texts: list[str], folder: Path) -> None:
    """Opens a saved conversation in which both say each of the texts."""
    messages = [{"role": role, "content": text} for text in texts for role in ("user", "assistant")]
    file = folder / "chat.json"
    file.write_text(json.dumps({"messages": messages}), "utf-8")
    page.locator("input[type=file]").first.set_input_files(file)
    expect(page.get_by_test_id("bot")).to_have_count(len(texts))
    expect(page.get_by_test_id("bot").last).not_to_be_empty()


def texts_of(bubbles: Locator) -> Locator:
    return bubbles.locator(".md")


def test_no_form_becomes_more_than_text_in_a_conversation(page: Page, tmp_path: Path):
    opened(page, [*FORMS.values()], tmp_path)
    for who in ("user", "bot"):
        texts = texts_of(page.get_by_test_id(who))
        expect(texts).to_have_count(len(FORMS))
        found = dict(zip(FORMS, texts.evaluate_all(FOREIGN), strict=True))
        assert {name: foreign for name, foreign in found.items() if foreign} == {}
    assert page.evaluate("window.owned") is None


def test_no_form_becomes_more_than_text_in_the_other_tabs(page: Page, engine: FakeEngine):
    hostile = f"- ```\n{TAG}\n\n[a]: /b 'c\n```html\n'\n{TAG}\n```\n\n> ```mermaid\n> {GRAPH}\n> ```\n\n{FAR}\n\nend"
    engine.words = [hostile]
    page.get_by_role("tab", name="Ask", exact=True).click()
    page.locator("#ask-input textarea").fill("hello")
    page.locator("#ask-send").click()
    answer = page.locator("#ask-dialogue").get_by_test_id("bot").locator(".md")
    expect(answer).to_contain_text("end")
    assert answer.evaluate_all(FOREIGN) == [[]]
    page.get_by_role("tab", name="Code", exact=True).click()
    page.locator("#code-input textarea").fill("hello")
    page.locator("#code-run").click()
    explanation = page.locator("#code-explanation .md")
    expect(explanation).to_contain_text("end")
    assert explanation.evaluate_all(FOREIGN) == [[]]
    _is_uncovered(page, page.locator("#code-download"), explanation.locator(".katex-html .rule"))


def test_a_formula_covers_nothing_but_its_own_message(page: Page, tmp_path: Path):
    opened(page, [FAR], tmp_path)
    asked = page.get_by_test_id("user").locator(".message-content")
    _is_uncovered(page, asked, page.get_by_test_id("bot").locator(".katex-html .rule"))


def _is_uncovered(page: Page, widget: Locator, drawn: Locator) -> None:
    """Whether the widget, over which something would be drawn, is what is met where it stands."""
    drawn.wait_for(state="attached")
    one, other = widget.bounding_box(), drawn.bounding_box()
    assert one
    assert other
    middle = one["y"] + one["height"] / 2
    assert other["y"] < middle < other["y"] + other["height"], (one, other)
    assert widget.evaluate(
        "(widget, [x, y]) => widget.contains(document.elementFromPoint(x, y))", [one["x"] + one["width"] / 2, middle]
    )


def test_an_answer_is_shown_with_its_code_and_formulas_and_copied_as_it_was_written(page: Page, engine: FakeEngine):
    engine.words = [ANSWER]
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#message textarea").fill("hello")
    page.locator("#message textarea").press("Enter")
    answer = page.get_by_test_id("bot")
    expect(answer.locator("pre code")).to_have_text(
        ["<script>const less = 1 <a</script> <!-- and -->\n", "std::vector<int> numbers;\n"]
    )
    expect(answer.locator("pre .token.keyword")).to_have_text(["const", "int"])
    expect(answer.locator("pre .token.comment")).to_have_text("<!-- and -->")
    expect(answer.locator(":not(pre) > code")).to_have_text(["<i>", "<td>", "$HOME$"])
    expect(answer.locator("td")).to_have_text(["<td>", "internationalization"])
    expect(answer.locator("td").last).to_have_css("text-align", "right")
    expect(answer.locator("td").last).to_have_css("word-break", "normal")
    expect(answer.locator("li")).to_have_text(["a list", "done", "not yet"])
    colours = answer.get_by_role("checkbox").evaluate_all(
        "boxes => boxes.map(box => getComputedStyle(box).backgroundColor)"
    )
    assert colours[0] != colours[1]  # under the tick, which is white
    expect(answer.locator(".katex-error")).to_have_count(0)
    expect(answer.locator(".katex-html")).to_have_text(["a<b", "c1\u200b=2"])
    expect(answer.locator("a")).to_have_text("x")
    page.get_by_role("button", name="Copy message").last.click()
    page.wait_for_function("navigator.clipboard.readText().then(text => text.includes('numbers'))")
    assert page.evaluate("navigator.clipboard.readText()") == ANSWER
