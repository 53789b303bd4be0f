"""What the tab draws and does, without a browser: with made-up looks."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradio.blocks import Block

from qwen_ui.errors import InvalidInput
from qwen_ui.introspect.looks import Architecture, Attention, Backward, Forward, Look, Positions, Source
from qwen_ui.introspect.results import AttentionResult, ForwardResult
from qwen_ui.settings import PROJECT
from qwen_ui.tabs.inside.attention import AttentionPart
from qwen_ui.tabs.inside.draw import percent
from qwen_ui.tabs.inside.forward import candidates
from qwen_ui.tabs.inside.picture import between, heat, shrunk
from qwen_ui.tabs.inside.tab import EXAMPLES, PARTS
from qwen_ui.tabs.inside.task import MAX_TRACE_BYTES, Held, read_trace, trace_of
from tests.pages import adapter_in
from tests.tabs.inside.conftest import LOOKS, SOURCE, TEXT, Laid, held
from tests.tabs.inside.made_up import LookingEngine, made_up

KINDS = [type(look).__name__ for look in LOOKS]


def html(values: dict[Any, Any]) -> str:
    return "".join(value for value in values.values() if isinstance(value, str))


def drawn(laid: Laid, found: Held, language: str = "en-US") -> str:
    part = laid.tab._parts[found.result.kind]
    return html(part.show(found, laid.event(language=language)))


@pytest.mark.parametrize("look", LOOKS, ids=KINDS)
def test_what_the_model_says_is_text_and_never_a_tag(laid: Laid, look: Look):
    shown = drawn(laid, held(look))
    for tag in ("<b>cat", "<b>mat", "<i>so"):
        assert tag not in shown
    assert "&lt;b&gt;" in shown or isinstance(look, Architecture | Positions)


@pytest.mark.parametrize("look", LOOKS, ids=KINDS)
def test_every_plot_has_its_numbers_and_a_name_for_those_who_do_not_see_it(laid: Laid, look: Look):
    shown = drawn(laid, held(look))
    assert "<table>" in shown
    assert '<svg viewBox="0 0 600' not in shown or 'role="img" aria-label="' in shown


@pytest.mark.parametrize("look", LOOKS, ids=KINDS)
def test_a_part_speaks_chinese(laid: Laid, look: Look):
    english, chinese = drawn(laid, held(look)), drawn(laid, held(look), "zh-CN")
    assert any("一" <= character <= "鿿" for character in chinese)
    for sentence in ("The numbers", "Layer ", "Token</"):
        assert sentence not in chinese or sentence not in english


@pytest.mark.parametrize("look", LOOKS, ids=KINDS)
def test_a_trace_shows_what_was_saved(laid: Laid, look: Look):
    before = held(look)
    after = read_trace(trace_of(before).encode())
    assert (after.asked.look, after.opened) == (look, True)
    one, other = drawn(laid, before), drawn(laid, after)
    assert one == other or abs(len(one) - len(other)) < len(one) / 50  # numbers are rounded


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"not json", "not JSON, or damaged"),
        (b"\xff\xfe", "not JSON, or damaged"),
        (b"[" * 100_000, "not JSON, or damaged"),
        (b"{}", "no trace of a look inside"),
        (b" " * (MAX_TRACE_BYTES + 1), "larger than 20 MB"),
    ],
    ids=["text", "bytes", "deep", "other", "large"],
)
def test_what_is_no_trace_is_refused(data: bytes, said: str):
    with pytest.raises(InvalidInput, match=said):
        read_trace(data)


@pytest.mark.parametrize(
    ("look", "spoilt"),
    [
        (LOOKS[1], {"norms": {"shape": [1, 1], "values": [1]}}),
        (LOOKS[1], {"lens_tokens": []}),
        (LOOKS[2], {"maps": {"shape": [2, 2], "values": [0, 1, 2, 3]}}),
        (LOOKS[2], {"previous": {"shape": [0], "values": []}}),
        (LOOKS[4], {"position": 99}),
        (LOOKS[6], {"codes": {"shape": [1], "values": [99]}}),
        (LOOKS[6], {"missing": "{0.__class__}"}),
    ],
)
def test_a_trace_whose_numbers_do_not_fit_is_refused_when_it_is_opened(
    laid: Laid, tmp_path: Path, look: Look, spoilt: dict[str, Any]
):
    (path := tmp_path / "trace.json").write_text(json.dumps({**json.loads(trace_of(held(look))), **spoilt}), "utf-8")
    with pytest.raises(InvalidInput, match="damaged"):
        laid.tab._read(laid.event({laid.tab._upload: str(path)}))


def test_a_trace_brings_its_text(laid: Laid, tmp_path: Path):
    (path := tmp_path / "trace.json").write_text(trace_of(held(LOOKS[1])), "utf-8")
    values = laid.tab._read(laid.event({laid.tab._upload: str(path)}))
    assert values[laid.tab._text] == TEXT
    assert values[laid.tab._open] == "forward"


def test_maps_that_are_too_large_for_a_file_are_not_saved():
    result = made_up(Attention(SOURCE))
    assert isinstance(result, AttentionResult)
    object.__setattr__(result, "maps", np.zeros((10, 512, 512), np.float32))
    with pytest.raises(InvalidInput, match="Shorten the text"):
        trace_of(Held(held(LOOKS[2]).asked, result))


def test_sliders_draw_anew_from_what_is_held(laid: Laid):
    part, found = laid.tab._forward, held(LOOKS[1])
    greedy = part._sampled(laid.event({part.held: found, part._temperature: 0}))[part._next]
    all_of_it = part._sampled(laid.event({part.held: found, part._temperature: 1, part._top_k: 0, part._top_p: 1}))
    assert greedy.count("<span>100%</span>") == 1
    assert "<span>0%</span>" in greedy
    assert "<span>0%</span>" not in all_of_it[part._next]


def test_candidates_of_two_distributions_are_those_of_either():
    found = made_up(Forward(SOURCE))
    other = made_up(Forward(Source(text="a b c")))
    assert isinstance(found, ForwardResult)
    assert isinstance(other, ForwardResult)
    words = candidates([found.next, other.next], most=2)
    firsts = {piece.id for each in (found, other) for piece in each.next.likeliest[:2]}
    assert {word.id for word in words} <= firsts
    for word in words:
        assert word.shares == pytest.approx([each.next.probabilities()[word.id] for each in (found, other)])


def test_a_text_grows_token_by_token_and_shrinks_again(laid: Laid):
    tab, source = laid.tab, Source(text="the cat")
    chain, first = tab._chain, Held(held(LOOKS[1]).asked, made_up(Forward(source)))
    given: dict[Block, Any] = {tab._text: "the cat", tab._reading: "text"}
    event = laid.event(given)
    assert isinstance(first.result, ForwardResult)
    likeliest = first.result.next.likeliest[0].id
    given |= chain.append(event, first, likeliest)
    grown = chain.source(laid.event(given))
    assert grown.ids == (*(piece.id for piece in first.result.pieces), likeliest)
    second = Held(first.asked, made_up(Forward(grown)))
    given |= chain.append(laid.event(given), second, likeliest)
    assert len(chain.source(laid.event(given)).ids) == 4
    given |= chain.undo(laid.event(given))
    assert chain.source(laid.event(given)) == grown
    given |= chain.undo(laid.event(given))
    assert chain.source(laid.event(given)) == source
    with pytest.raises(InvalidInput, match="No token was appended"):
        chain.undo(laid.event(given))
    with pytest.raises(InvalidInput, match="The text has changed"):
        chain.append(laid.event({**given, tab._text: "the dog"}), first, likeliest)
    with pytest.raises(InvalidInput, match="not among those"):
        chain.append(laid.event(given), first, 10**6)


def test_an_edited_text_is_looked_at_as_it_is_now(laid: Laid):
    tab, found = laid.tab, Held(held(LOOKS[1]).asked, made_up(Forward(Source(text="the cat"))))
    grown = tab._chain.append(laid.event({tab._text: "the cat"}), found, 0)
    assert tab._chain.source(laid.event({**grown, tab._text: "the dog"})) == Source(text="the dog")
    chat = tab._chain.source(laid.event({tab._text: "the dog", tab._reading: "chat"}))
    assert [(each.role, each.content) for each in chat.messages] == [("user", "the dog")]


def test_a_head_of_another_layer_takes_a_look_and_one_of_this_does_not(laid: Laid):
    part = laid.tab._parts["attention"]
    assert isinstance(part, AttentionPart)
    asking, given = laid.tab._asking, {part.held: held(LOOKS[2])}
    here = part._pick(asking, laid.event(given, pick="head:3"))
    assert here[part._head] == 3
    assert "Layer 1, head 3" in html(here)
    assert asking.count not in here
    there = part._pick(asking, laid.event(given, pick="score:20"))
    assert there[part._head] == 2
    assert there[part._layer].value == 3
    assert asking.count in there
    assert part._pick(asking, laid.event(given, pick="nonsense:x")) == {}


def test_what_is_knocked_out_is_asked_for(laid: Laid):
    tab, part = laid.tab, laid.tab._parts["attention"]
    assert isinstance(part, AttentionPart)
    values = part._without_head(laid.event({part._layer: 2, part._head: 5}))
    values |= part._without_layer(laid.event({part._layer: 1}))
    values |= {part._layer: 2, part._knocked: values[part._knocked] | {(99, 0)}}
    event = laid.event(values)
    look = tab._asked(part, event, event[tab._model]).look
    assert isinstance(look, Attention)
    assert (look.layer, look.knocked, look.knocked_layers) == (2, frozenset({(2, 5)}), frozenset({1}))


def test_an_open_part_looks_only_at_what_it_does_not_show(laid: Laid):
    tab, part = laid.tab, laid.tab._forward
    given = {tab._open: "forward", tab._text: TEXT}
    assert tab._asking.count in tab._reopened(laid.event(given))
    shown = {**given, part.held: held(LOOKS[1])}
    assert tab._asking.count not in tab._reopened(laid.event(shown))
    assert tab._asking.count in tab._reopened(laid.event({**shown, tab._text: "else"}))
    assert tab._asking.count in tab._reopened(laid.event({**shown, tab._app.picker: adapter_in(laid.app, "films")}))
    assert tab._asking.count not in tab._reopened(laid.event({**given, tab._open: "backward"}))


@pytest.mark.parametrize(
    ("given", "said"),
    [({"text": " "}, "Write a text first"), ({"open": "compare"}, "Pick an adapter")],
)
def test_what_is_missing_is_asked_for(laid: Laid, given: dict[str, str], said: str):
    tab = laid.tab
    event = laid.event({tab._text: given.get("text", TEXT), tab._open: given.get("open", "forward")})
    with pytest.raises(InvalidInput, match=said):
        tab._asked(tab._parts[event[tab._open]], event, event[tab._model])


@pytest.mark.parametrize(("part", "adapter"), [("forward", "films"), ("backward", "")])
async def test_gradients_are_the_models_own_and_other_parts_look_with_the_picked_adapter(part: str, adapter: str):
    laid = Laid()
    tab, engine = laid.tab, laid.app.host.engine
    assert isinstance(engine, LookingEngine)
    event = laid.event({tab._text: TEXT, tab._open: part, tab._app.picker: adapter_in(laid.app, "films")})
    updates = [values async for values in tab._events.updates(event, tab._looking)]
    assert tab._parts[part].held in updates[-1]
    assert engine.looks[-1][1] == adapter


def test_the_code_of_each_part_is_there(laid: Laid):
    for part in laid.tab._parts.values():
        (shown,) = part._show_code(laid.event()).values()
        assert "def " in shown
        assert (PROJECT / "qwen_ui" / part.code).exists()


def test_an_answer_goes_with_each_example(laid: Laid):
    tab = laid.tab
    for _, text, answer in EXAMPLES:
        event = laid.event({tab._text: text, tab._open: "backward", tab._backward.answer: answer})
        look = tab._asked(tab._backward, event, event[tab._model]).look
        assert isinstance(look, Backward)
        assert look.answer == answer


def test_parts_are_called_as_their_results():
    assert [part.id for part in PARTS] == [made_up(look).kind for look in LOOKS]


def test_pictures_stay_small_and_keep_the_strongest():
    values = np.zeros((1000, 700))
    values[999, 350] = 1
    small = shrunk(values, 100)
    assert small.shape == (100, 100)
    assert small.max() == 1
    assert heat(values, 64).startswith("data:image/png;base64,")
    place, low, high = between(np.array([[1.0, 100.0], [np.nan, 0.0]]))
    assert (low, high) == (1, 100)
    assert place[0].tolist() == [0, 1]
    assert np.isnan(place[1]).all()


@pytest.mark.parametrize(
    ("share", "said"),
    [(1, "100%"), (0.5, "50%"), (0.0996, "10%"), (0.042, "4.2%"), (0.0004, "<0.1%"), (0, "0%")],
)
def test_a_probability_is_short(share: float, said: str):
    assert percent(share) == said
