"""/v1 over the embedded model: its figures are the engine's own."""

import asyncio
import itertools
import json
import math
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from gradio_client import Client
from openai import OpenAI

from qwen_ui.engine.remote import RemoteEngine, open_server
from qwen_ui.messages import Message, Sampling
from qwen_ui.server.host import EngineHost
from qwen_ui.server.v1.requests import ChatRequest
from qwen_ui.server.v1.tools import called_form
from qwen_ui.settings import Settings
from tests.pages import Serve
from tests.server.v1.conftest import client_of

COLOUR = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "蓝"]}, "light": {"$ref": "#/$defs/Light"}},
    "required": ["colour", "light"],
    "additionalProperties": False,
    "$defs": {"Light": {"type": "boolean"}},
}
TEXT = "The capital of France is Paris."
CHAT = "<|im_start|>user\nSay hi.<|im_end|>\n<|im_start|>assistant\nHi! How can I help you today?"
"""Written whole by a program, so its markers count."""


@pytest.fixture(scope="module")
def address(embedded_host: EngineHost, serve_module: Serve) -> str:
    return serve_module(embedded_host)


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[OpenAI]:
    with client_of(address) as client:
        yield client


@pytest.fixture(scope="module")
def model(client: OpenAI) -> str:
    return client.models.list().data[0].id


