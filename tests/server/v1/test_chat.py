"""POST /v1/chat/completions and GET /v1/models, with OpenAI's own client."""

import asyncio
import json
import socket
import threading
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from qwen_ui.errors import Busy, EngineFailed, PromptTooLong
from qwen_ui.messages import Message
from qwen_ui.server.host import EngineHost
from qwen_ui.server.v1 import streams
from qwen_ui.settings import Settings
from tests.fakes import INFO, FakeEngine
from tests.pages import Serve, host_of
from tests.server.v1.conftest import Served, client_of

MODEL = INFO.model
ASK: Any = [{"role": "user", "content": "hi"}]


def test_the_models_are_told(client: OpenAI, served: Served):
    served.says()
    assert [model.id for model in client.models.list()] == [MODEL]
    assert client.models.retrieve(MODEL).owned_by == "qwen-ui"


def test_an_answer_in_one_piece(client: OpenAI, served: Served):
    engine = served.says("Good ", "morning.")
    answer = client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "developer", "content": "Be kind."}, *ASK],
        temperature=0,
        top_p=0.5,
        max_completion_tokens=7,
        stop="END",
        user="me",
        extra_body={"top_k": 3},
    )
    assert answer.choices[0].message.content == "Good morning."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (3, 2, 5)
    messages, sampling = engine.asked[0]
    assert messages == [Message("system", "Be kind."), Message("user", "hi")]
    assert (sampling.temperature, sampling.top_p, sampling.top_k) == (0, 0.5, 3)
    assert (sampling.max_new_tokens, sampling.stop) == (7, ("END",))


def test_an_answer_takes_what_the_context_leaves_unless_told_otherwise(client: OpenAI, served: Served):
    engine = served.says("ok")
    client.chat.completions.create(model=MODEL, messages=ASK)
    assert engine.asked[0][1].max_new_tokens == INFO.context_length - 1


