"""The Look inside tab in Chromium: over made-up looks, and over the embedded model."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from qwen_ui.server.host import EngineHost
from qwen_ui.settings import PROJECT
from tests.pages import OpenTab, Serve, host_of, serving
from tests.tabs.inside.made_up import LookingEngine

HOSTILE = 'the {{constructor}} ${document.title=1} <img src=x onerror="document.title=1"> bird'
NAMES = ("architecture", "forward", "attention", "positions", "feedforward", "backward", "microscope", "compare")


@dataclass
class Looking:
    """A server over made-up looks, with one adapter to pick."""

    url: str
    engine: LookingEngine


@pytest.fixture(scope="module")
def looking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looking]:
    folder = tmp_path_factory.mktemp("inside")
    (adapter := folder / "adapters" / "films").mkdir(parents=True)
    (adapter / "adapter_config.json").write_text("{}", "utf-8")
    engine = LookingEngine()
    with serving(PROJECT / "prompts", folder) as serve:
        yield Looking(serve(host_of(engine)), engine)


def open_part(page: Page, name: str) -> None:
    number = NAMES.index(name) + 1
    if (tab := page.locator(f"#inside-part-{number}-button")).is_visible():
        tab.click()
        return
    page.locator("#inside-parts .overflow-menu > button").first.click()
    hidden = page.locator("#inside-parts .overflow-dropdown button")
    hidden.nth(number - 1 - (len(NAMES) - hidden.count())).click()


def section(page: Page, title: str) -> Locator:
    return page.locator(".inside-section:visible", has=page.locator("h2", has_text=title))


def pick_adapter(page: Page, name: str) -> None:
    page.locator("#picker input").click()
    page.get_by_role("option", name=name, exact=True).click()


def test_from_the_drawing_to_a_text_written_by_hand(looking: Looking, open_tab: OpenTab, tmp_path: Path):
    page = open_tab(looking.url, "Look inside")
    flow = page.locator(".inside-flow")
    expect(flow).to_contain_text("4 layers, one after the other")
    expect(flow).to_contain_text("6 heads of 16, each 3 share one of 2 key-value heads")
    page.locator("#inside-text textarea").fill(HOSTILE)
    page.locator("#inside-look").click()

    strip = section(page, "The text as tokens").locator("li")
    expect(strip).to_have_count(7)
    expect(strip.nth(1)).to_contain_text("{{constructor}}")
    expect(strip.nth(2)).to_contain_text("${document.title=1}")
    assert page.title() == "Qwen UI"
    looks = len(looking.engine.looks)
    after = page.locator("#inside-next tbody td:last-child")
    expect(after.first).not_to_have_text("100%")
    page.locator("#inside-temperature input[type=number]").fill("0")
    expect(after.first).to_have_text("100%")
    assert len(looking.engine.looks) == looks

    page.locator("#inside-next tbody button").nth(1).click()
    expect(strip).to_have_count(8)
    page.locator("#inside-likeliest").click()
    expect(strip).to_have_count(9)
    page.locator("#inside-undo").click()
    expect(strip).to_have_count(8)
    open_part(page, "feedforward")
    expect(page.locator("#inside-feedforward-tokens li")).to_have_count(8)

    open_part(page, "forward")
    with page.expect_download() as saved:
        page.locator("#inside-forward-save").click()
    trace = json.loads(Path(saved.value.path()).read_text("utf-8"))
    assert trace["kind"] == "forward"
    (path := tmp_path / "trace.json").write_text(json.dumps(trace), "utf-8")
    page.locator("#inside-text textarea").fill("else")
    open_part(page, "positions")
    expect(section(page, "RoPE's angles")).to_be_visible()
    page.get_by_test_id("Open a trace…-upload-button").set_input_files(path)
    expect(page.locator("#inside-status")).to_contain_text("opened from a file")
    expect(strip).to_have_count(8)
    (path := tmp_path / "damaged.json").write_text(json.dumps({**trace, "lens_tokens": []}), "utf-8")
    page.get_by_test_id("Open a trace…-upload-button").set_input_files(path)
    expect(page.locator("#inside-status").get_by_role("alert")).to_contain_text("This trace is damaged")


def test_heads_are_picked_sorted_and_knocked_out_by_keyboard(looking: Looking, open_tab: OpenTab):
    page = open_tab(looking.url, "Look inside")
    open_part(page, "attention")
    expect(section(page, "Layer 2, head 0")).to_be_visible()
    page.locator("#inside-heads button").nth(3).focus()
    page.keyboard.press("Enter")
    expect(section(page, "Layer 2, head 3")).to_be_visible()
    page.locator("#inside-head .inside-map tbody button").nth(4).click()
    expect(section(page, "Layer 2, head 3")).to_contain_text("Where “ blue” looks")
    sort = page.locator("#inside-scores th", has_text="Induction").locator("button")
    sort.focus()
    page.keyboard.press("Enter")
    column = page.locator("#inside-scores tbody td:last-child")
    values = [float(text) for text in column.all_inner_texts()]
    assert values == sorted(values, reverse=True)
    page.locator("#inside-knock-head").click()
    expect(page.locator("#inside-effect")).to_contain_text("The next token without head 2.3")
    page.locator("#inside-knock-layer").click()
    expect(page.locator("#inside-effect")).to_contain_text("The next token without layer 2, head 2.3")
    page.locator("#inside-knock-none").click()
    expect(page.locator("#inside-effect")).to_be_hidden()
    page.locator("#inside-scores tbody button", has_text="0.1").first.click()
    expect(section(page, "Layer 0, head 1")).to_be_visible()


def test_the_other_parts_show_what_they_are_asked(looking: Looking, open_tab: OpenTab):
    page = open_tab(looking.url, "Look inside")
    open_part(page, "feedforward")
    page.locator("#inside-feedforward-tokens button").nth(1).click()
    expect(section(page, "Units of layer 2 that fire most at")).to_contain_text("Makes likelier")
    open_part(page, "backward")
    expect(page.locator("#inside-backward")).to_be_hidden()
    page.locator("#inside-compute").click()
    expect(section(page, "One step of SGD at a rate of 0.001")).to_contain_text("Loss after")
    open_part(page, "microscope")
    expect(section(page, "Block 0")).to_be_visible()
    page.locator("#inside-whole input").check()
    expect(section(page, "The whole model: 4 bits against 16")).to_contain_text("Flipped tokens")
    open_part(page, "compare")
    expect(page.locator("#inside-status").get_by_role("alert")).to_contain_text("Pick an adapter")
    pick_adapter(page, "films")
    page.locator("#inside-look").click()
    expect(section(page, "Where they begin to differ")).to_be_visible()
    assert looking.engine.looks[-1][1:] == ("films", 1.0)
    page.locator("#inside-scale input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    page.locator("#inside-look").click()
    expect(page.locator("#inside-status")).to_contain_text("films × 1.1")
    page.locator("#inside-compare-code > button").click()
    expect(page.locator("#inside-compare-code")).to_contain_text("qwen_ui/introspect/compare.py")


def test_a_phone_shows_every_part_in_chinese_without_scrolling_sideways(looking: Looking, open_tab: OpenTab):
    page = open_tab(
        looking.url,
        "看看内部",
        locale="zh-CN",
        viewport={"width": 390, "height": 844},
        color_scheme="dark",
    )
    expect(page.locator(".inside-flow")).to_contain_text("4 层，依次经过")
    pick_adapter(page, "films")
    for name, title in {
        "forward": "Logit lens：逐层读出",
        "attention": "第 2 层的各个头",
        "positions": "RoPE 的角度",
        "feedforward": "门的曲线与 ReLU 对比",
        "backward": "各层各模块的梯度",
        "microscope": "舍入的代价",
        "compare": "从哪里开始不同",
    }.items():
        open_part(page, name)
        if name == "backward":
            page.locator("#inside-compute").click()
        expect(section(page, title)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
    said = page.locator("body").inner_text()
    assert "⁣" not in said
    assert "<section" not in said


def test_the_embedded_model_is_looked_into(embedded_host: EngineHost, serve_module: Serve, open_tab: OpenTab):
    page = open_tab(serve_module(embedded_host), "Look inside")
    expect(page.locator(".inside-flow")).to_contain_text("30 layers, one after the other")
    page.locator("#inside-look").click()
    expect(page.locator("#inside-next tbody tr").first).to_contain_text("␣whale")
    expect(section(page, "Logit lens").locator("tbody tr").nth(30)).to_contain_text("After layer 29")
    open_part(page, "attention")
    expect(page.locator("#inside-heads button")).to_have_count(9)
    page.locator("#inside-knock-layer").click()
    expect(page.locator("#inside-effect")).to_contain_text("The next token without layer 15")
    for name, title in {
        "positions": "How attention falls with distance",
        "feedforward": "Units of layer 15",
        "microscope": "What the rounding costs",
    }.items():
        open_part(page, name)
        expect(section(page, title)).to_be_visible()
    page.locator("#inside-text textarea").fill("word " * 600)
    page.locator("#inside-look").click()
    expect(page.locator("#inside-status").get_by_role("alert")).to_contain_text("Shorten it")
