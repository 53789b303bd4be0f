"""What a dialogue looks like: citations that lead to their passages, and nothing that runs or loads."""

import re
from html import unescape

from qwen_ui.ui.ask.dialogue import Exchange
from qwen_ui.ui.ask.show import answered, markdown, marked, plain, shown
from qwen_ui.ui.ask.sources import Evidence
from qwen_ui.ui.texts import EN, ZH, saying

SAY, ZH_SAY = saying(EN), saying(ZH)
HOURS = Evidence(
    "It closes at six.\n\n<img src=x> ![x](http://a.example/b.png) closed", "a<b>.pdf", "Hours › Day", 2, 7.5
)
PRICES = Evidence("Entry is free.", "guide.md", "", None, 3.0)


def exchange(answer: str) -> Exchange:
    return Exchange("When does it close?", answer, (HOURS, PRICES))


def text_of(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html))


def test_only_citations_that_exist_are_links_and_each_has_its_passage():
    text, passages = answered(3, exchange("Six [1]. Far [7]. `x[2]`"), SAY)
    assert text == 'Six <a class="cite" href="#ask-3-1">1</a>. Far [7]. `x[2]`'
    cited, uncited = passages.split('<details class="uncited">')
    assert 'id="ask-3-1"' in cited
    assert 'id="ask-3-2"' in uncited
    assert "Read, not cited: 1" in text_of(uncited)


def test_a_passage_names_its_document_heading_and_page_in_the_readers_language():
    assert "1 a<b>.pdf · Hours › Day · page 2" in text_of(answered(1, exchange("[1]"), SAY)[1])
    assert "第 2 页" in text_of(answered(1, exchange("[1]"), ZH_SAY)[1])


def test_a_passage_is_shown_as_text_on_one_line_with_the_questions_words_marked():
    html = marked(HOURS.text, "When does it close?")
    assert "<mark>closes</mark>" in html
    assert "<mark>closed</mark>" in html
    assert "\n" not in html
    assert "<img" not in html
    assert "![" not in html
    assert text_of(html) == HOURS.text


def test_chinese_words_are_marked():
    assert marked("博物馆晚上六点关门。", "几点关门？") == "博物馆晚上六点<mark>关门</mark>。"


def test_unusual_line_ends_do_not_end_the_html():
    assert len(marked("a\r\n\r\nb\u2028\u2029c\x0bd\x85e", "x").splitlines()) == 1


def test_html_and_images_of_the_model_are_text():
    text, _ = answered(1, exchange("<script>x</script> ![i](http://a.example) [1]"), SAY)
    assert "<script" not in text
    assert "![" not in text
    assert 'href="#ask-1-1"' in text


def test_an_answer_without_passages_has_none_below_it():
    assert answered(1, Exchange("q", "Hello [1]"), SAY) == ["Hello [1]"]


def test_a_question_without_an_answer_yet_is_one_message():
    assert [message["role"] for message in shown((exchange("a"), Exchange("q")), SAY)] == ["user", "assistant", "user"]


def test_the_plain_answer_lists_what_it_cites():
    assert plain(exchange("Six [1]."), SAY) == "Six [1].\n\nSources:\n[1] a<b>.pdf · Hours › Day · page 2"
    assert plain(exchange("Six."), SAY) == "Six."


def test_the_saved_dialogue_has_each_question_as_a_heading():
    saved = markdown((exchange("Six [2]."), Exchange("Two\nlines?", "Yes.")), ZH_SAY)
    assert saved == "## When does it close?\n\nSix [2].\n\n出处:\n[2] guide.md\n\n## Two lines?\n\nYes.\n"
