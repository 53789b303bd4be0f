"""Texts cut into segments, and put together again from their translations."""

import random
import re
from pathlib import Path

import pytest

from qwen_ui.tabs.translate.segments import assemble, split
from qwen_ui.text.languages import find

CASES = Path(__file__).parents[2] / "text" / "cases"
ENGLISH, FRENCH, CHINESE = find("en"), find("fr"), find("zh-CN")


DOCUMENT = """# The *title*

First line. Second sentence!
Another line of it.

- [ ] item one
1. item two
> quoted

| name | value |
|:-----|------:|
| `x`  | seven |

```python
print("never sent")
```

{placeholder}

---
The end.\r
"""


def test_only_prose_is_sent():
    sent = [part.text for part in split(DOCUMENT) if part.is_segment]
    assert sent == [
        "The *title*",
        "First line. Second sentence!\nAnother line of it.",
        "item one",
        "item two",
        "quoted",
        "name",
        "value",
        "seven",
        "The end.",
    ]


def test_segments_joined_are_the_text_whatever_it_is():
    texts = [
        DOCUMENT,
        "",
        "\n\n",
        "很长的一句话。" * 300,
        "word " * 900,
        "x" * 3000,
        "👩‍👩‍👧" * 700,
        "a\u2028b\x0bc\r\n",
    ]
    dice = random.Random(1)
    texts += ["".join(dice.choices("ab。.!? \n\t|-#`>*1，é\r", k=200)) for _ in range(200)]
    for text in texts:
        for limit in (20, 800):
            parts = split(text, limit)
            assert "".join(part.text for part in parts) == text
            assert all(part.text.strip() == part.text != "" for part in parts if part.is_segment)


def test_a_long_paragraph_is_cut_between_sentences():
    text = "This is a sentence of some length, isn't it? " * 60
    segments = [part.text for part in split(text) if part.is_segment]
    assert len(segments) > 2
    assert all(len(segment) <= 800 and segment.endswith("it?") for segment in segments)
    chinese = [part.text for part in split("他说：“今天天气很好。”然后就走了！" * 100)]
    assert all(len(segment) <= 800 and segment.endswith("！") for segment in chinese)
    assert all(len(part.text) <= 800 for part in split("无标点" * 1000))


def test_translations_take_their_places():
    parts = split(DOCUMENT)
    sent = [part.text for part in parts if part.is_segment]
    assert assemble(parts, [text.upper() for text in sent], FRENCH) == re.sub(
        r"(?s)`.*?`|```.*?```|\{.*?\}|[a-z]",
        lambda match: match[0] if len(match[0]) > 1 else match[0].upper(),
        DOCUMENT,
    )
    with pytest.raises(ValueError, match="9 segments, and 1 translations"):
        assemble(parts, ["x"], FRENCH)


def test_sentences_cut_apart_are_spaced_as_the_target_language_does():
    chinese = split("你好。再见。", limit=3)
    assert assemble(chinese, ["Hello.", "Goodbye."], ENGLISH) == "Hello. Goodbye."
    english = split("Hello. Goodbye.", limit=8)
    assert assemble(english, ["你好。", "再见。"], CHINESE) == "你好。再见。"
    assert assemble(english, ["Bonjour.", "Au revoir."], FRENCH) == "Bonjour. Au revoir."


def translated(text: str, is_markdown: bool = True) -> str:
    """By somebody who speaks louder."""
    parts = split(text, is_markdown=is_markdown)
    return assemble(parts, [part.prose.upper() for part in parts if part.is_segment], FRENCH)


@pytest.mark.parametrize("is_markdown", [True, False])
def test_of_front_matter_only_the_title_is_translated(is_markdown: bool):
    text = (CASES / "T05a-front-matter.md").read_text("utf-8")
    head = text.replace('"Getting started"', '"GETTING STARTED"').removesuffix("# Welcome\n\nInstall the tool first.\n")
    assert translated(text, is_markdown) == f"{head}# WELCOME\n\nINSTALL THE TOOL FIRST.\n"


@pytest.mark.parametrize("is_markdown", [True, False])
def test_markup_code_and_what_leads_somewhere_come_out_as_they_went_in(is_markdown: bool):
    text = (CASES / "T06-markdown.md").read_text("utf-8")
    parts = split(text, is_markdown=is_markdown)
    assert [part.prose for part in parts if part.is_segment] == [
        "Title",
        'See [the guide](./docs/guide.md#setup) and ![logo](img/logo.png "Our logo").',
        "Quote:",
        "First",
        "Second[^note]",
        "A footnote text.",
        "More",
        "Inside &nbsp;text.",
        "Energy is $$E = mc^2$$ and \\(a_1 + b\\) here.",
        *("Name", "Value", "speed", "fast and good"),
        *("A", "B", "one \\| two", "three"),
        *("Buy milk", "Call *Anna*", "Read this."),
        *("Hard break", "next line", "last line"),
    ]
    assert "".join(part.text for part in parts) == text


def test_the_lines_of_a_quote_and_of_an_item_are_one_segment_and_keep_their_marks():
    text = "> One\n> two.\n\n- three\n  four\n\n> five\nlazy\n"
    assert [part.prose for part in split(text) if part.is_segment] == ["One\ntwo.", "three\nfour", "five\nlazy"]
    assert translated(text) == text.upper()
    assert assemble(split("> One\n> two."), ["Un deux."], FRENCH) == "> Un deux."
    long = "> " + "\n> ".join(["A line of a quote that is long."] * 60)
    assert translated(long) == long.upper()


def test_a_value_stays_a_value_whatever_its_translation_says():
    text = "---\ntitle: A title\nsummary: 'It''s'\n---\n"
    assert (
        assemble(split(text), ["Titre : un", "C'est"], FRENCH) == '---\ntitle: "Titre : un"\nsummary: "C\'est"\n---\n'
    )
    assert assemble(split(text), ["A title", "It's"], FRENCH) == text


def test_an_indented_paragraph_of_what_may_be_no_markdown_is_translated():
    text = "    Once upon a time there was a king.\n\n    print(x)\n"
    assert translated(text, is_markdown=False) == text.replace(
        "Once upon a time there was a king", "ONCE UPON A TIME THERE WAS A KING"
    )
    assert translated(text) == text
