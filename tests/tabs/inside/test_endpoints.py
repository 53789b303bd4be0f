"""/tokens as scripts call it, without the page."""

from typing import Any

import gradio as gr
import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.server.metering import Record
from qwen_ui.tabs.inside.endpoints import endpoints
from tests.fakes import FakeEngine
from tests.pages import app_of

REQUEST = gr.Request(headers={}, session_hash="me", client=None, cookies={})
SAID = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Good day"}]


async def call(engine: FakeEngine, **asked: Any) -> list[dict[str, Any]]:
    (tokens,) = endpoints(app_of(engine))
    looks: list[dict[str, Any]] = await tokens(REQUEST, **asked)
    return looks


async def test_a_text_s_first_token_has_null_and_the_others_have_alternatives() -> None:
    first, second = await call(FakeEngine(), text="Good day", top=2.0)
    assert first == {"token": "Good ", "id": 0, "probability": None, "rank": None, "alternatives": ()}
    assert second.keys() == first.keys()
    assert (second["token"], second["probability"], second["rank"]) == ("day", 0.5, 1)
    assert second["alternatives"][0] == {"token": "day", "id": 1, "probability": 0.5}
    assert len(second["alternatives"]) == 2


async def test_an_answer_is_looked_at_as_its_ids() -> None:
    engine = FakeEngine()
    good, day = engine.id_of("Good "), engine.id_of("day")
    looks = await call(engine, messages=[SAID[0], {**SAID[1], "tokens": [good, day]}])
    assert [(look["id"], look["token"]) for look in looks] == [(good, "Good "), (day, "day")]
    assert all(look["probability"] for look in looks)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"text": 5}, "must be text"),
        ({"messages": "Hi"}, "must be a list"),
        ({"messages": [{"role": "user"}]}, "Entry 1"),
        ({"messages": [{**SAID[1], "tokens": ["a"]}]}, "token ids"),
        ({"text": "Hi", "top": 1.5}, "whole number"),
        ({"text": "Hi", "top": "many"}, "whole number"),
        ({"text": "Hi", "top": float("nan")}, "whole number"),
        ({"text": "Hi", "top": 10**30}, "whole number"),
        ({"text": "Hi", "adapter": "nobody"}, "no adapter"),
    ],
)
async def test_what_can_t_be_meant_is_refused_with_a_sentence(asked: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        await call(FakeEngine(), **asked)


async def test_a_call_is_recorded_under_its_name() -> None:
    records: list[Record] = []
    app = app_of(FakeEngine())
    app.host.observe(records.append)
    (tokens,) = endpoints(app)
    await tokens(REQUEST, text="one two three")
    assert [(record.task, record.via, record.new_tokens) for record in records] == [("tokens", "api", 3)]
