"""Texts cut into segments, and put together again from their translations."""

import random
import re

import pytest

from qwen_ui.tabs.translate.segments import assemble, split
from qwen_ui.text.languages import find

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
