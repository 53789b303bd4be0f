"""POST /v1/completions, and log-probabilities."""

import math
from dataclasses import replace
from typing import Any

import openai
import pytest
from openai import OpenAI

from qwen_ui.messages import Message, TokenLook
from qwen_ui.server.v1.logprobs import of_text
from tests.fakes import INFO, PROBABILITIES, FakeEngine
from tests.server.v1.conftest import Served

MODEL = INFO.model
ASK: Any = [{"role": "user", "content": "hi"}]
TOOL: Any = {"type": "function", "function": {"name": "time"}}
LOGS = [math.log(each) for each in PROBABILITIES]


def test_a_text_is_gone_on_with_as_it_is(client: OpenAI, served: Served):
    engine = served.says("upon ", "a time")
    answer = client.completions.create(model=MODEL, prompt="Once", max_tokens=5, temperature=0)
    assert answer.choices[0].text == "upon a time"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (1, 2)
    messages, sampling = engine.asked[0]
    assert messages == [Message("text", "Once")]
    assert sampling.max_new_tokens == 5


def test_ids_and_several_texts(client: OpenAI, served: Served):
    engine = served.says("x")
    answer = client.completions.create(model=MODEL, prompt=[[1, 2], [3]], n=2)
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert sorted(messages[0].tokens for messages, _ in engine.asked) == [(1, 2), (1, 2), (3,), (3,)]
    assert engine.asked[0][1].max_new_tokens == 16
    client.completions.create(model=MODEL, prompt=[7, 8])
    assert engine.asked[-1][0][0].tokens == (7, 8)


def test_a_stream_of_texts(client: OpenAI, served: Served):
    served.says("upon ", "a time")
    asked: Any = {"model": MODEL, "prompt": "Once ", "echo": True, "stream": True}
    chunks = list(client.completions.create(**asked, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == "Once upon a time"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None


def test_a_text_is_only_read_where_no_tokens_are_wanted(client: OpenAI, served: Served):
    engine = served.says("never")
    answer = client.completions.create(model=MODEL, prompt="one two three", max_tokens=0, echo=True, logprobs=2)
    told: Any = answer.choices[0].logprobs  # its type knows of no null
    assert answer.choices[0].text == "one two three"
    assert told is not None
    assert told.tokens == ["one ", "two ", "three"]
    first, *rest = told.token_logprobs
    assert first is None
    assert rest == pytest.approx(LOGS[1:3])
    assert told.text_offset == [0, 4, 8]
    assert told.top_logprobs is not None
    assert told.top_logprobs[0] is None
    assert set(told.top_logprobs[2]) == {"other0 ", "other1 ", "three"}
    assert not engine.asked
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (3, 0)


@pytest.mark.parametrize("echo", [True, False])
def test_log_probabilities_of_a_text_and_what_comes_after_it(client: OpenAI, served: Served, echo: bool):
    served.says("three ", "four")
    answer = client.completions.create(model=MODEL, prompt="one two ", max_tokens=9, echo=echo, logprobs=1)
    told = answer.choices[0].logprobs
    assert told is not None
    begin = 0 if echo else 2
    assert told.tokens == ["one ", "two ", "three ", "four"][begin:]
    assert told.text_offset == [0, 4, 8, 14][begin:]
    assert told.token_logprobs is not None
    assert told.token_logprobs[-1] == pytest.approx(LOGS[0])


@pytest.mark.parametrize("stream", [False, True])
def test_log_probabilities_of_an_answer(client: OpenAI, served: Served, stream: bool):
    served.says("Good ", "day")
    asked: Any = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "logprobs": True, "top_logprobs": 2}
    if stream:
        chunks = list(client.chat.completions.create(**asked, stream=True))
        told = [token for c in chunks if c.choices[0].logprobs for token in c.choices[0].logprobs.content or []]
    else:
        choice = client.chat.completions.create(**asked).choices[0]
        assert choice.logprobs is not None
        told = choice.logprobs.content or []
    assert [token.token for token in told] == ["Good ", "day"]
    assert [token.logprob for token in told] == list(map(pytest.approx, LOGS[:2]))
    assert told[0].bytes == list(b"Good ")
    assert [len(token.top_logprobs) for token in told] == [2, 2]
    assert told[0].top_logprobs[0].token == "Good "


@pytest.mark.parametrize(
    ("path", "asked", "param"),
    [
        ("/completions", {"prompt": "Once"}, "prompt"),
        ("/chat/completions", {"messages": ASK, "logprobs": True}, "logprobs"),
        ("/chat/completions", {"messages": ASK, "tools": [TOOL]}, "tools"),
    ],
)
def test_what_an_engine_has_not_the_ability_for_is_refused(
    client: OpenAI, served: Served, monkeypatch: pytest.MonkeyPatch, path: str, asked: dict[str, Any], param: str
):
    engine = served.says("ok")
    monkeypatch.setattr(FakeEngine, "info", replace(INFO, abilities=frozenset()))
    with pytest.raises(openai.BadRequestError) as raised:
        client.post(path, body={"model": MODEL, **asked}, cast_to=object)
    assert (raised.value.param, raised.value.code) == (param, "unsupported_parameter")
    assert not engine.asked
    assert client.chat.completions.create(model=MODEL, messages=ASK).choices[0].message.content == "ok"


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"prompt": {"a": 1}}, None, "invalid_value"),
        ({"prompt": ["x"] * 1000}, None, "invalid_value"),
        ({"prompt": [-1]}, None, "invalid_value"),
        ({"prompt": "x" * 200_000}, "messages", "context_length_exceeded"),
        ({"logprobs": 99}, "logprobs", "invalid_value"),
        ({"suffix": "end"}, "suffix", "unsupported_parameter"),
        ({"best_of": 3}, "best_of", "unsupported_parameter"),
    ],
)
def test_what_can_not_be_asked_names_the_field(
    client: OpenAI, served: Served, change: dict[str, Any], param: str | None, code: str
):
    engine = served.says("ok")
    with pytest.raises(openai.BadRequestError) as raised:
        client.post("/completions", body={"model": MODEL, "prompt": "hi", **change}, cast_to=object)
    assert raised.value.code == code
    assert param is None or raised.value.param == param
    assert not engine.asked


def test_tokens_that_share_a_character_are_where_it_is():
    tokens = ["a", " <0xE5>", "<0xA5>", "<0xBD><0xE8>", "<0xAF><0x84>", "b", "评c", "d"]
    looks = [TokenLook(token, 1, 0.5, 1, ()) for token in tokens]
    assert of_text(looks, 0, 0).text_offset == [0, 1, 2, 2, 3, 4, 5, 7]
    assert of_text(looks[2:], 0, 3).text_offset == [2, 2, 3, 4, 5, 7]
