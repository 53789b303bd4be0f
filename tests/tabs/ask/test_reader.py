"""An opened document: its text as it was read, and the cited passage marked."""

from pathlib import Path

import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.knowledge.library import Library
from qwen_ui.knowledge.terms import is_general
from qwen_ui.page.words import Say
from qwen_ui.sentences import ENGLISH, Language
from qwen_ui.tabs.ask.examples import GENERAL, SAMPLES, examples
from qwen_ui.tabs.ask.reader import STRETCH, opened
from tests.pages import words
from tests.tabs.ask.conftest import GUIDE, fill

SAY, ZH_SAY = ENGLISH.say, Language("zh", words().chinese).say


def test_a_document_is_shown_as_text_with_the_cited_passage_marked(library: Library, tmp_path: Path):
    id = fill(library, "Museum", tmp_path, guide=GUIDE)
    (document,) = library.open(id).documents()
    html = opened(library, "", document.id, 1, True, SAY)
    assert "<h3>Guide to the museum › Hours</h3>" in html
    assert html.count("<mark") == 1
    assert ">The museum closes at six in the evening. &lt;b&gt;On Mondays&lt;/b&gt; it stays shut.</mark>" in html
    assert "A ticket costs seven euros" in html
    assert "<mark" not in opened(library, "", document.id, 1, False, SAY)
    assert "第 1–3 段，共 3 段" in opened(library, "", document.id, 0, False, ZH_SAY)
    with pytest.raises(InvalidInput, match="no longer there"):
        opened(library, "somebody", document.id, 1, True, SAY)
    library.delete(id)
    with pytest.raises(InvalidInput, match="no longer there"):
        opened(library, "", document.id, 1, True, SAY)


def test_a_long_document_is_shown_a_stretch_at_a_time(library: Library, tmp_path: Path):
    book = "\n\n".join(f"# Chapter {n}\n\nOf ship {n}." for n in range(2 * STRETCH + 5))
    id = fill(library, "Books", tmp_path, book=book)
    (document,) = library.open(id).documents()
    middle = opened(library, "", document.id, STRETCH + 7, True, SAY)
    assert f">Of ship {STRETCH + 7}.</mark>" in middle
    assert f"Passages {STRETCH + 1} to {2 * STRETCH} of {2 * STRETCH + 5}" in middle
    assert f'data-open="{document.id}-0"' in middle
    assert f'data-open="{document.id}-{2 * STRETCH}"' in middle
    last = opened(library, "", document.id, 10**12, True, SAY)
    assert f">Of ship {2 * STRETCH + 4}.</mark>" in last
    assert "Later" not in last


@pytest.mark.parametrize(("chinese", "say"), [(False, SAY), (True, ZH_SAY)])
def test_examples_are_about_what_is_loaded(chinese: bool, say: Say):
    def offered(kind: str, filled: bool) -> list[str]:
        return [example["text"] for example in examples(kind, filled, chinese, say)]

    assert offered("model", False) == [say(question) for question in GENERAL]
    assert offered("text", False) == [list(SAMPLES)[chinese]]
    assert offered("documents", False) == []
    for kind in ("text", "documents"):
        assert len(offered(kind, True)) == 3
        assert all(is_general(question) for question in offered(kind, True))
