"""What comes back from the browser is checked, and what is kept comes back."""

from typing import Any

import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.knowledge.proof import Proven
from qwen_ui.messages import Answer
from qwen_ui.page.passages import LISTED
from qwen_ui.sentences import ENGLISH
from qwen_ui.tabs.ask.dialogue import Exchange, shown
from qwen_ui.tabs.ask.keeping import MOST_EXCHANGES, Source, from_browser, to_browser
from qwen_ui.tabs.ask.task import Result
from tests.tabs.ask.conftest import hit

SAY = ENGLISH.say
PASSAGE = {"document": "a.md", "heading": "", "page": None, "text": "At six.", "position": 0, "id": 3}
EXCHANGE = {"question": "When?", "answer": "Six [1].", "asked": True, "passages": [PASSAGE], "proof": []}
KEPT: dict[str, Any] = {"kind": "documents", "collection": "c", "left": [2, 5], "exchanges": [EXCHANGE]}


def test_what_was_kept_comes_back():
    source, dialogue = from_browser(KEPT, SAY)
    assert source == Source("documents", "c", frozenset([2, 5]))
    assert to_browser(source, dialogue) == KEPT
    assert 'href="#ask-open-3-0"' in dialogue[0].cards[0]


def test_of_a_long_text_only_what_is_shown_is_kept():
    passages = tuple(hit(f"Passage {n}.") for n in range(LISTED + 50))
    dialogue = (Exchange("When?", Result(passages, Answer("Six [7]."))),)
    kept = to_browser(Source(), dialogue)
    assert [n for n, each in enumerate(kept["exchanges"][0]["passages"], 1) if each] == [7]
    _, back = from_browser(kept, SAY)
    assert "69 passages read, not cited" in shown(back, SAY)[-1]["content"][-1]["text"].replace("&#0032;", " ")


def test_a_proof_comes_back_with_its_answer():
    passages, proof = (hit("At six."), hit("Free.")), (Proven(0, 4, 2, 3.5), Proven(5, 9, None, 1.0, is_code=True))
    dialogue = (Exchange("When?", Result(passages, Answer("Six. Far."), proof=proof)),)
    _, back = from_browser(to_browser(Source(), dialogue), SAY)
    assert back[0].result.proof == proof


def test_what_was_kept_before_there_were_proofs_comes_back():
    older = {name: value for name, value in EXCHANGE.items() if name != "proof"}
    assert from_browser({**KEPT, "exchanges": [older]}, SAY)[1][0].answer == "Six [1]."


def test_what_it_holds_is_shown_as_text():
    evil = {**PASSAGE, "document": "<img src=x>", "text": "<script>"}
    _, dialogue = from_browser({**KEPT, "exchanges": [{**EXCHANGE, "passages": [evil]}]}, SAY)
    assert "<img" not in dialogue[0].cards[0]
    assert "<script" not in dialogue[0].cards[0]


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "else"},
        {"collection": 1},
        {"collection": "c" * 101},
        {"exchanges": None},
        {"exchanges": [EXCHANGE] * (MOST_EXCHANGES + 1)},
        {"exchanges": ["q"]},
        {"exchanges": [{**EXCHANGE, "question": " "}]},
        {"exchanges": [{**EXCHANGE, "answer": None}]},
        {"exchanges": [{**EXCHANGE, "answer": "\ud800"}]},
        {"exchanges": [{**EXCHANGE, "answer": "a" * 300_001}]},
        {"exchanges": [{**EXCHANGE, "passages": {}}]},
        {"exchanges": [{**EXCHANGE, "passages": [None] * 1_000}]},
        {"exchanges": [{**EXCHANGE, "passages": [{**PASSAGE, "id": "3-0'"}]}]},
        {"exchanges": [{**EXCHANGE, "passages": [{**PASSAGE, "page": True}]}]},
        {"exchanges": [{**EXCHANGE, "passages": [{**PASSAGE, "position": None}]}]},
        *(
            {"exchanges": [{**EXCHANGE, "proof": proof}]}
            for proof in (
                None,
                [[0, 3, 1, 2.0, False]] * 2,
                [[0, 99, 1, 2.0, False]],
                [[0, 3, 2, 2.0, False]],
                [[0, 3, 1, float("nan"), False]],
                [[0, 3, 1, "<b>", False]],
                [[0, 3, 1, 2.0]],
            )
        ),
    ],
    ids=lambda changed: str(changed)[:60],
)
def test_what_this_page_never_kept_is_refused(changed: dict[str, Any]):
    with pytest.raises(InvalidInput):
        from_browser({**KEPT, **changed}, SAY)
    with pytest.raises(InvalidInput):
        from_browser([KEPT], SAY)


@pytest.mark.parametrize("left", [None, "1", {"1": 1}, [True, "1", -1, 2.5, None]])
def test_what_is_no_document_is_not_left_out(left: Any):
    assert from_browser({**KEPT, "left": left}, SAY)[0].left_out == frozenset()
