"""Tools: what the model is told, and its calls, through OpenAI's own client."""

import json
from typing import Any

import openai
import pytest
from openai import OpenAI

from qwen_ui.messages import Message, ToolCall
from qwen_ui.server.v1.messages import conversation
from qwen_ui.server.v1.requests import Called, CalledFunction, Said
from qwen_ui.server.v1.tools import CallReader
from tests.fakes import INFO
from tests.server.v1.conftest import Served

MODEL = INFO.model
ASK: Any = [{"role": "user", "content": "Weather in Lyon?"}]
FUNCTION = {"name": "weather", "description": "Tells it.", "parameters": {"type": "object", "properties": {}}}
TOOLS: Any = [{"type": "function", "function": FUNCTION}]
TIME: Any = {"type": "function", "function": {"name": "time"}}
SAID = ["Let me see.\n<tool_", 'call>\n{"name": "weather", "argu', 'ments": {"city": "Lyon"}}\n</tool', "_call>"]
TWO = [*SAID, '\n<tool_call>\n{"name": "time", "arguments": {}}\n</tool_call>']


def calls_of(message: Any) -> list[tuple[str, Any]]:
    return [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or []]


def test_a_call_in_an_answer(client: OpenAI, served: Served):
    engine = served.says(*TWO)
    choice = client.chat.completions.create(model=MODEL, messages=ASK, tools=[*TOOLS, TIME]).choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content == "Let me see."
    assert calls_of(choice.message) == [("weather", {"city": "Lyon"}), ("time", {})]
    assert len({call.id for call in choice.message.tool_calls or []}) == 2
    (system, user), _ = engine.asked[0]
    assert (system.role, system.content, user.content) == ("system", "", "Weather in Lyon?")
    assert [json.loads(tool) for tool in system.tools] == [*TOOLS, TIME]


def test_one_call_alone_where_no_more_are_wanted(client: OpenAI, served: Served):
    served.says(*TWO)
    asked: Any = {"tools": [*TOOLS, TIME], "parallel_tool_calls": False}
    answer = client.chat.completions.create(model=MODEL, messages=ASK, **asked)
    assert calls_of(answer.choices[0].message) == [("weather", {"city": "Lyon"})]


def test_calls_in_a_stream(client: OpenAI, served: Served):
    served.says(*TWO)
    with client.chat.completions.stream(model=MODEL, messages=ASK, tools=[*TOOLS, TIME]) as stream:
        events = list(stream)
        choice = stream.get_final_completion().choices[0]
    assert {"content.delta", "tool_calls.function.arguments.done"} <= {event.type for event in events}
    assert choice.finish_reason == "tool_calls"
    assert (choice.message.content or "").strip() == "Let me see."
    assert calls_of(choice.message) == [("weather", {"city": "Lyon"}), ("time", {})]


def test_what_a_tool_gave_goes_back(client: OpenAI, served: Served):
    engine = served.says("Sunny.")
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Lyon"}'}}
    answer = client.chat.completions.create(
        model=MODEL,
        messages=[
            {"role": "system", "content": "Be short."},
            *ASK,
            {"role": "assistant", "content": None, "tool_calls": [call]},  # type: ignore[list-item]
            {"role": "tool", "tool_call_id": "call_1", "content": "sun"},
        ],
        tools=TOOLS,
    )
    assert answer.choices[0].message.content == "Sunny."
    assert answer.choices[0].finish_reason == "stop"
    system, _, called, given = engine.asked[0][0]
    assert (system.content, len(system.tools)) == ("Be short.", 1)
    assert called.calls == (ToolCall("weather", '{"city": "Lyon"}'),)
    assert given == Message("tool", "sun")


def test_results_stand_in_the_order_of_their_calls():
    calls = [Called(id=id, function=CalledFunction(name="weather", arguments="{}")) for id in ("a", "b")]
    said = [Said(role="assistant", tool_calls=calls)]
    said += [Said(role="tool", tool_call_id=id, content=f"of {id}") for id in ("c", "b", "a")]
    contents = [message.content for message in conversation([*said, Said(role="user", content="Well?")])]
    assert contents == ["", "of a", "of b", "of c", "Well?"]


@pytest.mark.parametrize(
    ("choice", "names"),
    [({"type": "function", "function": {"name": "time"}}, ["time"]), ("required", ["weather", "time"])],
)
def test_a_call_that_is_required_has_begun_and_has_its_form(
    client: OpenAI, served: Served, choice: Any, names: list[str]
):
    engine = served.says('{"name": "time", ', '"arguments": {}}')
    answer = client.chat.completions.create(model=MODEL, messages=ASK, tools=[*TOOLS, TIME], tool_choice=choice)
    assert calls_of(answer.choices[0].message) == [("time", {})]
    assert answer.choices[0].finish_reason == "tool_calls"
    messages, sampling = engine.asked[0]
    assert messages[-1] == Message("assistant", "<tool_call>\n")
    assert [call["properties"]["name"]["const"] for call in json.loads(sampling.form)["anyOf"]] == names


def test_tools_that_must_not_be_called_are_not_told(client: OpenAI, served: Served):
    engine = served.says(*SAID)
    answer = client.chat.completions.create(model=MODEL, messages=ASK, tools=TOOLS, tool_choice="none")
    assert answer.choices[0].message.content == "".join(SAID)
    assert engine.asked[0][0] == [Message("user", "Weather in Lyon?")]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools.0.function.name"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice"),
        ({"messages": [*ASK, {"role": "assistant", "content": "x"}], "tool_choice": "required"}, "tool_choice"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "[1]"}}]}]},
            "messages.0.tool_calls.0.function.arguments",
        ),
        (
            {"messages": [{**ASK[0], "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}]},
            "messages.0.tool_calls",
        ),
    ],
)
def test_bad_tools_name_the_field(client: OpenAI, served: Served, change: dict[str, Any], param: str):
    served.says("ok")
    body = {"model": MODEL, "messages": ASK, "tools": TOOLS, **change}
    with pytest.raises(openai.BadRequestError) as raised:
        client.post("/chat/completions", body=body, cast_to=object)
    assert raised.value.param == param


@pytest.mark.parametrize(
    "text",
    ["<tool_call>no json</tool_call>", "<tool_call>{}</tool_call>", "a <tool", "<tool_call>" + "[" * 100_000, "a < b"],
)
def test_what_is_no_call_is_text(text: str):
    reader = CallReader()
    parts = [reader.take(character) for character in text[:200]]
    parts += [reader.take(text[200:]), reader.finish()]
    assert "".join(said for said, _ in parts) == text
    assert not any(calls for _, calls in parts)
    assert not reader.called


def test_a_call_that_the_answers_end_cuts_is_one_if_it_is_whole():
    reader = CallReader()
    assert reader.take('<tool_call>{"name": "f", "arguments": {}}') == ("", [])
    said, (call,) = reader.finish()
    assert (said, call.called) == ("", ToolCall("f", "{}"))