def test_a_chat_streams_what_it_says_in_one_piece(client: OpenAI, model: str):
    asked: Any = {"model": model, "messages": [{"role": "user", "content": "Name one river."}], "temperature": 0}
    whole = client.chat.completions.create(**asked, max_tokens=16)
    chunks = list(client.chat.completions.create(**asked, max_tokens=16, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole.choices[0].message.content
    assert whole.usage is not None
    assert whole.usage.completion_tokens <= 16
    assert whole.usage.prompt_tokens > 5


def test_the_likeliest_token_is_the_one_that_a_greedy_answer_takes(client: OpenAI, model: str):
    asked: Any = {"model": model, "messages": [{"role": "user", "content": "Name one river."}], "temperature": 0}
    choice = client.chat.completions.create(**asked, max_tokens=12, logprobs=True, top_logprobs=2).choices[0]
    assert choice.logprobs is not None
    tokens = choice.logprobs.content or []
    assert b"".join(bytes(token.bytes or []) for token in tokens).decode() == choice.message.content
    near = [token.top_logprobs[0].logprob - token.logprob for token in tokens]
    assert max(near) < 0.1, "the batch and the look compute the same in another order"


def read(client: OpenAI, model: str, prompt: Any, tokens: int = 1) -> Any:
    """As lm-evaluation-harness asks."""
    asked: Any = {"model": model, "prompt": prompt, "max_tokens": tokens, "temperature": 0, "seed": 1234}
    return client.completions.create(**asked, logprobs=1, echo=True)


def test_decisions_are_right_where_they_are_plain_and_the_same_for_scripts(client: OpenAI, model: str, address: str):
    texts = ["I love this product!", "Terrible, broke after a day."]
    asked: Any = {"question": "", "text": texts, "template": "praise"}
    answer: Any = client.post("/decide", body={"model": model, **asked}, cast_to=object)
    assert (answer["type"], answer["calibrated"]) == ("yes/no", "reference")
    assert [each["answer"] for each in answer["data"]] == ["yes", "no"]
    for each in answer["data"]:
        assert sum(each["probabilities"].values()) == pytest.approx(1)
    scripts = Client(address, verbose=False)
    same = scripts.predict(**asked, api_name="/decide")
    assert [each["probabilities"] for each in same["results"]] == [
        pytest.approx(each["probabilities"], abs=0.05) for each in answer["data"]
    ]
    score = scripts.predict("How satisfied is the customer?", texts[0], "1-5", calibration="none", api_name="/decide")
    assert [*score["probabilities"]] == ["1", "2", "3", "4", "5"]
    assert sum(score["probabilities"].values()) == pytest.approx(1)
    assert score["answer"] in range(1, 6)
    assert 1 < score["expected"] < 5


def test_an_evaluation_gets_the_scores_that_the_engine_gives(client: OpenAI, model: str, embedded_host: EngineHost):
    ends = [" Paris", " London", " a cheese"]
    begin = "The capital of France is"
    (expected,) = asyncio.run(embedded_host.engine.score([begin], ends))
    before = len(read(client, model, begin).choices[0].logprobs.tokens) - 1
    answer = read(client, model, [begin + end for end in ends])
    scores = [sum(choice.logprobs.token_logprobs[before:-1]) for choice in answer.choices]
    assert scores == pytest.approx(expected, abs=0.2)


def test_the_token_that_ends_an_answer_is_there_too(client: OpenAI, model: str):
    whole = read(client, model, CHAT, tokens=0).choices[0].logprobs
    ended = read(client, model, CHAT).choices[0].logprobs
    assert ended.tokens[:-1] == whole.tokens
    assert ended.tokens[-1] in {"<|im_end|>", "<|endoftext|>"}
    assert ended.token_logprobs[-1] == max(ended.top_logprobs[-1].values())
    assert ended.token_logprobs[1:-1] == pytest.approx(whole.token_logprobs[1:], abs=0.2)


def test_ids_say_the_same_as_their_text(client: OpenAI, model: str, embedded_host: EngineHost):
    ids = [look.id for look in asyncio.run(embedded_host.engine.tokens(TEXT, top=1))]
    by_ids, by_text = read(client, model, [ids], tokens=4).choices[0], read(client, model, TEXT, tokens=4).choices[0]
    assert by_ids.text == by_text.text
    assert by_ids.text.startswith(TEXT)
    assert by_ids.logprobs.tokens == by_text.logprobs.tokens
    with pytest.raises(openai.BadRequestError, match="no token of this model"):
        read(client, model, [10**8])


def test_all_is_told_of_a_text_in_its_order(client: OpenAI, model: str):
    told = read(client, model, TEXT, tokens=0).choices[0].logprobs
    assert "".join(told.tokens) == TEXT
    assert told.text_offset == [0, *itertools.accumulate(len(token) for token in told.tokens[:-1])]
    assert told.token_logprobs[0] is None
    assert all(-math.inf < each <= 0 for each in told.token_logprobs[1:])


def test_an_answer_in_a_form_streams_beside_stop_and_log_probabilities(client: OpenAI, model: str):
    schema: Any = {"name": "colour", "strict": True, "schema": COLOUR}
    asked: Any = {"model": model, "messages": [{"role": "user", "content": "A colour?"}], "temperature": 0}
    with client.chat.completions.stream(
        **asked, response_format={"type": "json_schema", "json_schema": schema}, max_tokens=40, logprobs=True
    ) as stream:
        choice = stream.get_final_completion().choices[0]
    said = json.loads(choice.message.content or "")
    assert (said["colour"] in {"red", "蓝"}, type(said["light"])) == (True, bool)
    assert choice.finish_reason == "stop"
    assert choice.logprobs is not None
    tokens = choice.logprobs.content or []
    assert b"".join(bytes(token.bytes or []) for token in tokens).decode() == choice.message.content
    with pytest.raises(openai.BadRequestError, match="Unimplemented keys"):
        schema["schema"] = {"not": {}}
        client.chat.completions.create(**asked, response_format={"type": "json_schema", "json_schema": schema})
    cut = client.chat.completions.create(**asked, response_format={"type": "json_object"}, max_tokens=30, stop="{")
    assert (cut.choices[0].message.content, cut.choices[0].finish_reason) == ("", "stop")


def test_the_form_of_a_call_is_one_that_answers_can_be_held_to(embedded_host: EngineHost):
    parameters = {name: COLOUR[name] for name in ("properties", "required", "additionalProperties", "$defs")}
    tools = [{"type": "function", "function": {"name": name, "parameters": parameters}} for name in ("a", "b")]
    asked = {"model": "x", "messages": [{"role": "user", "content": "Go."}], "tools": tools, "tool_choice": "required"}
    form = called_form(ChatRequest.model_validate(asked))

    async def said() -> str:
        sampling = Sampling(max_new_tokens=60, temperature=0, form=form)
        async with embedded_host.engine.stream([Message("user", "Go.")], sampling) as stream:
            return "".join([chunk.text async for chunk in stream])

    call = json.loads(asyncio.run(said()))
    assert call["name"] in {"a", "b"}
    assert call["arguments"].keys() == {"colour", "light"}


def test_a_model_that_knows_no_tools_says_so(client: OpenAI, model: str):
    tool: Any = {"type": "function", "function": {"name": "time", "parameters": {}}}
    with pytest.raises(openai.BadRequestError, match="has not learnt to call tools"):
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hi"}], tools=[tool])


async def remote(address: str) -> RemoteEngine:
    return await asyncio.to_thread(open_server, Settings(model=f"{address}v1"), lambda progress: None)


async def test_another_page_can_stand_before_it(client: OpenAI, model: str, address: str, embedded_host: EngineHost):
    engine, question = await remote(address), [Message("user", "Name one river.")]
    assert engine.info.remote is not None
    assert engine.info.remote.features == {
        *("streaming", "usage", "stop", "n", "log-probabilities", "prompt log-probabilities"),
        *("guided choice", "plain texts"),
    }
    assert (engine.info.model, engine.info.scoring) == (model, "exact")
    async with engine.stream(question, Sampling(max_new_tokens=12, temperature=0)) as stream:
        chunks = [chunk async for chunk in stream]
    asked: Any = {"model": model, "messages": [{"role": "user", "content": "Name one river."}], "temperature": 0}
    answer = await asyncio.to_thread(lambda: client.chat.completions.create(**asked, max_tokens=12))
    assert "".join(chunk.text for chunk in chunks) == answer.choices[0].message.content
    begin, ends = "The capital of France is", [" Paris", " London", " a cheese"]
    (scores,) = await engine.score([begin], ends)
    (expected,) = await asyncio.to_thread(lambda: asyncio.run(embedded_host.engine.score([begin], ends)))
    assert scores == pytest.approx(expected, abs=0.2)
    async with engine.stream(question, Sampling(max_new_tokens=40, form=json.dumps(COLOUR))) as stream:
        assert json.loads("".join([chunk.text async for chunk in stream]))["colour"] in {"red", "蓝"}
    async with engine.stream(question, Sampling(max_new_tokens=2_000)) as stream:
        await anext(stream)
    async with asyncio.timeout(60):
        while embedded_host.engine.active:  # leaving the stream here ends the answer there
            await asyncio.sleep(0.05)
    await engine.close()