def test_a_stream(client: OpenAI, served: Served):
    served.says("Good ", "morning.")
    asked: Any = {"model": MODEL, "messages": ASK, "stream": True}
    chunks = list(client.chat.completions.create(**asked, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Good morning."
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 2
    assert all(c.usage is None for c in client.chat.completions.create(**asked))


async def test_the_asynchronous_client_and_its_helper_for_streams(served: Served):
    served.says("one ", "two")
    async with (
        AsyncOpenAI(base_url=f"{served.url}v1", api_key="none", max_retries=0) as client,
        client.chat.completions.stream(model=MODEL, messages=ASK) as stream,
    ):
        kinds = [event.type async for event in stream]
        final = await stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= set(kinds)
    assert final.choices[0].message.content == "one two"


@pytest.mark.parametrize("stream", [False, True])
def test_several_answers(client: OpenAI, served: Served, stream: bool):
    engine = served.says("a ", "b")
    if stream:
        texts = ["", "", ""]
        for chunk in client.chat.completions.create(model=MODEL, messages=ASK, n=3, stream=True):
            texts[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    else:
        answer = client.chat.completions.create(model=MODEL, messages=ASK, n=3)
        texts = [choice.message.content or "" for choice in answer.choices]
        assert answer.usage is not None
        assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (1, 6)
    assert texts == ["a b"] * 3
    assert engine.active == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_a_closed_connection_frees_the_request(served: Served, stream: bool):
    engine, records = served.says(*["word "] * 100, steps=1), served.records
    async with AsyncOpenAI(base_url=f"{served.url}v1", api_key="none", max_retries=0) as client:
        asking = asyncio.ensure_future(client.chat.completions.create(model=MODEL, messages=ASK, stream=stream))
        while not engine.active:
            await asyncio.sleep(0.01)
        if stream:
            answer: Any = await asking
            await answer.close()
        else:
            asking.cancel()
        while not records:
            await asyncio.sleep(0.01)
    assert engine.active == 0
    assert (records[0].outcome, records[0].via, records[0].task) == ("closed", "v1", "chat")


def test_a_client_that_does_not_read_loses_its_place(served: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streams, "READING_SECONDS", 0.2)
    engine = served.says(*["word " * 1000] * 20_000)
    url = httpx.URL(served.url)
    body = json.dumps({"model": MODEL, "messages": ASK, "stream": True})
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: {url.host}\r\ncontent-type: application/json\r\n"
    with socket.create_connection((url.host, url.port or 80), timeout=60) as connection:
        connection.sendall(f"{head}content-length: {len(body)}\r\n\r\n{body}".encode())
        assert connection.recv(12) == b"HTTP/1.1 200"
        patience = threading.Event()
        while not served.records:
            patience.wait(0.05)
    assert served.records[0].outcome == "closed"
    assert engine.active == 0


@pytest.mark.parametrize(
    ("refusal", "error", "code", "retry"),
    [
        (PromptTooLong("Too long."), openai.BadRequestError, "context_length_exceeded", None),
        (Busy("Full."), openai.InternalServerError, "server_overloaded", "5"),
        (EngineFailed("Broken."), openai.InternalServerError, "engine_failed", "5"),
        (ValueError("a visitor's secret"), openai.InternalServerError, "internal_error", None),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_the_engine_refuses_has_openais_errors(
    client: OpenAI,
    served: Served,
    refusal: Exception,
    error: type[openai.APIStatusError],
    code: str,
    retry: str | None,
    stream: bool,
):
    served.says(refusal=refusal)
    with pytest.raises(error) as raised:
        client.chat.completions.create(model=MODEL, messages=ASK, stream=stream)
    assert raised.value.code == code
    assert raised.value.response.headers.get("retry-after") == retry
    assert "secret" not in raised.value.response.text


def test_an_answer_that_breaks_says_so_in_its_stream(client: OpenAI, served: Served):
    served.says("Good ", error=EngineFailed("Broken."))
    with pytest.raises(openai.APIError, match="Broken"):
        list(client.chat.completions.create(model=MODEL, messages=ASK, stream=True))


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"messages": []}, "messages", "invalid_value"),
        ({"messages": [{"role": "nobody", "content": "x"}]}, "messages.0.role", "invalid_value"),
        ({"messages": [{"role": "user", "content": None}]}, "messages.0.content", "invalid_value"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages.0.content", "invalid_value"),
        ({"temperature": "hot"}, "temperature", "invalid_value"),
        ({"temperature": 77}, None, "invalid_value"),
        ({"n": 1000}, "n", "invalid_value"),
        ({"stop": ["x"] * 99}, "stop", "invalid_value"),
        ({"max_tokens": 100_000}, "messages", "context_length_exceeded"),
        ({"messages": [{"role": "user", "content": "x" * 200_000}]}, "messages", "context_length_exceeded"),
        ({"frequency_penalty": 1}, "frequency_penalty", "unsupported_parameter"),
        ({"seed": 2**63}, "seed", "invalid_value"),
        ({"response_format": {"type": "json_schema"}}, "response_format", "invalid_value"),
        ({"response_format": {"type": "xml"}}, "response_format.type", "invalid_value"),
        ({"top_logprobs": 3}, "top_logprobs", "unsupported_parameter"),
        ({"max_token": 3}, "max_token", "unknown_parameter"),
        ({"model": None}, "model", "missing_required_parameter"),
    ],
)
def test_what_can_not_be_asked_names_the_field(
    client: OpenAI, served: Served, change: dict[str, Any], param: str, code: str
):
    engine = served.says("ok")
    with pytest.raises(openai.BadRequestError) as raised:
        client.post("/chat/completions", body={"model": MODEL, "messages": ASK, **change}, cast_to=object)
    assert (raised.value.param, raised.value.code) == (param, code)
    assert not engine.asked


def test_what_asks_for_nothing_is_let_through(client: OpenAI, served: Served):
    neutral: Any = {"frequency_penalty": 0, "logit_bias": {}, "seed": 1, "temperature": 0, "store": True, "stop": None}
    answer = client.chat.completions.create(model=MODEL, messages=ASK, **neutral)
    assert answer.choices[0].message.content == "ok"


@pytest.mark.parametrize("model", ["gpt-4", f"{MODEL}:", f"{MODEL}:nobody", f"{MODEL}:../../etc"])
def test_a_model_that_there_is_not(client: OpenAI, served: Served, model: str):
    served.says("ok")
    with pytest.raises(openai.NotFoundError) as raised:
        client.chat.completions.create(model=model, messages=ASK)
    assert raised.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve(model)


def test_what_is_not_served_is_told_in_the_same_shape(client: OpenAI, served: Served):
    served.says()
    with pytest.raises(openai.NotFoundError) as raised:
        client.embeddings.create(model=MODEL, input="x")
    assert raised.value.code == "unknown_url"


def test_an_adapter_is_a_model_of_its_own(serve: Serve, tmp_path: Path):
    (folder := tmp_path / "adapters" / "films").mkdir(parents=True)
    (folder / "adapter_config.json").write_text("{}")
    engine = FakeEngine(["ok"])
    with client_of(serve(host_of(engine))) as client:
        assert [model.id for model in client.models.list()] == [MODEL, f"{MODEL}:films"]
        answer = client.chat.completions.create(model=f"{MODEL}:films", messages=ASK)
    assert answer.model == f"{MODEL}:films"
    assert engine.adapters == ["films"]


def test_while_the_model_is_being_opened_programs_are_told_to_come_back(serve: Serve):
    host = EngineHost(Settings(), lambda settings, report: FakeEngine())
    with client_of(serve(host)) as client, pytest.raises(openai.InternalServerError) as raised:
        client.chat.completions.create(model=MODEL, messages=ASK)
    assert (raised.value.status_code, raised.value.response.headers["retry-after"]) == (503, "5")
