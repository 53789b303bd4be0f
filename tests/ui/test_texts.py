"""Both languages say the same things, and the sentences that the server makes."""

import string
from html import unescape

import pytest
from gradio import Request

from qwen_ui.errors import TemplateError
from qwen_ui.messages import Usage
from qwen_ui.models.progress import Progress
from qwen_ui.prompts import Listing
from qwen_ui.ui.assistants import problems
from qwen_ui.ui.header import embedded_notice, model_chip, opening_panel
from qwen_ui.ui.statistics import progress, statistics
from qwen_ui.ui.streaming import Answer
from qwen_ui.ui.texts import EN, ZH, ordinal, saying, speaker
from tests.fakes import INFO

EN_SAY, ZH_SAY = saying(EN), saying(ZH)


def fields(text: str) -> set[str | None]:
    return {field for _, field, _, _ in string.Formatter().parse(text) if field}


def test_both_languages_have_the_same_sentences_with_the_same_values():
    assert EN.keys() == ZH.keys()
    for key in EN:
        assert fields(EN[key]) == fields(ZH[key]), key


@pytest.mark.parametrize(
    ("header", "send"),
    [("en-US,en;q=0.9", "Send"), ("zh-CN,zh;q=0.9", "发送"), ("de,zh-CN;q=0.5", "Send"), ("", "Send")],
)
def test_the_first_language_of_the_browser_is_spoken(header: str, send: str):
    request = Request(headers={"accept-language": header})
    assert speaker(request)("send") == send


@pytest.mark.parametrize(
    ("number", "english"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (22, "22nd")]
)
def test_places_in_line(number: int, english: str):
    assert ordinal(number, EN_SAY) == english
    assert ordinal(number, ZH_SAY) == str(number)


def test_the_line_under_an_answer_tells_cost_and_context():
    usage = Usage(1200, 34, 0, 0.84, 21.26, "stop", 4096)
    assert unescape(statistics(usage, EN_SAY)) == (
        '<p class="status " role="status">34 tokens · first after 0.8 s · 21.3 tokens/s · context 1,234 of 4,096</p>'
    )


def test_the_line_says_what_the_reader_should_know():
    usage = Usage(10, 1, 0, 0.1, 0.0, "length", 4096, dropped_messages=4)
    text = statistics(usage, EN_SAY)
    assert "reached its limit" in text
    assert "left out: 4" in text
    assert "tokens/s" not in text
    assert "已停止" in statistics(Usage(1, 1, 0, 0.1, 0.0, "cancelled", 8), ZH_SAY)


def test_while_waiting_the_place_in_line_is_shown():
    assert "3rd in line" in progress(Answer(place=3), EN_SAY)
    assert "第 3 位" in progress(Answer(place=3), ZH_SAY)
    assert "Writing" in progress(Answer("some"), EN_SAY)


def test_the_opening_shows_its_stage_and_bytes():
    panel = opening_panel(Progress("fetching", "a<b>.gguf", 49_000_000, 98_000_000), 7.4, EN_SAY)
    assert "Fetching a&lt;b&gt;.gguf" in panel
    assert "49.0 MB of 98.0 MB · 7 s" in panel
    assert 'max="98000000" value="49000000"' in panel


def test_a_failure_shows_its_sentence_as_text():
    panel = opening_panel(Progress("failed", "No such folder: <x>."), 1, ZH_SAY)
    assert "No such folder: &lt;x&gt;." in panel
    assert "没有可用的模型" in panel
    assert 'role="alert"' in panel


def test_the_chip_names_model_precision_device_and_reason():
    chip = model_chip(INFO, EN_SAY)
    assert "Echo-1B · 4-bit · cpu" in chip
    assert INFO.reason in chip
    assert "4,096" in chip


def test_the_tiny_model_says_how_to_get_a_real_one():
    for say in (EN_SAY, ZH_SAY):
        assert "<code>python app.py --model Qwen/Qwen2.5-0.5B-Instruct</code>" in embedded_notice(say)


def test_broken_prompt_files_are_listed_as_text():
    listing = Listing((), (TemplateError("chat/x.prompty:3: <b> is wrong."),))
    assert "chat/x.prompty:3: &lt;b&gt; is wrong." in problems(listing, EN_SAY)
    assert problems(Listing((), ()), EN_SAY) == ""
